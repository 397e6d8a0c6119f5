"""Laws of attribution, tried on random histories of a small API server that knows who really wrote."""

from __future__ import annotations

import random
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.attribution.fact_index import Facts
from reverser.attribution.resolve import admission_only, attribute, merge_with_saved, resolve_or_wait
from reverser.model.attribution import UNKNOWN, Attribution, Evidence
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from tests.property.attribute_world import KINDS, Change, Step, World, steps

NAMED = {Evidence.AUDIT, Evidence.ADMISSION, Evidence.ADMISSION_KEY, Evidence.AUDIT_COLLECTION}
SOURCES: list[set[Source]] = [{Source.ADMISSION}, {Source.AUDIT}, {Source.ADMISSION, Source.AUDIT}]
FOREVER = 1e9
LAW = settings(max_examples=300, deadline=None)
AUDIT_LAW = settings(max_examples=1000, deadline=None)
"""More examples: few histories repeat a write whose event was lost."""


def index(facts: Iterable[Fact]) -> Facts:
    known = Facts(seconds=FOREVER)
    for fact in facts:
        known.add(fact, fact.at)
    return known


def wrong(change: Change, found: Attribution) -> bool:
    """Whether somebody is named who did not do it."""
    return found.actor != UNKNOWN and found.actor.name != change.author


def verdict(change: Change, found: Attribution) -> None:
    assert not wrong(change, found), (change, found)
    assert (found.actor != UNKNOWN) == (found.evidence in NAMED)


@pytest.mark.parametrize("sources", SOURCES)
@LAW
@given(steps())
def test_with_all_facts_nobody_is_wronged_and_the_author_is_known(
    sources: set[Source], history: list[Step]
) -> None:
    """Delivered facts name the author; with a true rival they name both, and never one of them.

    A rival of admission's is enough where the author's one answer may be to a repetition.
    """
    world = World().run(history)
    known = index(fact for fact in world.facts if fact.source in sources)

    for change in world.changes:
        found = attribute(change.subject, known)
        verdict(change, found)
        if found.evidence in NAMED:
            continue
        assert change.author in found.candidates, (change, found)
        asked_again = Source.ADMISSION in sources and any(repeats(fact, change) for fact in world.facts)
        for source in sources - ({Source.AUDIT} if asked_again else set()):
            assert any(contests(fact, change) for fact in world.facts if fact.source is source)


@pytest.mark.parametrize("sources", SOURCES)
@LAW
@given(steps())
def test_what_stored_nothing_counts_for_nothing(sources: set[Source], history: list[Step]) -> None:
    """Dry runs, and what audit knows to be rejected or in conflict, change no attribution."""
    world = World().run(history)
    facts = [fact for fact in world.facts if fact.source in sources]
    known = index(facts)
    fewer = index(fact for fact in facts if not fact.dry_run and fact.code < 300)

    for change in world.changes:
        assert attribute(change.subject, known) == attribute(change.subject, fewer)


