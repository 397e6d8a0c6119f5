"""Whose a file is, as the history of the branch tells it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.model.change import Operation, Origin
from reverser.model.entry import Edit, Entry, Record
from reverser.model.repository import Landed
from reverser.model.resource import ObjectKey
from reverser.writer.file_owner import (
    DaemonIdentity,
    Files,
    Owner,
    WrittenPaths,
    fold,
    inside,
    maker,
    of_unknown_journals,
    owned,
    recorded_journals,
    refused,
    unrecorded,
    written_among,
)

US = DaemonIdentity("team", frozenset({"east"}), lambda journal: journal.startswith("ours"))
FOLLOWING = DaemonIdentity("team", frozenset({"east"}), US.knows, frozenset({"old"}))
ADOPTING = DaemonIdentity("team", frozenset({"east"}), US.knows, adopt=True)


def commit(entry: str = "", cluster: str = "", **paths: str) -> Landed:
    """A=added, M=changed, D=removed; `/` is written `__`."""
    told = {name.replace("__", "/") + ".yaml": status for name, status in paths.items()}
    removed = tuple(path for path, status in told.items() if status == "D")
    added = tuple(path for path, status in told.items() if status == "A")
    return Landed("c", (entry,) if entry else (), tuple(told), cluster, (), removed, added)


@pytest.mark.parametrize(
    ("us", "entry", "cluster", "who"),
    [
        (US, "ours1/7", "east", Owner.OURS),
        (US, "ours1/7", "gone-since", Owner.OURS),
        (US, "other/7", "west", Owner.OTHER),
        (US, "other/7", "east", Owner.OTHER),
        (US, "", "", Owner.PERSON),
        (US, "no entry", "east", Owner.PERSON),
        (FOLLOWING, "old/7", "east", Owner.OURS),
        (FOLLOWING, "old/7", "west", Owner.OTHER),
        (FOLLOWING, "other/7", "east", Owner.OTHER),
        (ADOPTING, "other/7", "east", Owner.OURS),
        (ADOPTING, "other/7", "west", Owner.OTHER),
    ],
)
def test_who_made_a_commit(us: DaemonIdentity, entry: str, cluster: str, who: Owner) -> None:
    """Our journals are ours whatever the cluster; those that are followed only for our clusters."""
    assert maker(commit(entry, cluster), us) is who


def test_a_file_stays_whose_it_was_until_it_is_removed() -> None:
    """An edit of a person changes no owner; who makes a file again that was removed owns it."""
    history = [
        commit("ours1/1", "east", team__a="A", team__b="A"),
        commit("other/1", "west", team__c="A", team__d="A"),
        commit("", "", team__a="M", team__c="M", team__p="A"),
        commit("", "", team__b="D", team__d="D"),
        commit("", "", team__d="A"),
        commit("other/2", "west", team__b="A"),
    ]
    files = fold(history, US, Files())

    assert files.ours == {"team/a.yaml": "east"}
    assert files.others == {"team/c.yaml": "west", "team/b.yaml": "west"}
    assert owned({"team/a.yaml", "team/b.yaml"}, files) == {"team/a.yaml"}


OWN = Files(ours={"team/a.yaml": "east"})
OTHERS = Files(others={"team/a.yaml": "west"})
EDITED = Files(edited={"team/a.yaml": ""})
SHARED = Files(edited={"team/a.yaml": "west"})
NOBODYS = Files()


@pytest.mark.parametrize(
    ("makers", "files"),
    [
        ("PA UM", EDITED),
        ("PA UM PM UM", EDITED),
        ("PA OM", SHARED),
        ("PA OM UM", SHARED),
        ("PA UM OM", EDITED),
        ("PA UM UD", NOBODYS),
        ("PA UM PD UA", OWN),
        ("PA OM OD OA", OTHERS),
        ("PA UM PD PA", NOBODYS),
        ("UA PM UM", OWN),
        ("OA PM OM", OTHERS),
        ("UA PD PA UM", EDITED),
    ],
)
def test_a_persons_file_stays_the_persons_when_daemons_edit_it(makers: str, files: Files) -> None:
    """Who made it owns it; of the daemons that edit it the first goes on to."""
    entries = {"P": ("", ""), "U": ("ours1/1", "east"), "O": ("other/1", "west")}
    history = [commit(*entries[each[0]], team__a=each[1]) for each in makers.split()]

    assert fold(history, US, Files()) == files
    for cut in range(len(history)):
        first = fold(history[:cut], US, Files())
        rest = fold(history[cut:], US, first, first.ours)
        kept = {path: cluster for path, cluster in rest.others.items() if cluster}
        assert (rest.edited, kept) == (files.edited, files.others), f"read in two parts, from {cut}"


def test_what_was_written_lately_and_what_is_recorded_nowhere() -> None:
    """Of files of ours: those in commits of ours, and those that no record or entry names."""
    ours = {"team/a.yaml": "east", "team/b.yaml": "east", "c.yaml": "east"}
    commits = [commit("ours1/1", "east", team__a="M"), commit("", "", team__b="M")]

    assert written_among(commits, US, ours) == {"team/a.yaml": "east"}
    assert unrecorded(ours, {"c.yaml", "x.yaml", "team/a.yaml"}) == {"team/b.yaml": "east"}


def test_a_squashed_history_does_not_make_files_of_daemons_a_persons() -> None:
    """What was known of a file that is there holds where the new history does not say who made it."""
    known = Files(others={f"team/{n}.yaml": "west" for n in "acg"}, edited={"team/b.yaml": "west"})
    squashed = commit("", "", team__a="A", team__b="A")
    files = fold(
        [squashed, commit("other/1", "west", team__a="M"), commit("ours1/1", "east", team__c="A")],
        US,
        Files(),
    )

    files.outlived(known, {"team/a.yaml", "team/b.yaml", "team/c.yaml"})

    assert files == Files({"team/c.yaml": "east"}, {"team/a.yaml": "west"}, {"team/b.yaml": "west"})


def test_a_persons_file_where_ours_was_is_the_persons() -> None:
    """What the journal takes for ours, and a person has made anew, is not ours; an edit of ours is."""
    claimed = {"team/a.yaml", "team/b.yaml"}
    files = fold([commit("", "", team__a="A", team__b="M", team__c="A")], US, Files(), claimed)

    assert files.others == {"team/a.yaml": ""}
    assert owned(claimed, files) == {"team/b.yaml"}


def test_strangers_are_of_our_cluster_and_in_our_folder() -> None:
    """Only these may be ours after all."""
    history = [
        commit("lost/1", "east", team__a="A", elsewhere__a="A"),
        commit("other/1", "west", team__b="A"),
    ]
    assert of_unknown_journals(fold(history, US, Files(), {"elsewhere/a.yaml"}), US) == ["team/a.yaml"]
    assert recorded_journals(history, US, {"team/a.yaml"}) == {"lost"}
    assert recorded_journals(history, US, {"team/b.yaml"}) == frozenset()


@pytest.mark.parametrize(
    ("path", "content", "why"),
    [
        ("team/a.yaml", b"x", ""),
        ("team/a.yaml", None, ""),
        ("teamwork/a.yaml", b"x", "not inside"),
        ("old/a.yaml", b"x", "not inside"),
        ("old/a.yaml", None, ""),
        ("older/a.yaml", None, "not inside"),
        ("team/theirs.yaml", b"x", "another daemon"),
        ("team/theirs.yaml", None, "another daemon"),
        ("team/persons.yaml", b"x", ""),
    ],
)
def test_the_last_guard(path: str, content: bytes | None, why: str) -> None:
    """Nothing outside of the folder, but what moves into it; nothing of another daemon's."""
    others = {"team/theirs.yaml": "west", "team/persons.yaml": ""}
    told = refused(Edit(path, content), "team", others, {"old/a.yaml"})
    assert bool(told) is bool(why)
    assert why in told


