"""Why a rule is not in force, as far as its spec, its access and its GitRepoConfig tell.

What its elements select is looked at after that, in `rule_compiler`.
"""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from reverser.config.rule_checks import check_actor
from reverser.custom_resources import label_selector
from reverser.custom_resources.access import Access
from reverser.custom_resources.api_types import AnyRule, WatchRule
from reverser.custom_resources.label_selector import SelectorTooLarge
from reverser.custom_resources.model import ObjectName, Verdict
from reverser.text import cut, visible

MOST_CHARACTERS = 100_000
"""Characters of all lists in a rule's spec together, its label selectors aside."""
MOST_ENTRIES = 2_000
"""Of all lists in a rule's spec together."""
MOST_LISTED = 10
"""Names in one sentence."""


class ConfigState(msgspec.Struct, frozen=True):
    """What a rule depends on of the GitRepoConfig that it may use."""

    name: ObjectName
    destination: str
    """Empty: there is none, since the config is refused."""
    writes_secrets: bool
    trouble: str = ""
    """Why it is not ready, for the owner of the config."""
    waiting: bool = False
    """Whether it is only being looked at."""


class RefusedRule(Exception):
    """A rule that is not in force."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict.message)
        self.verdict = verdict


def refused(reason: str, message: str, stalled: str | None = None) -> RefusedRule:
    """The refusal; `stalled` differs from `reason` where nobody has to act."""
    return RefusedRule(Verdict(False, reason, message, reason if stalled is None else stalled))


def check_spec(rule: AnyRule) -> None:
    """Raise RefusedRule for a spec that is suspended, too large, or names what can select nothing."""
    if rule.spec.suspend:
        message = "spec.suspend is true: the rule selects nothing, and no file is removed"
        raise refused("Suspended", message, "")
    _check_size(rule)
    for field in ("exclude_users", "exclude_managers", "only_users"):
        for glob in getattr(rule.spec, field):
            try:
                check_actor(glob)
            except ValueError as error:
                message = f'spec.{_camel(field)} "{short(glob)}" {error}'
                raise refused("UsersInvalid", message) from None


def _camel(field: str) -> str:
    head, tail = field.split("_")
    return f"{head}{tail.title()}"


def _check_size(rule: AnyRule) -> None:
    spec = rule.spec
    lists: list[tuple[str, ...]] = [spec.exclude_users, spec.exclude_managers, spec.only_users]
    for each in spec.rules:
        lists += [each.resources, each.operations, each.api_groups, each.api_versions]
    entries = sum(map(len, lists))
    size = sum(len(text) for texts in lists for text in texts)
    if entries > MOST_ENTRIES or size > MOST_CHARACTERS:
        message = (
            f"spec lists {entries:,} names of {size:,} characters; {MOST_ENTRIES:,} names of "
            f"{MOST_CHARACTERS:,} characters are the most: split it into several rules"
        )
        raise refused("RuleTooLarge", message)


def selector_text(rule: AnyRule) -> str:
    """The label selector for objects, as rules spell it; raises RefusedRule for one that cannot be read."""
    if not isinstance(rule, WatchRule):
        return ""
    try:
        return label_selector.spelt(rule.spec.object_selector)
    except ValueError as error:
        raise bad_selector("spec.objectSelector", error) from None


def bad_selector(field: str, error: ValueError) -> RefusedRule:
    """The refusal of a rule because of one of its selectors."""
    reason = "RuleTooLarge" if isinstance(error, SelectorTooLarge) else "InvalidSelector"
    return refused(reason, f"{field}: {error}")


def usable(rule: AnyRule, access: Access, config: ConfigState | None) -> ConfigState:
    """The config that a rule writes to; raises RefusedRule where it may not, or where there is none."""
    if access.waiting:
        raise RefusedRule(Verdict(False, "Validating", access.message, waiting=True))
    if not access.allowed or config is None:
        # What is missing may be on its way; who was refused must ask somebody.
        stalled = "AccessDenied" if access.reason == "AccessDenied" and not access.early else ""
        raise refused(access.reason or "GitRepoConfigNotFound", access.message, stalled)
    if not config.destination:
        message = not_ready(rule, config)
        raise RefusedRule(Verdict(False, "GitRepoConfigNotReady", message, config=config.name))
    return config


def not_ready(rule: AnyRule, config: ConfigState) -> str:
    """That the config is not ready; why, for those who may know: not for owners of another namespace."""
    if isinstance(rule, WatchRule) and rule.metadata.namespace != config.name.namespace:
        return f"GitRepoConfig {config.name} is not ready; its conditions tell its owner why"
    return f"GitRepoConfig {config.name} is not ready: {config.trouble}"


def listed(names: Iterable[str]) -> str:
    """The first of these names, for a sentence."""
    shown = [short(name) for name in names]
    more = f" and {len(shown) - MOST_LISTED} more" if len(shown) > MOST_LISTED else ""
    return ", ".join(shown[:MOST_LISTED]) + more


def short(text: str) -> str:
    return cut(visible(text), 80)
