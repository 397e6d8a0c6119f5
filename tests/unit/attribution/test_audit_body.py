"""A body of the audit webhook: what can be read is read, whatever stands beside it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from reverser.attribution import audit_body as cutting
from reverser.attribution import audit_body as reading
from reverser.attribution.audit_body import ParsedBody, read_events
from tests.audit_events import batch, event, good

CANARY = "CANARY"


def ids(reading: ParsedBody) -> list[str]:
    return [fact.id.partition("/")[0] for fact in reading.facts if not fact.gap]


def gaps(reading: ParsedBody) -> list[tuple[str, str, str]]:
    """Of which objects nobody can say what was written, and by whom."""
    return [(fact.namespace, fact.name, fact.actor.name) for fact in reading.facts if fact.gap]


def test_a_batch_becomes_facts() -> None:
    """In its order; what tells of no change is counted."""
    reading = read_events(batch(good(1), event(verb="get"), good(2)), "default")

    assert ids(reading) == ["a1", "a2"]
    assert (reading.problems, reading.unused, reading.truncated) == ((), 1, 0)


@pytest.mark.parametrize("body", [batch(), b'{"kind":"EventList"}', b'{"kind":"EventList","items":null}'])
def test_an_empty_batch_is_nothing(body: bytes) -> None:
    """A batch without events has no facts and no problem."""
    assert read_events(body, "default") == ParsedBody()


POISON = {
    "null": b"null",
    "number": b"5",
    "wrong type": b'{"auditID":"p","stage":"ResponseComplete","verb":5}',
    "no id": b'{"verb":"create"}',
    "bad escape": b'{"auditID":"CANARY\\x"}',
    "control": b'{"auditID":"CANARY\x01"}',
    "nan": b'{"auditID":NaN,"x":"CANARY"}',
    "deep": b'{"auditID":' + b"[" * 5000 + b"]" * 5000 + b"}",
    "bad time": json.dumps(event(auditID="p", stageTimestamp=CANARY)).encode(),
    "unclosed list": b'{"auditID":["CANARY"}',
}


@pytest.mark.parametrize("poison", POISON.values(), ids=POISON)
def test_a_bad_event_spoils_no_other(poison: bytes) -> None:
    """Those around it are facts; it is one problem that quotes nothing."""
    reading = read_events(batch(good(1), poison, good(2)), "default")

    assert ids(reading)[:1] == ["a1"]
    assert len(reading.problems) <= 1
    assert CANARY not in repr(reading.problems)
    if poison != POISON["unclosed list"]:
        assert ids(reading) == ["a1", "a2"]
        assert len(reading.problems) == 1


def test_a_problem_names_its_event_where_it_can() -> None:
    """So that it can be looked up."""
    [problem] = read_events(batch(event(auditID="p", stageTimestamp="")), "default").problems

    assert problem.audit_id == "p"


DEEP = b"{" + b'"a":{' * 5000 + b"}" * 5000 + b"}"


@pytest.mark.parametrize("levels", [400, 900, 1100, 5000])
def test_nobody_hides_by_a_deep_body(levels: int) -> None:
    """A field of any depth, which the API server prunes, is cut: the event tells who wrote which version."""
    deep = b'{"a":' * levels + b"1" + b"}" * levels
    hostile = json.dumps(event(auditID="h", requestObject={"zzz": "@"})).encode().replace(b'"@"', deep)
    reading = read_events(batch(good(1), hostile, good(2)), "default")

    assert ids(reading) == ["a1", "h", "a2"]
    assert reading.problems == ()


BROKEN = {
    "a wrong type": {"annotations": {"x": 5}},
    "a wrong number": {"sourceIPs": "\\x"},
    "a time": {"stageTimestamp": CANARY},
    "an object of another type": {"responseStatus": 5},
}


@pytest.mark.parametrize("odd", BROKEN.values(), ids=BROKEN)
def test_what_cannot_be_read_is_a_gap_for_its_object(odd: dict[str, Any]) -> None:
    """It is a problem, and besides it is known who may have written what, whatever the bodies say."""
    lie = {"objectRef": {"resource": "configmaps", "namespace": "other", "name": "b"}}
    hostile = json.dumps(event(requestObject=lie, user={"username": "mallory"}, **odd)).encode()
    reading = read_events(batch(good(1), hostile.replace(b"\\\\x", b"\\x"), good(2)), "default")

    assert ids(reading) == ["a1", "a2"]
    assert gaps(reading) == [("shop", "a", "mallory")]
    assert len(reading.problems) == 1


WHOLE = {"verb": "deletecollection", "objectRef": {"resource": "configmaps", "namespace": "shop"}}


@pytest.mark.parametrize(
    ("code", "odd", "found"),
    [
        (504, {}, [("shop", "a", "alice")]),
        (500, {"stage": "Panic"}, [("shop", "a", "alice")]),
        (504, {"verb": "get"}, []),
        (504, {"requestURI": "/x?dryRun=All"}, []),
        (409, {}, []),
        (500, {}, [("shop", "a", "alice")]),
        (422, WHOLE, [("shop", "", "alice")]),
    ],
)
def test_a_failure_that_may_have_been_stored_is_a_gap(
    code: int, odd: dict[str, Any], found: list[Any]
) -> None:
    """An answer that came too late says nothing of the write, nor does a collection that failed half-way."""
    assert gaps(read_events(batch(event(responseStatus={"code": code}, **odd)), "default")) == found


def test_who_was_refused_by_a_webhook_that_failed_wrote_nothing() -> None:
    """Such a 500 comes before the write."""
    refused = {"code": 500, "message": 'Internal error occurred: failed calling webhook "x": no route'}
    assert gaps(read_events(batch(event(responseStatus=refused)), "default")) == []


def test_one_deep_event_makes_no_batch_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ends of all others are told by the parser, however many they are."""
    walked = list[int]()
    real = cutting._scanned_end

    def counted(body: bytes, start: int) -> int:
        walked.append(start)
        return real(body, start)

    monkeypatch.setattr(cutting, "_scanned_end", counted)
    many = [good(number) for number in range(2000)]
    hostile = json.dumps(event(auditID="h", requestObject="@")).encode().replace(b'"@"', DEEP)
    reading = read_events(batch(*many[:1000], hostile, *many[1000:]), "default")

    assert len(ids(reading)) == 2001
    assert len(walked) == 1


