"""Whatever arrives when: nothing is lost, doubled or reordered on the way into commits."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.model.attribution import Actor, Attribution
from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit, Entry
from reverser.model.resource import ObjectKey
from reverser.writer.window import Window


def make(seq: int, origin: Origin, actor: str, cluster: str, name: str, path: str, previous: str) -> Entry:
    key = ObjectKey(cluster, "", "pods", "shop", name)
    edit = Edit(f"{cluster}/{path}", b"x")
    where = f"{cluster}/{previous}" if previous else ""
    by = Attribution(Actor(actor))
    return Entry("live", key, "v1", "Pod", Operation.UPDATE, origin, edit, 0.0, (), by, where, seq=seq)


MADE = st.tuples(
    st.sampled_from([Origin.LIVE] * 6 + [Origin.SNAPSHOT, Origin.SWEEP]),
    st.sampled_from(["ann", "bob", "eve"]),
    st.sampled_from(["one", "two"]),
    st.sampled_from("abcd"),
    st.sampled_from("abcd"),
    st.sampled_from(["", "", "", "a", "b"]),
)
STEPS = st.lists(st.tuples(st.floats(0, 3), st.lists(MADE, max_size=5), st.booleans()), max_size=12)


def run(
    seconds: float, steps: list[tuple[float, list[tuple[Origin, str, str, str, str, str]], bool]]
) -> list[CommitPlan]:
    """Feed step by step, ask now and then, flush at the end."""
    window, now, seq, plans = Window(seconds), 0.0, 0, []
    for pause, made, ask in steps:
        now += pause
        entries = [make(seq + index, *fields) for index, fields in enumerate(made, 1)]
        seq += len(entries)
        window.feed(entries, now)
        if ask:
            plans += window.ready(now)
            deadline = window.deadline()
            assert deadline is None or deadline > now
    plans += window.flush()
    assert window.deadline() is None
    assert window.flush() == []
    return plans


def fed(steps: list[tuple[float, list[tuple[Origin, str, str, str, str, str]], bool]]) -> list[Entry]:
    made = [fields for _, step, _ in steps for fields in step]
    return [make(index, *fields) for index, fields in enumerate(made, 1)]


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([0.0, 1.0, 5.0]), STEPS)
def test_plans_keep_every_entry_once_and_every_order_that_counts(seconds: float, steps: list) -> None:  # type: ignore[type-arg]
    """All entries come out once; those of one object or one path in the journal's order."""
    entries, plans = fed(steps), run(seconds, steps)
    out = [entry for plan in plans for entry in plan.entries]

    assert sorted(out, key=lambda entry: entry.seq) == entries
    for touched in {place for entry in entries for place in places(entry)}:
        concerned = [entry.seq for entry in out if touched in places(entry)]
        assert concerned == sorted(concerned)


@settings(max_examples=400, deadline=None)
@given(st.sampled_from([0.0, 1.0, 5.0]), STEPS)
def test_plans_are_of_one_kind_and_in_order(seconds: float, steps: list) -> None:  # type: ignore[type-arg]
    """A plan has one origin, one cluster and, if live, one actor; plans come by their first entries."""
    plans = run(seconds, steps)

    assert [plan.first.seq for plan in plans] == sorted(plan.first.seq for plan in plans)
    for plan in plans:
        assert len({(entry.origin, entry.key.cluster) for entry in plan.entries}) == 1
        assert plan.first.origin is not Origin.LIVE or len({e.attribution.actor for e in plan.entries}) == 1
        assert seconds or plan.first.origin is not Origin.LIVE or len(plan.entries) == 1


def places(entry: Entry) -> set[object]:
    return {entry.key, entry.edit.path, entry.previous_path} - {""}
