"""What stands before the colon: type, scope and the mark of a breaking change. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

from reverser.model.change import Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Entry
from reverser_conventional.settings import Settings, TypeRule


def head(plan: CommitPlan, settings: Settings) -> str:
    """`feat(shop)!`, without the colon."""
    scope = _scope(plan, settings.scope)
    scope = f"({scope})" if scope else ""
    if plan.first.origin is not Origin.LIVE:
        return f"{settings.snapshot_type}{scope}"
    for rule in settings.rules:
        if any(_matches(rule, entry) for entry in plan.entries):
            return f"{rule.type}{scope}{'!' if rule.breaking else ''}"
    return f"{settings.type}{scope}"


def _scope(plan: CommitPlan, template: str) -> str:
    scopes = {_filled(template, entry) for entry in plan.entries}
    return re.sub(r"[()\s]", "", scopes.pop()) if len(scopes) == 1 else ""


def _filled(template: str, entry: Entry) -> str:
    key = entry.key
    return template.format(
        namespace=key.namespace,
        cluster=key.cluster,
        destination=entry.destination,
        group=key.group,
        resource=key.resource,
        kind=entry.kind.lower(),
        name=key.name,
    )


def _matches(rule: TypeRule, entry: Entry) -> bool:
    fields = [change.partition(": ")[0] for change in entry.changes]
    return (
        entry.operation.value in rule.operations
        and _any(rule.resources, [entry.key.type_name])
        and _any(rule.namespaces, [entry.key.namespace])
        and _any(rule.users, [entry.attribution.actor.name])
        and (not rule.fields or _any(rule.fields, fields))
    )


def _any(globs: Iterable[str], names: Iterable[str]) -> bool:
    names = list(names)
    return any(_glob(glob).fullmatch(name) for glob in globs for name in names)


def _glob(glob: str) -> re.Pattern[str]:
    """fnmatch would read the brackets of `containers[web]` as a set of letters.

    Between two stars the first place that fits is as good as any later one: no other is tried.
    """
    first, *others = (
        "".join("." if sign == "?" else re.escape(sign) for sign in part) for part in glob.split("*")
    )
    *middle, last = others or [""]
    between = "".join(f"(?>.*?{part})" for part in middle)
    return re.compile(f"{first}{between}.*{last}" if others else first, re.DOTALL)
