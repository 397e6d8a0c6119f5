"""Promises of who is named for one change, evidence by evidence."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.attribution.fact_index import Facts
from reverser.attribution.resolve import admission_only, attribute, merge_with_saved, resolve_or_wait
from reverser.model.attribution import UNKNOWN, Actor, Attribution, Evidence
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.resource import ObjectKey
from tests.attributed import AMBIGUOUS, NOW, asked, deletion, fact, index, subject, told, who

NOBODY = ("unknown", "unresolved")


def test_the_request_for_this_content_on_the_version_before_is_the_author() -> None:
    """Equal key and equal digest name the actor."""
    assert who(subject(), asked("alice")) == ("alice", "admission")


@pytest.mark.parametrize(
    "other",
    [
        {"digest": b"other"},
        {"previous_version": "4"},
        {"uid": "u2"},
        {"cluster": "b"},
        {"operation": Operation.DELETE},
    ],
)
def test_a_request_for_something_else_is_nobody(other: dict[str, Any]) -> None:
    """Another content, version, object, cluster or operation rules a fact out."""
    assert who(subject(), asked("alice", **other)) == NOBODY


def test_an_update_is_not_who_deleted() -> None:
    """A losing update met the version that was deleted; it did not delete."""
    assert who(deletion(), asked("alice")) == NOBODY


def test_two_who_asked_for_the_same_are_ambiguous() -> None:
    """Equal key and digest of two actors: both are named as candidates, neither as author."""
    found = attribute(subject(), index(asked("bob"), asked("alice")))

    assert found == Attribution(UNKNOWN, Evidence.AMBIGUOUS, candidates=("alice", "bob"))


def test_what_cannot_be_compared_did_not_write_a_status() -> None:
    """Nobody is asked about a status write: an attempt on that version proves only equal content."""
    assert who(subject(status_written=True), asked("alice", digest=b"")) == NOBODY
    assert who(subject(status_written=True), told("alice", at=NOW - 1.5)) == NOBODY
    assert who(subject(status_written=True), asked("alice")) == ("alice", "admission")


WIDGET = ObjectKey("default", "example.com", "widgets", "shop", "web")


def definition(actor: str, **fields: Any) -> Fact:
    """An admission call to delete the CRD of widgets."""
    given = {
        "group": "apiextensions.k8s.io", "resource": "customresourcedefinitions", "namespace": "",
        "name": "widgets.example.com", "uid": "crd", "operation": Operation.DELETE,
    }  # fmt: skip
    return asked(actor, **{**given, **fields})


@pytest.mark.parametrize("version", ["5", ""])
def test_who_deletes_a_definition_is_a_rival_of_who_deletes_an_object(version: str) -> None:
    """The objects of a type go with it, and nobody is asked about them."""
    gone = deletion(key=WIDGET, previous_version=version)
    asks = asked("alice", operation=Operation.DELETE)

    assert who(gone, asks, definition("bob")) == AMBIGUOUS
    assert who(gone, asks, definition("alice")) == ("alice", "admission")
    assert who(gone, definition("bob")) == NOBODY
    assert who(gone, asks, definition("bob", name="gadgets.example.com")) == ("alice", "admission")
    assert who(gone, asks, definition("bob", cluster="b")) == ("alice", "admission")
    assert who(gone, asks, definition("bob", at=NOW + 1)) == ("alice", "admission")
    assert who(subject(key=WIDGET), asked("alice"), definition("bob")) == ("alice", "admission")


def test_audit_settles_between_two() -> None:
    """The response that carries the version tells which of two attempts won."""
    assert who(subject(), asked("bob"), asked("alice"), told("bob")) == ("bob", "audit")


def test_what_cannot_be_compared_names_its_only_actor() -> None:
    """Another served version or a subresource: the key alone, and the evidence says so."""
    assert who(subject(), asked("alice", digest=b"")) == ("alice", "admission-key")
    assert who(subject(), asked("alice", digest=b""), asked("bob", digest=b"")) == AMBIGUOUS


def test_what_cannot_be_compared_is_a_rival_of_what_can() -> None:
    """An equal digest does not outdo another actor's attempt that may have had it too."""
    assert who(subject(), asked("alice"), asked("bob", digest=b"")) == AMBIGUOUS
    assert who(subject(), asked("alice"), asked("alice", digest=b"")) == ("alice", "admission")


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"replicas_before": 1, "replicas": 3, "replicas_only": True}, ("alice", "admission-key")),
        ({"replicas_before": 1, "replicas": 2, "replicas_only": True}, NOBODY),
        ({"replicas_before": 3, "replicas": 3, "replicas_only": True}, NOBODY),
        ({"replicas_before": 1, "replicas": 3, "replicas_only": False}, NOBODY),
        ({"replicas_before": 1, "replicas": 3}, NOBODY),
        ({"replicas_before": None, "replicas": 3, "replicas_only": True}, NOBODY),
        ({}, NOBODY),
    ],
)
def test_a_scale_must_be_the_whole_change(change: dict[str, Any], expected: tuple[str, str]) -> None:
    """A Scale body names its actor only when its number is what changed, and nothing else did."""
    assert who(subject(**change), asked("alice", digest=b"", replicas=3)) == expected