@pytest.mark.parametrize(
    "text",
    [b"\\ud800", b"\\udc00x", b"\\ud83d", b"\\\\\\ud800", b"\xff\xfe", b"\xed\xa0\x80"],
    ids=repr,
)
def test_nobody_hides_by_an_odd_text(text: bytes) -> None:
    """Half a surrogate pair and broken UTF-8 are replaced; the rest of the event counts."""
    hostile = json.dumps(event(auditID="h", requestObject={"x": "@"})).encode().replace(b"@", text)
    reading = read_events(batch(good(1), hostile, good(2)), "default")

    assert ids(reading) == ["a1", "h", "a2"]
    assert reading.problems == ()


def test_whole_pairs_stay() -> None:
    """Only halves are replaced, and a backslash before them is looked at."""
    name = b"\\ud83d\\ude00\\\\ud800\\ud800"
    hostile = json.dumps(event(user={"username": "@"})).encode().replace(b"@", name)

    [fact] = read_events(batch(hostile), "default").facts

    assert fact.actor.name == "😀\\ud800\ufffd"


def test_a_body_that_ends_early_gives_what_it_had() -> None:
    """The event in which it ends is lost, and only that one."""
    whole = batch(good(1), good(2), good(3))

    assert ids(read_events(whole[: whole.index(b'"a3"') + 1], "default")) == ["a1", "a2"]


def test_brackets_in_texts_cut_nothing() -> None:
    """Also where the cutter has to do without a parser."""
    tricky = event(auditID="t", requestObject={"x": '"],"items":[{}\\"}'})
    reading = read_events(batch(good(1), b'{"auditID":"\\x"}', tricky, good(2)), "default")

    assert ids(reading) == ["a1", "t", "a2"]
    assert len(reading.problems) == 1


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"5",
        b"[]",
        b"\xff",
        b'{"kind":"Event"}',
        b'{"kind":5,"items":["CANARY"]}',
        b'{"items":5}',
        b'{"kind":"EventList","items":{}}',
        b"[" * 100_000,
        b'{"kind":"PodList","items":[]}',
    ],
    ids=range(12),
)
def test_what_is_no_list_of_events_is_one_problem(body: bytes) -> None:
    """A body that is no list of events counts as one problem, and raises nothing."""
    reading = read_events(body, "default")

    assert reading.facts == ()
    assert len(reading.problems) == 1
    assert CANARY not in repr(reading)


def test_unwanted_types_are_only_counted() -> None:
    """Not even their times are looked at."""
    leases = event(objectRef={"resource": "leases", "apiGroup": "coordination.k8s.io"}, stageTimestamp="")
    reading = read_events(batch(leases, good()), "default", lambda group, _: group != "coordination.k8s.io")

    assert ids(reading) == ["a1"]
    assert (reading.problems, reading.unused) == ((), 1)


def test_truncated_events_are_counted() -> None:
    """Without bodies they tell no version: evidence that is lost, which an operator should know."""
    cut = event(annotations={"audit.k8s.io/truncated": "true"}, requestObject=None, responseObject=None)
    reading = read_events(batch(cut, good()), "default")

    assert (ids(reading), reading.unused, reading.truncated) == (["a1"], 1, 1)
    assert gaps(reading) == [("shop", "a", "alice")]


def test_a_bug_about_one_event_leaves_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is a problem like any other, without a value of the event."""
    real = reading.fact
    calls = iter([True, False, True])

    def faulty(*args: Any) -> Any:
        if not next(calls):
            raise KeyError("canary-hunter2")
        return real(*args)

    monkeypatch.setattr(reading, "fact", faulty)
    found = read_events(batch(good(1), good(2), good(3)), "default")

    assert ids(found) == ["a1", "a3"]
    assert len(found.problems) == 1
    assert "canary" not in repr(found.problems)
