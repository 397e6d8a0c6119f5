"""A rule may come a moment before its GitRepoConfig."""

from __future__ import annotations

import msgspec
import pytest

from reverser.custom_resources.api_types import WatchRule
from reverser.custom_resources.conditions import Moment, rule_status
from reverser.custom_resources.model import Verdict
from reverser.custom_resources.new_rules import NewRules
from tests.cluster_states import config, name_of, verdict, watch_rule

RULE = watch_rule("web", to="shop/repo")
NOON = 1_767_268_800.0
"""2026-01-01T12:00:00Z in Unix seconds."""


def created(rule: WatchRule, time: str) -> WatchRule:
    metadata = msgspec.structs.replace(rule.metadata, creation_timestamp=f"2026-01-01T{time}Z")
    return msgspec.structs.replace(rule, metadata=metadata)


def shown(judged: Verdict) -> dict[str, str]:
    """Type -> status of the conditions."""
    status = rule_status("web", judged, None, None, Moment(1, "2026-01-01T12:00:00Z"))
    return {each.type: each.status for each in status.conditions}


def test_a_rule_that_comes_before_its_config_is_waited_with() -> None:
    """For its first minute the refusal calls for nobody, so that whoever waits for the rule goes on."""
    new = frozenset({name_of(RULE)})

    assert shown(verdict(RULE, new_rules=new)) == {"Ready": "False", "Reconciling": "True"}
    assert shown(verdict(RULE)) == {"Ready": "False", "Stalled": "True"}


@pytest.mark.parametrize("new", [frozenset(), frozenset({name_of(RULE)})])
def test_whether_the_config_exists_is_not_to_be_seen(new: frozenset[object]) -> None:
    """One that refuses the rule gives the answer of one that is not there, at any age."""
    assert verdict(RULE, new_rules=new) == verdict(RULE, config(), new_rules=new)


@pytest.mark.parametrize(
    ("rule", "new"),
    [
        (created(RULE, "11:59:30"), True),
        (created(RULE, "12:00:30"), True),
        (created(RULE, "11:58:00"), False),
        (created(RULE, "14:00:00"), False),
        (created(watch_rule("shop"), "11:59:30"), False),
    ],
)
def test_which_rules_are_new(rule: WatchRule, new: bool) -> None:
    """Those of the last minute that need a config of another namespace; a clock far off does not count."""
    assert bool(NewRules(lambda: NOON).among({name_of(rule): rule})) is new


def test_a_rule_ages() -> None:
    """Once its minute is over it is to be judged again."""
    now = [NOON]
    rules = NewRules(lambda: now[0])
    rules.among({name_of(RULE): created(RULE, "11:59:30")})
    assert not rules.aged()
    now[0] += 31

    assert rules.aged()
    assert not rules.among({name_of(RULE): created(RULE, "11:59:30")})
    assert not rules.aged()