def test_a_scale_that_fits_by_number_is_a_rival() -> None:
    """Where more may have changed, a scale makes another's request ambiguous; where more did, it does not."""
    change = subject(replicas_before=1, replicas=3)
    scale = asked("alice", digest=b"", replicas=3)

    assert who(change, scale, asked("bob")) == AMBIGUOUS
    more = msgspec.structs.replace(change, replicas_only=False)
    assert who(more, scale, asked("bob")) == ("bob", "admission")


def test_a_creation_is_joined_by_its_uid() -> None:
    """The uid was made for one request; no version is needed."""
    created = subject(operation=Operation.CREATE, previous_version="", version="1")

    assert who(created, asked("alice", operation=Operation.CREATE, previous_version="")) == (
        "alice",
        "admission",
    )


def test_a_deletion_is_whose_request_met_the_last_version() -> None:
    """Uid and version are all of a deletion; its last editor has no part in it."""
    removal = asked("bob", operation=Operation.DELETE, digest=b"")

    assert who(deletion(manager="kubectl-edit"), removal) == ("bob", "admission")
    assert attribute(deletion(manager="kubectl-edit"), index()) == Attribution()


def test_audit_is_joined_by_the_version_made() -> None:
    """The response carries the version; who acted for whom and with what goes along."""
    event = told("alice", impersonator="root", user_agent="kubectl/v1.34")
    found = attribute(subject(manager="kubectl-edit"), index(event))

    assert found == Attribution(Actor("alice"), Evidence.AUDIT, "kubectl-edit", "root", "kubectl/v1.34")


@pytest.mark.parametrize("other", [{"version": "7"}, {"version": "6", "digest": b"other"}, {"uid": "u2"}])
def test_an_audit_event_of_another_write_is_nobody(other: dict[str, Any]) -> None:
    """Another version, or a content that is comparable and differs, rules an audit fact out."""
    assert who(subject(), told("alice", **other)) == NOBODY


def test_a_version_of_zero_joins_nothing() -> None:
    """Aggregated servers serve "0" for everything."""
    assert who(subject(version="0", previous_version="0"), told("alice", version="0")) == NOBODY
    assert who(subject(previous_version="0"), asked("alice", previous_version="0")) == NOBODY


@pytest.mark.parametrize(
    ("change", "echo"),
    [
        ({}, {"at": NOW + 3}),
        ({"written_at": NOW - 5}, {"at": NOW - 4}),
        ({"written_at": NOW - 1, "manager": "kubectl-edit"}, {"manager": "flux"}),
        ({}, {"previous_version": "6"}),
    ],
)
def test_an_echo_is_nobody(change: dict[str, Any], echo: dict[str, Any]) -> None:
    """A no-op answers with the version it found: told by its time, its manager or its own body."""
    assert who(subject(**change), told("flux", **echo))[0] == "unknown"