@LAW
@given(steps(), st.randoms(use_true_random=False), st.sampled_from(SOURCES))
def test_order_of_arrival_means_nothing(
    history: list[Step], chance: random.Random, sources: set[Source]
) -> None:
    """The same facts in any order, repeated at will, give the same attributions."""
    world = World().run(history)
    facts = [fact for fact in world.facts if fact.source in sources]
    mixed = facts + chance.sample(facts, len(facts) // 2)
    chance.shuffle(mixed)

    for change in world.changes:
        assert attribute(change.subject, index(facts)) == attribute(change.subject, index(mixed))


@LAW
@given(steps(), st.randoms(use_true_random=False))
def test_what_settles_early_is_what_settles_late(history: list[Step], chance: random.Random) -> None:
    """Audit batches may come in any order: no change settles on an author whom later facts refute."""
    world = World().run(history)
    known = index(fact for fact in world.facts if fact.source is Source.ADMISSION)
    late = [fact for fact in world.facts if fact.source is Source.AUDIT]
    chance.shuffle(late)
    early: dict[int, Attribution] = {}
    for fact in late:
        known.add(fact, fact.at)
        for number, change in enumerate(world.changes):
            answer = resolve_or_wait(change.subject, known, 0.0, FOREVER)
            if answer is not None:
                early.setdefault(number, answer)

    for number, change in enumerate(world.changes):
        answer = resolve_or_wait(change.subject, known, FOREVER, FOREVER)
        assert answer is not None
        verdict(change, answer)
        if number in early:
            assert early[number].actor == answer.actor


@LAW
@given(
    steps(old_versions=False, kinds=tuple(kind for kind in KINDS if kind not in ("delete", "scale"))),
    st.randoms(use_true_random=False),
)
def test_lost_admission_facts_leave_changes_open_and_wrong_nobody(
    history: list[Step], chance: random.Random
) -> None:
    """Of what was never delivered nothing is concluded: losing attempts do not inherit the change."""
    world = World(own_content=True).run(history)
    comparable = [fact for fact in world.facts if fact.source is Source.ADMISSION and fact.digest]
    known = index(fact for fact in comparable if chance.random() < 0.5)

    for change in world.changes:
        verdict(change, attribute(change.subject, known))


@pytest.mark.parametrize("sources", SOURCES)
@LAW
@given(steps(kinds=("write", "retried", "scale", "rejected", "labelled", "labelled"), names=("web",)))
def test_changes_that_nobody_was_asked_about_wrong_nobody(sources: set[Source], history: list[Step]) -> None:
    """Neither a refused request nor a no-op inherits what a status write changed."""
    world = World(own_content=True).run(history)
    known = index(fact for fact in world.facts if fact.source in sources)

    for change in world.changes:
        verdict(change, attribute(change.subject, known))


@LAW
@given(
    steps(rivals=False, kinds=("write", "retried", "scale", "status", "delete")),
    st.randoms(use_true_random=False),
    st.sampled_from(SOURCES),
)
def test_any_lost_facts_of_writes_that_won_wrong_nobody(
    history: list[Step], chance: random.Random, sources: set[Source]
) -> None:
    """Each fact speaks for its own change alone, whatever is missing around it."""
    world = World().run(history)
    known = index(
        fact for fact in world.facts
        if fact.source in sources and chance.random() < 0.5 and not idle(world, fact)
    )  # fmt: skip

    for change in world.changes:
        verdict(change, attribute(change.subject, known))


@LAW
@given(
    steps(rivals=False, kinds=("write", "write", "write", "status", "delete"), names=("web",), contents="xy"),
    st.integers(1, 12),
    st.integers(0, 10),
    st.randoms(use_true_random=False),
)
def test_a_restart_wrongs_nobody(history: list[Step], stop: int, gap: int, chance: random.Random) -> None:
    """With the facts of the downtime lost, and some before, an old fact never claims a later change."""
    world = World().run(history)
    admission = [fact for fact in world.facts if fact.source is Source.ADMISSION and not idle(world, fact)]
    cut = admission[min(stop, len(admission) - 1)].at if admission else world.now
    before = index(fact for fact in admission if fact.at <= cut and chance.random() < 0.7)
    seen = {("default", uid): version for at, uid, version in world.events if at <= cut}
    after = Facts(seconds=FOREVER)
    after.seed(msgspec.json.decode(msgspec.json.encode(before.export(seen)), type=list[Fact]), cut)
    for fact in [fact for fact in admission if fact.at > cut][gap:]:
        after.add(fact, fact.at)

    fresh: set[str] = set()
    for at, uid, version in world.events:
        if at <= cut:
            continue
        for change in world.changes:
            if change.subject.version == version:
                subject = change.subject
                if uid not in fresh:
                    subject = msgspec.structs.replace(subject, previous_version="")
                verdict(change, attribute(subject, after))
        fresh.add(uid)


@AUDIT_LAW
@given(steps(names=("web",), contents="xy"), st.randoms(use_true_random=False))
def test_lost_audit_facts_wrong_nobody_whom_admission_can_check(
    history: list[Step], chance: random.Random
) -> None:
    """Who only repeated the write inherits nothing from a writer whose audit event was lost."""
    world = World().run(history)
    audit = [fact for fact in world.facts if fact.source is Source.AUDIT and chance.random() < 0.5]
    known = index([fact for fact in world.facts if fact.source is Source.ADMISSION] + audit)

    for change in world.changes:
        verdict(change, attribute(change.subject, known))


@pytest.mark.parametrize("lost", [0.0, 0.4])
@AUDIT_LAW
@given(steps(names=("web",), contents="xy"), st.randoms(use_true_random=False))
def test_what_waits_over_a_restart_keeps_what_admission_told(
    lost: float, history: list[Step], chance: random.Random
) -> None:
    """Who would have been named is named, or among the candidates; and never anybody else.

    Whichever events of audit are lost, and whatever of them came before the restart.
    """
    world = World().run(history)
    audit = [fact for fact in world.facts if fact.source is Source.AUDIT and chance.random() >= lost]
    early = [fact for fact in audit if chance.random() < 0.3]
    admission = [fact for fact in world.facts if fact.source is Source.ADMISSION]

    for change in world.changes:
        before = admission_only(change.subject, index(admission + early))
        found = merge_with_saved(before, attribute(change.subject, index(audit)))
        verdict(change, found)
        whole = attribute(change.subject, index(admission + audit))
        assert whole.actor in (found.actor, UNKNOWN) or whole.actor.name in found.candidates


def test_most_random_histories_get_authors() -> None:
    """The laws above are not kept by naming nobody: of a thousand changes at most ten stay open."""
    named = total = 0
    for seed in range(200):
        chance = random.Random(seed)
        history = [
            Step(
                chance.choice(KINDS), chance.choice(["alice", "bob", "carol"]), chance.choice(["web", "api"]),
                chance.choice("vwxyz"), chance.randint(1, 3), chance.choice("vwxyz"),
                chance.choice(["", "", "bob"]), 0.5, True,
            )
            for _ in range(25)
        ]  # fmt: skip
        world = World(own_content=True).run(history)
        known = index(world.facts)
        total += len(world.changes)
        named += sum(attribute(change.subject, known).evidence in NAMED for change in world.changes)

    assert total > 1000
    assert named >= 0.99 * total


def contests(fact: Fact, change: Change) -> bool:
    """Whether another actor made a request that cannot be told apart from the one that made the change."""
    subject = change.subject
    if (fact.uid, fact.operation) != (subject.uid, subject.operation) or fact.actor.name == change.author:
        return False
    if fact.dry_run or fact.code >= 300:
        return False
    if fact.source is Source.AUDIT:
        return fact.at <= change.at + 3.0 and (subject.removed or fact.version == subject.version)
    if fact.previous_version != subject.previous_version:
        return False
    if fact.replicas is not None:
        return bool(subject.replicas_only) and subject.replicas_before != fact.replicas == subject.replicas
    return fact.operation is Operation.DELETE or fact.digest in (b"", subject.digest)


def repeats(fact: Fact, change: Change) -> bool:
    """Whether its author asked, on the version that the change made, for what may be the same again."""
    subject = change.subject
    if (fact.uid, fact.operation, fact.actor.name) != (subject.uid, subject.operation, change.author):
        return False
    same = fact.digest in (b"", subject.digest) and fact.replicas in (None, subject.replicas)
    return fact.source is Source.ADMISSION and fact.previous_version == subject.version and same


def idle(world: World, fact: Fact) -> bool:
    """Whether the request changed nothing."""
    made = {(c.subject.uid, c.subject.previous_version, c.author) for c in world.changes}
    if fact.source is Source.ADMISSION:
        return (fact.uid, fact.previous_version, fact.actor.name) not in made
    return not any(
        c.subject.uid == fact.uid and c.author == fact.actor.name and abs(c.at - fact.at) < 1e-6
        for c in world.changes
    )
