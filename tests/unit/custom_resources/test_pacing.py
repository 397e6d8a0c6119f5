"""An object whose spec changes again and again is taken later, and no other one."""

from __future__ import annotations

import math
from collections.abc import Sequence

import msgspec

from reverser.custom_resources.api_types import AnyObject
from reverser.custom_resources.conditions import Moment, rule_status
from reverser.custom_resources.model import Compiled, ObjectRef, Verdict
from reverser.custom_resources.pacing import MOST_OF_NAMESPACE, MOST_OF_OBJECT, Pacer, with_postponed
from tests.cluster_states import ref_of, watch_rule


def rule(number: int, name: str = "rule", namespace: str = "shop", uid: str = "u") -> AnyObject:
    """A rule with the spec of this number."""
    read = watch_rule(namespace, name, rules=[{"resources": [f"kind{number}"]}])
    metadata = msgspec.structs.replace(read.metadata, generation=number + 1, uid=uid)
    return msgspec.structs.replace(read, metadata=metadata)


def objects(*rules: AnyObject) -> dict[ObjectRef, AnyObject]:
    """All that there are."""
    return {ref_of(each): each for each in rules}


def changed(pacer: Pacer, versions: Sequence[AnyObject], now: float = 0.0) -> dict[ObjectRef, AnyObject]:
    """What is in force after these versions of one object."""
    return [pacer.take(objects(each), now) for each in versions][-1]


def test_a_spec_that_changes_too_often_stays_as_it_was() -> None:
    """The sixth version within a minute waits; generation and spec are those of the one in force."""
    pacer = Pacer()

    chosen = changed(pacer, [rule(number) for number in range(MOST_OF_OBJECT + 1)])

    assert chosen == objects(rule(MOST_OF_OBJECT - 1))
    assert pacer.postponed == {ref_of(rule(0))}


def test_the_newest_spec_is_taken_when_it_is_due() -> None:
    """What comes between is never in force."""
    pacer = Pacer()
    changed(pacer, [rule(number) for number in range(MOST_OF_OBJECT + 20)])
    last = objects(rule(MOST_OF_OBJECT + 19))

    assert pacer.take(last, pacer.due - 0.1) != last
    assert pacer.take(last, pacer.due + 0.1) == last
    assert (pacer.postponed, pacer.due) == (frozenset(), math.inf)


def test_a_minute_has_no_more_than_ten_versions_of_one_object() -> None:
    """Five at once, and five in the course of it, however often it changes."""
    pacer = Pacer()

    taken = {str(pacer.take(objects(rule(tick)), tick / 10)) for tick in range(600)}

    assert len(taken) <= 2 * MOST_OF_OBJECT


def test_an_object_that_is_deleted_and_created_counts_as_changed() -> None:
    """Nothing of it is in force until it is due: a former one is another object."""
    pacer = Pacer()
    for number in range(MOST_OF_OBJECT):
        pacer.take(objects(rule(0, uid=str(number))), 0.0)
        pacer.take({}, 0.0)

    assert pacer.take(objects(rule(0, uid="last")), 0.0) == {}
    compiled = with_postponed(Compiled(), pacer.postponed)
    assert compiled.verdicts[ref_of(rule(0))].waiting
    assert pacer.take(objects(rule(0, uid="last")), pacer.due + 0.1) == objects(rule(0, uid="last"))


def test_a_deletion_is_never_postponed() -> None:
    """What was taken away is not in force, however often it changed before."""
    pacer = Pacer()
    changed(pacer, [rule(number) for number in range(50)])

    assert pacer.take({}, 0.0) == {}


def test_objects_of_many_names_are_paced_by_their_namespace() -> None:
    """Whoever makes one rule after the other is taken later; rules of other namespaces are not."""
    pacer, rules = Pacer(), list[AnyObject]()
    for number in range(MOST_OF_NAMESPACE + 1):
        rules.append(rule(0, f"rule{number}"))
        chosen = pacer.take(objects(*rules), 0.0)

    assert len(chosen) == MOST_OF_NAMESPACE
    other = rule(0, namespace="bank")
    assert ref_of(other) in pacer.take(objects(*rules, other), 0.0)
    assert len(pacer.take(objects(*rules, other), 2.1)) == MOST_OF_NAMESPACE + 2


def test_many_objects_at_one_time_are_one_change_of_their_namespace() -> None:
    """One `kubectl apply` of a hundred rules is in force at once."""
    hundred = objects(*(rule(0, f"rule{number}") for number in range(100)))

    assert Pacer().take(hundred, 0.0) == hundred


def test_labels_and_annotations_are_those_of_now() -> None:
    """Only the spec waits: an annotation that asks for a fresh look is seen."""
    pacer = Pacer()
    changed(pacer, [rule(number) for number in range(MOST_OF_OBJECT)])
    newest = rule(99)
    asks = msgspec.structs.replace(newest.metadata, annotations={"a": "b"})

    chosen = pacer.take(objects(msgspec.structs.replace(newest, metadata=asks)), 0.0)

    assert chosen[ref_of(newest)].metadata.annotations == {"a": "b"}
    assert chosen[ref_of(newest)].metadata.generation == MOST_OF_OBJECT


def test_the_status_says_that_a_newer_spec_waits() -> None:
    """Reconciling is there, and Stalled is not: the newer spec may be right."""
    ref = ref_of(rule(0))
    stalled = Compiled(verdicts={ref: Verdict(False, "AccessDenied", "no", "AccessDenied")})
    verdict = with_postponed(stalled, [ref]).verdicts[ref]

    status = rule_status("shop", verdict, None, None, Moment(5, "2026-01-01T00:00:00Z"))

    conditions = {each.type: each for each in status.conditions}
    assert conditions.keys() == {"Ready", "Reconciling"}
    assert conditions["Reconciling"].reason == "Postponed"
    assert "too often" in conditions["Reconciling"].message