def test_an_echo_after_the_answer_of_the_writer_is_no_rival() -> None:
    """Whoever started when the version had been answered already did not make it."""
    late = subject(seen_at=NOW + 60)
    assert who(late, told("alice"), told("flux", at=NOW + 3, completed_at=NOW + 4)) == ("alice", "audit")
    assert who(late, told("alice"), told("flux", at=NOW + 1, completed_at=NOW + 4)) == AMBIGUOUS


def test_audit_and_admission_that_disagree_name_nobody() -> None:
    """An echo of an unaudited write, or an attempt that lost to one we were not asked about."""
    found = attribute(subject(), index(told("flux"), asked("alice")))

    assert (found.actor, found.candidates) == (UNKNOWN, ("alice", "flux"))


@pytest.mark.parametrize(
    ("answers", "asked_again", "expected"),
    [
        ([{}], {}, AMBIGUOUS),
        ([{}], {"digest": b""}, AMBIGUOUS),
        ([{}, {"at": NOW - 0.4}], {}, ("bob", "audit")),
        ([{"previous_version": "5"}], {}, ("bob", "audit")),
        ([{}], {"digest": b"other"}, ("bob", "audit")),
    ],
)
def test_a_lone_answer_to_who_asked_again_is_a_doubt(
    answers: list[dict[str, Any]], asked_again: dict[str, Any], expected: tuple[str, str]
) -> None:
    """The writer's event may be lost. More answers than repetitions, or one that names its version, prove."""
    rivals = [asked("alice"), asked("bob")]
    again = asked("bob", previous_version="6", **asked_again)

    assert who(subject(), *rivals, again, *(told("bob", **each) for each in answers)) == expected


def test_who_repeats_an_own_write_is_its_author() -> None:
    """Where admission leaves nobody else there is no doubt, and nothing is waited for."""
    facts = index(asked("bob"), asked("bob", previous_version="6"), told("bob"))

    found = resolve_or_wait(subject(), facts, NOW, NOW + 5)

    assert found is not None
    assert (found.actor.name, found.evidence) == ("bob", Evidence.AUDIT)


@pytest.mark.parametrize(
    ("before", "expected"),
    [
        ([asked("alice")], AMBIGUOUS),
        ([asked("alice"), asked("bob")], AMBIGUOUS),
        ([asked("alice", subresource="scale", digest=b"", replicas=3)], AMBIGUOUS),
        ([asked("bob")], ("bob", "audit")),
        ([asked("bob", subresource="scale", digest=b"", replicas=3)], ("bob", "audit")),
        ([], ("bob", "audit")),
    ],
)
def test_over_a_restart_audit_names_only_whom_admission_left(
    before: list[Fact], expected: tuple[str, str]
) -> None:
    """Also whom admission could not name is remembered; where it knew of nobody, audit is alone as ever."""
    kept = admission_only(subject(), index(*before, told("bob")))

    found = merge_with_saved(kept, attribute(subject(), index(told("bob"))))

    assert (found.actor.name, found.evidence.value) == expected


def test_over_a_restart_without_audit_a_possible_name_is_none() -> None:
    """Those whom admission could not name are no candidates of a change of which nothing else is told."""
    kept = admission_only(subject(), index(asked("alice", subresource="scale", digest=b"", replicas=3)))

    assert kept.candidates == ("alice",)
    assert merge_with_saved(kept, attribute(subject(), index())) == Attribution()


def test_by_one_clock_an_echo_is_told_at_once() -> None:
    """Times of one API server are compared exactly; those of two, or of who knows whom, with an allowance."""
    late = subject(written_at=0.0)
    writer = told("alice", completed_at=NOW, clock="one")
    echo = {"at": NOW + 0.001, "completed_at": NOW + 0.002}

    assert who(late, writer, told("flux", clock="one", **echo)) == ("alice", "audit")
    assert who(late, writer, told("flux", clock="two", **echo)) == AMBIGUOUS
    assert who(late, told("alice", completed_at=NOW), told("flux", **echo)) == AMBIGUOUS


