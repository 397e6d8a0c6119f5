"""What `[[rules]]`, `[[sensitive]]` and `[[sanitize]]` tables must fulfil.

Whether a type exists is known only when the API server was asked: `reverser check` tells.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reverser.config.problems import did_you_mean, one_of, show
from reverser.sanitize.field_path import parse_path
from reverser.select import labels

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    import msgspec

    from reverser.config.problems import Report
    from reverser.model.rule import Rule, SanitizeRule, SensitiveRule

RESOURCE = re.compile(r"(?:\*|[A-Za-z0-9-]+)(?:\.[A-Za-z0-9-]*)*", re.ASCII)

NAMESPACE = re.compile(r"[a-z0-9*?!\[\]-]+", re.ASCII)


def check_rule(
    rule: Rule, path: str, clusters: Collection[str], destinations: Collection[str], report: Report
) -> None:
    """Report what is wrong inside one rule, and what it names that is not there."""
    _check_known(rule.cluster, clusters, f"{path}.cluster", report)
    _check_known(rule.destination, destinations, f"{path}.destination", report)
    _check_not_empty(rule, ("resources", "namespaces", "operations"), path, report)
    for key in ("resources", "exclude_resources"):
        _check_each(getattr(rule, key), _resource, f"{path}.{key}", report)
    for key in ("namespaces", "exclude_namespaces"):
        _check_each(getattr(rule, key), _namespace, f"{path}.{key}", report)
    _check_each([rule.selector], labels.parse, f"{path}.selector", report)
    _check_actors(rule, path, report)


def check_users_are_known(rule: Rule, path: str, report: Report) -> None:
    """Report lists of users where nothing ever tells who a user was: they would do nothing."""
    for key in ("exclude_users", "only_users"):
        if getattr(rule, key) and not report.faulty(f"{path}.{key}"):
            hint = "add a [webhook] table, or use exclude_managers"
            report.add(f"{path}.{key}", "works only where a webhook tells who made a change", hint)


def check_sanitize(table: SanitizeRule, path: str, report: Report) -> None:
    """Report what is wrong inside one `[[sanitize]]` table."""
    _check_not_empty(table, ("resources",), path, report)
    _check_each(table.resources, _resource, f"{path}.resources", report)
    for key in ("strip", "insignificant"):
        _check_each(getattr(table, key), parse_path, f"{path}.{key}", report)


def check_sensitive(table: SensitiveRule, path: str, report: Report) -> None:
    """Report what is wrong inside one `[[sensitive]]` table."""
    _check_not_empty(table, ("resources",), path, report)
    _check_each(table.resources, _resource, f"{path}.resources", report)
    _check_each(table.paths, parse_path, f"{path}.paths", report)


def _check_known(name: str, known: Collection[str], path: str, report: Report) -> None:
    if name in known or report.faulty(path):
        return
    table = f"[[{path.rpartition('.')[2]}s]]"
    hint = did_you_mean(name, known) or (f"it can be {one_of(sorted(known))}" if known else "")
    report.add(path, f"{show(name)} is not the name of a {table} table", hint)


def _check_not_empty(table: msgspec.Struct, keys: Sequence[str], path: str, report: Report) -> None:
    for key in keys:
        if not getattr(table, key) and not report.faulty(f"{path}.{key}"):
            report.add(f"{path}.{key}", "is empty, so nothing would be selected", "leave it out")


def _check_each(values: Sequence[str], parse: Callable[[str], Any], path: str, report: Report) -> None:
    """Report each value that `parse` raises ValueError for; a single text has no number in its path."""
    if report.faulty(path):
        return
    for index, value in enumerate(values):
        try:
            parse(value)
        except ValueError as error:
            where = path if path.endswith(".selector") else f"{path}[{index}]"
            report.add(where, f"{show(value)}: {error}")


def _check_actors(rule: Rule, path: str, report: Report) -> None:
    keys = ("exclude_users", "exclude_managers", "only_users")
    for key in keys:
        _check_each(getattr(rule, key), check_actor, f"{path}.{key}", report)
    if rule.excluded != "skip" and not any(getattr(rule, key) for key in keys):
        report.add(
            f"{path}.excluded",
            "does nothing without a list of users or managers",
            f"add {one_of(keys)}, or leave it out",
        )


def _resource(text: str) -> None:
    if not RESOURCE.fullmatch(text):
        raise ValueError(
            "is not a resource type; write it as kubectl does, for example deployments.apps, *.apps or *"
        )


def _namespace(text: str) -> None:
    if not NAMESPACE.fullmatch(text):
        raise ValueError("can match no namespace; write names or globs, for example team-*")


def check_actor(text: str) -> None:
    """Raise ValueError for what can match no user and no field manager."""
    if not text.strip():
        raise ValueError(
            "can match no user; write names or globs, for example system:serviceaccount:flux-system:*"
        )
    if text.startswith("re:"):
        raise ValueError("is a regular expression; only names and globs are allowed here")
