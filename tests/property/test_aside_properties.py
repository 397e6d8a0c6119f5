"""Excluded entries: none is lost, none reordered, none late, and none under a name it should not have."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey
from reverser.model.rule import Actors
from reverser.select.rules import excluded, split_excluded
from reverser.writer import held_entries
from reverser.writer.window import Window

WORDS: dict[str, tuple[Actors, ...]] = {
    "skip": (Actors(exclude_users=("flux",)),),
    "fold": (Actors(exclude_users=("flux",), excluded="fold"),),
    "": (),
}
EXCLUDED_SECONDS = 4.0
MADE = st.tuples(
    st.sampled_from([Origin.LIVE] * 9 + [Origin.SNAPSHOT, Origin.SWEEP]),
    st.sampled_from(["ann", "bob", "flux", "flux", "flux"]),
    st.sampled_from(["skip", "fold", "fold", ""]),
    st.sampled_from(["one", "one", "two"]),
    st.sampled_from("abcd"),
    st.sampled_from("abcd"),
    st.sampled_from(["", "", "", "a", "b"]),
)
STEPS = st.lists(st.tuples(st.floats(0, 3), st.lists(MADE, max_size=5), st.booleans()), max_size=12)
SECONDS = st.sampled_from([0.0, 1.0, 30.0])


def make(seq: int, now: float, made: tuple[Any, ...]) -> Entry:
    origin, user, word, cluster, name, path, previous = made
    return Entry(
        *("live", ObjectKey(cluster, "", "pods", "shop", name), "v1", "Pod", Operation.UPDATE, origin),
        *(Edit(f"{cluster}/{path}", b"x"), 0.0),
        attribution=Attribution(Actor(user), Evidence.ADMISSION),
        previous_path=f"{cluster}/{previous}" if previous else "",
        actors=WORDS[word],
        seq=seq,
        appended_at=100 + now,
    )


class Feeding:
    """A window that is fed step by step, and restarted now and then as a writer does."""

    def __init__(self, seconds: float) -> None:
        self.window = Window(seconds, EXCLUDED_SECONDS)
        self.seconds = seconds
        self.now = 100.0
        self.fed: list[Entry] = []
        self.plans: list[CommitPlan] = []

    def step(self, pause: float, made: list[tuple[Any, ...]], *, restart: bool) -> None:
        self.now += pause
        if restart:
            self.window = Window(self.seconds, EXCLUDED_SECONDS)
            self.window.feed(self.waiting(), self.now)
        entries = [make(len(self.fed) + n, self.now - 100, each) for n, each in enumerate(made, 1)]
        self.fed += entries
        self.window.feed(entries, self.now)
        self.plans += self.window.ready(self.now)

    def waiting(self) -> list[Entry]:
        out = {entry.seq for plan in self.plans for entry in plan.entries}
        return [entry for entry in self.fed if entry.seq not in out]


@settings(max_examples=300, deadline=None)
@given(SECONDS, STEPS)
def test_no_entry_is_lost_reordered_or_late(seconds: float, steps: list[Any]) -> None:
    """Each comes out once, in the order of its object and paths, and in time, whatever is begun anew."""
    feeding = Feeding(seconds)
    for pause, made, restart in steps:
        feeding.step(pause, made, restart=restart)
        for entry in feeding.waiting():
            assert excluded(entry) or feeding.now < entry.appended_at + seconds
            assert not excluded(entry) or feeding.now < entry.appended_at + EXCLUDED_SECONDS
        deadline = feeding.window.deadline()
        assert (deadline is None) == (not feeding.waiting())
        assert deadline is None or deadline > feeding.now
    feeding.plans += feeding.window.flush()

    out = [entry for plan in feeding.plans for entry in plan.entries]
    assert sorted(out, key=lambda entry: entry.seq) == feeding.fed
    for place in {place for entry in out for place in held_entries.touched(entry)}:
        concerned = [entry.seq for entry in out if place in held_entries.touched(entry)]
        assert concerned == sorted(concerned)


@settings(max_examples=300, deadline=None)
@given(SECONDS, STEPS)
def test_excluded_entries_are_in_nobody_elses_commit(seconds: float, steps: list[Any]) -> None:
    """A commit has one author; beside that author's entries it holds only folded ones of the same objects."""
    feeding = Feeding(seconds)
    for pause, made, restart in steps:
        feeding.step(pause, made, restart=restart)

    for plan in [*feeding.plans, *feeding.window.flush()]:
        own, beside = split_excluded(plan)
        assert len({entry.key.cluster for entry in plan.entries}) == 1
        if own is None:
            continue
        assert own.first.origin is not Origin.LIVE or len({e.attribution.actor for e in own.entries}) == 1
        assert {excluded(entry) for entry in beside} <= {"fold"}
        assert {entry.key for entry in beside} <= {entry.key for entry in own.entries}


@settings(max_examples=200, deadline=None)
@given(STEPS)
def test_without_a_window_an_included_entry_ends_its_commit(steps: list[Any]) -> None:
    """Each included live entry has a commit of its own, at once, whatever is folded into it."""
    feeding = Feeding(0.0)
    for pause, made, restart in steps:
        feeding.step(pause, made, restart=restart)

    included = [e for e in feeding.fed if e.origin is Origin.LIVE and not excluded(e)]
    commits = [
        own.entries
        for own, _ in map(split_excluded, feeding.plans)
        if own and own.first.origin is Origin.LIVE
    ]
    assert commits == [(entry,) for entry in included]