def test_admission_settles_between_writer_and_echo() -> None:
    """Where audit leaves two, the one who asked for the change is it."""
    assert who(subject(), told("flux"), told("alice"), asked("alice")) == ("alice", "admission")


def test_a_stamp_of_another_manager_rules_out() -> None:
    """The write's own stamp says whose manager it was, where it is known to be of this write."""
    lost = asked("alice", digest=b"", manager="helm")
    assert who(subject(manager="kubectl", written_at=NOW), lost) == ("unknown", "manager")
    assert who(subject(manager="kubectl"), lost) == ("alice", "admission-key")


def test_a_stamp_of_another_subresource_rules_out() -> None:
    """A scale that lost to an update with the same number is told by the stamp that the update left."""
    change = subject(replicas_before=1, replicas=3, replicas_only=True, written_at=NOW, subresource="")
    scale = asked("alice", digest=b"", replicas=3, subresource="scale")

    assert who(change, scale) == NOBODY
    assert who(msgspec.structs.replace(change, subresource="scale"), scale) == ("alice", "admission-key")
    assert who(msgspec.structs.replace(change, subresource=None), scale) == ("alice", "admission-key")


@pytest.mark.parametrize("version", ["", "5", "6"])
def test_an_object_that_went_at_once_was_deleted_by_the_one_who_succeeded(version: str) -> None:
    """The response is a Status, or the object in its last or a newer version."""
    event = told("bob", operation=Operation.DELETE, version=version)
    assert who(deletion(), event) == ("bob", "audit")


def test_an_object_that_waits_was_deleted_by_the_one_who_marked_it() -> None:
    """With finalizers the version of the mark decides; who ends it later is another."""
    marked = deletion(removed=False)
    mark = told("bob", operation=Operation.DELETE)
    end = told("carol", operation=Operation.DELETE, version="")
    again = told("carol", operation=Operation.DELETE, at=NOW + 30, completed_at=NOW + 31)

    assert who(marked, mark, end, again) == ("bob", "audit")
    assert who(msgspec.structs.replace(marked, written_at=NOW - 1), again) == NOBODY


COLLECTION = {"operation": Operation.DELETE, "collection": True, "uid": "", "version": ""}


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        ({"uids": frozenset({"u1"})}, ("bob", "audit-collection")),
        ({"uids": frozenset({"u2"})}, NOBODY),
        ({}, ("bob", "audit-collection")),
        ({"namespace": ""}, ("bob", "audit-collection")),
        ({"selector": "app in (web,api)"}, ("bob", "audit-collection")),
        ({"selector": "app=api"}, NOBODY),
        ({"selector": "((("}, NOBODY),
        ({"namespace": "other"}, NOBODY),
        ({"resource": "jobs"}, NOBODY),
        ({"at": NOW - 60, "completed_at": NOW - 59}, NOBODY),
        ({"at": NOW - 60, "completed_at": NOW - 5}, ("bob", "audit-collection")),
        ({"at": NOW + 5}, NOBODY),
    ],
)
def test_a_collection_deletes_what_it_selects(found: dict[str, Any], expected: tuple[str, str]) -> None:
    """By the uids of the response, else by namespace, selector and time."""
    change = deletion(labels={"app": "web"})
    assert who(change, told("bob", **{**COLLECTION, **found})) == expected


def test_collections_are_weaker_than_deletions_and_rivals_of_each_other() -> None:
    """An own deletion wins over a collection; two collections are ambiguous; an update is in neither."""
    bobs, carols = told("bob", **COLLECTION), told("carol", **COLLECTION)

    assert who(deletion(), bobs, asked("alice", operation=Operation.DELETE)) == ("alice", "admission")
    assert who(deletion(), bobs, carols) == AMBIGUOUS
    assert who(subject(), bobs) == NOBODY