def _entry(name: str, operation: Operation, content: bytes | None = b"x", **fields: Any) -> Entry:
    key = ObjectKey("east", "", "configmaps", "shop", name)
    edit = Edit(fields.pop("path", f"{name}.yaml"), content)
    return Entry("live", key, "v1", "ConfigMap", operation, Origin.LIVE, edit, 0.0, **fields)


def _record(name: str, path: str = "", mark: Any = "") -> Record:
    key = ObjectKey("east", "", "configmaps", "shop", name)
    return Record("live", key, path or f"{name}.yaml", b"d", b"{}", mark=mark)


CREATE, UPDATE, DELETE = Operation.CREATE, Operation.UPDATE, Operation.DELETE


@pytest.mark.parametrize(
    ("records", "pending", "paths"),
    [
        ([_record("a")], [], {"a.yaml"}),
        ([_record("a", mark="absent")], [], set()),
        ([_record("a")], [_entry("a", CREATE)], set()),
        ([_record("a")], [_entry("a", UPDATE)], {"a.yaml"}),
        ([], [_entry("a", DELETE, None)], {"a.yaml"}),
        ([_record("a")], [_entry("a", DELETE, None), _entry("a", CREATE)], {"a.yaml"}),
        # the creation before it was withheld, and the object is still waiting with what came after
        ([_record("a", mark="absent")], [_entry("a", UPDATE)], set()),
        ([_record("a")], [_entry("a", UPDATE), _entry("a", CREATE)], set()),
        # on its way to another place, where something else may stand
        (
            [_record("a", "new.yaml")],
            [_entry("a", UPDATE, path="new.yaml", previous_path="a.yaml")],
            {"a.yaml"},
        ),
    ],
)
def test_what_the_journal_knows_of_our_files(
    records: list[Record], pending: list[Entry], paths: set[str]
) -> None:
    """A file that is about to be made or moved to its place is not there yet, nor one that was given up."""
    known = WrittenPaths()
    known.pending(pending)
    known.recorded(records)

    assert known.paths() == paths

    late = WrittenPaths()
    late.recorded(records)
    late.pending(pending)

    assert late.paths() == paths, "what became pending while records were read"


COMMITS = st.lists(
    st.builds(
        commit,
        st.sampled_from(["ours1/1", "other/1", "lost/1", ""]),
        st.sampled_from(["east", "west"]),
        team__a=st.sampled_from("AMD"),
        away__b=st.sampled_from("AMD"),
    ),
    max_size=8,
)


@given(COMMITS, st.integers(0, 8))
def test_reading_in_parts_tells_the_same(history: list[Landed], cut: int) -> None:
    """What is read from the first commit on, and what is read bit by bit, are one; nothing has two owners."""
    whole = fold(history, US, Files())
    first = fold(history[:cut], US, Files())
    rest = fold(history[cut:], US, first, first.ours)

    assert rest.theirs() == whole.theirs()
    assert rest.edited == whole.edited
    assert whole.ours.keys().isdisjoint(whole.others)
    assert all(inside(path, "team") for path in [*whole.ours, *whole.others])
    assert fold(history, US, Files()) == whole