def test_of_one_actor_s_requests_the_first_is_shown_in_any_order() -> None:
    """The same facts give the same attribution to the last byte, whatever order they came in."""
    first, second = told("alice", user_agent="one", at=NOW - 0.9), told("alice", user_agent="two")

    assert attribute(subject(), index(first, second)).user_agent == "one"
    assert attribute(subject(), index(second, first)).user_agent == "one"


def test_the_manager_is_a_tool() -> None:
    """Without any fact the manager is shown, and the author stays unknown."""
    found = attribute(subject(manager="kubectl-edit"), index())

    assert found == Attribution(UNKNOWN, Evidence.MANAGER, "kubectl-edit")


def test_after_a_restart_the_highest_version_met_is_the_one_before() -> None:
    """Versions of one object leave nothing between: equal content on the last one met is the change."""
    first = subject(previous_version="")

    assert who(first, asked("alice")) == ("alice", "admission")
    assert who(first, asked("alice"), asked("bob", previous_version="4")) == ("alice", "admission")
    assert who(first, asked("alice", previous_version="4"), asked("bob", digest=b"x")) == NOBODY
    assert who(first, asked("alice"), asked("bob", previous_version="6")) == ("alice", "admission")


@pytest.mark.parametrize(
    "met",
    [{"previous_version": "6"}, {"previous_version": "7"}, {"previous_version": "abc"}, {"digest": b""}],
)
def test_after_a_restart_nothing_rests_on_the_version_alone(met: dict[str, Any]) -> None:
    """Later versions, versions without order and contents that cannot be compared name nobody."""
    assert who(subject(previous_version=""), asked("alice", **met)) == NOBODY


def test_what_the_index_had_to_forget_may_have_been_a_rival() -> None:
    """After an overflow the key alone names nobody, equal content still does."""
    full = Facts(count=1)
    full.add(fact("bob", uid="u9", source=Source.ADMISSION, previous_version="1"), NOW)
    full.add(asked("alice", digest=b""), NOW)

    assert attribute(subject(), full).evidence is Evidence.UNRESOLVED
    assert attribute(subject(seen_at=NOW + 100), full).evidence is Evidence.ADMISSION_KEY


def test_what_is_open_is_decided_at_the_deadline() -> None:
    """Until then audit alone decides nothing: the true writer may come after an echo."""
    facts = index(told("alice"))

    assert resolve_or_wait(subject(), facts, NOW, NOW + 5) is None
    assert resolve_or_wait(subject(), facts, NOW + 5, NOW + 5) == attribute(subject(), facts)


def test_agreement_is_not_waited_for() -> None:
    """Audit and admission of one actor, or an audited creation, cannot be refuted by what comes later."""
    created = subject(operation=Operation.CREATE, previous_version="")
    audited = index(told("alice", operation=Operation.CREATE))

    assert resolve_or_wait(subject(), index(asked("alice"), told("alice")), NOW, NOW + 5) is not None
    assert resolve_or_wait(created, audited, NOW, NOW + 5) is not None
    assert resolve_or_wait(subject(), index(asked("alice")), NOW, NOW + 5) is None


def test_attributions_of_an_older_journal_are_read() -> None:
    """Entries that were written before there was evidence keep their meaning."""
    old = b'{"actor":{"name":"unknown"},"evidence":"unresolved","manager":"kubectl-edit"}'

    assert msgspec.json.decode(old, type=Attribution) == Attribution(manager="kubectl-edit")


def test_actors_are_bounded_and_equal_over_requests() -> None:
    """Tokens and pods make no other user; long names stay apart, and cost little."""
    extra = {"authentication.kubernetes.io/credential-id": ["JTI=1"], "example.com/mail": ["a@b.c"]}

    assert Actor.of("a", ["y", "x"], extra) == Actor("a", ("x", "y"), (("example.com/mail", ("a@b.c",)),))
    long = [
        Actor.of("x" * 10_000 + end, ["g" * 5000] * 1000, {str(n): ["v"] * 99 for n in range(99)})
        for end in "ab"
    ]
    assert long[0].name != long[1].name
    assert all(len(msgspec.json.encode(actor)) < 100_000 for actor in long)
