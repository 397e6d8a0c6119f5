"""What every journal promises, whatever keeps it. Written against `model.journal.Journal` alone.

A backend's tests import everything from here and define two fixtures: `reopened`, which opens the
same journal as often as it is called, each opening after the one before was closed; and `journal`,
which is one opening of it.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from typing import TypeAlias

import msgspec
import pytest
import trio
import trio.testing

from reverser.journal.data_directory import new_journal_id
from reverser.model.attribution import Actor, Attribution, Evidence
from reverser.model.change import Operation, Origin, Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Append, Edit, Entry, Outcome, Record, RecordKey, Sealed, Staged
from reverser.model.fact import FACT_SECONDS, Fact, Source
from reverser.model.journal import Journal, SealedFile, UnstorableError
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Actors

Reopened: TypeAlias = Callable[[], AbstractAsyncContextManager[Journal]]

PODS = ResourceType("", "v1", "pods", "Pod", True)
PODS_OF_A_GROUP = ResourceType("example.com", "v1", "pods", "Pod", True)
NODES = ResourceType("", "v1", "nodes", "Node", False)
STREAM = Stream("default", PODS)
BOUND_SECONDS = 15


def key(name: str, namespace: str = "shop", *, resource: str = "pods", cluster: str = "default") -> ObjectKey:
    return ObjectKey(cluster, "", resource, namespace, name)


def entry(name: str, destination: str = "live", content: bytes | None = b"x") -> Entry:
    edit = Edit(f"{name}.yaml", content)
    return Entry(destination, key(name), "v1", "Pod", Operation.UPDATE, Origin.LIVE, edit, 12.5)


def record(name: str, content: bytes = b'{"kind":"Pod"}', *, destination: str = "live") -> Record:
    return Record(destination, key(name), f"{name}.yaml", b"digest of " + content, content)


def withheld(name: str, at: float = 1.0, *, destination: str = "live") -> Withheld:
    return Withheld(destination, key(name), "Unreadable", f"{name} cannot be read", at)


async def pending(journal: Journal, destination: str = "live") -> list[str]:
    return [each.key.name for each in await journal.pending(destination)]


async def shown(journal: Journal) -> list[str]:
    return [each.key.name for each in await journal.withheld()]


async def known(journal: Journal, *names: str, destination: str = "live") -> set[str]:
    return {each.name for each in await journal.records(destination, [key(name) for name in names])}


async def test_a_new_journal_is_empty(journal: Journal) -> None:
    """Nothing is known at first: no entry, no record, no position, no head."""
    assert await journal.pending("live") == []
    assert await journal.withheld() == []
    assert await journal.some_records("live", None, 100_000) == []
    assert await journal.position(STREAM) == ("", "")
    assert await journal.head("live") == ""
    assert await journal.get_setting("anything") == ""
    assert (await journal.backlog("live")).entries == 0
    assert (await journal.backlog("live")).oldest_at == 0


async def test_everything_comes_back_as_it_was(reopened: Reopened) -> None:
    """After a close, a journal that is opened again holds all that was in it, and its key."""
    async with reopened() as journal:
        secret = journal.key
        whole = msgspec.structs.replace(
            entry("a", content=bytes(range(256))),
            changes=("spec.image: 1 -> 2", "\u2028 \U0001f600"),
            attribution=Attribution(Actor("ann"), Evidence.UNRESOLVED, "kubectl"),
            previous_path="old.yaml",
            reason="no longer selected",
            actors=(Actors(exclude_users=("flux",), excluded="fold"),),
        )
        (appended,) = await journal.append(
            Append(
                entries=[whole],
                records=[record("a"), record("c")],
                withheld=[withheld("b")],
                positions={STREAM.id: "17"},
                coverages={STREAM.id: "all"},
            )
        )
        await journal.set_head("live", "c0ffee")
        await journal.set_setting("place/live", "here")

    async with reopened() as journal:
        assert journal.key == secret
        assert len(secret) == 32
        assert await journal.pending("live") == [appended]
        assert msgspec.structs.replace(appended, seq=0, appended_at=0.0) == whole
        assert await journal.records("live", [key("a"), key("b")]) == {key("a"): record("a")}
        assert await journal.withheld() == [withheld("b")]
        assert await journal.position(STREAM) == ("17", "all")
        assert await journal.head("live") == "c0ffee"
        assert await journal.get_setting("place/live") == "here"


async def test_entries_are_numbered_in_the_order_of_appending(journal: Journal) -> None:
    """`seq` rises over all destinations, and each destination has its own entries in that order."""
    first = await journal.append(Append(entries=[entry("a"), entry("b", "other"), entry("c")]))
    second = await journal.append(Append(entries=[entry("a"), entry("d", "other")]))

    seqs = [each.seq for each in first + second]
    assert seqs == sorted(set(seqs))
    assert seqs[0] > 0
    assert await pending(journal) == ["a", "c", "a"]
    assert await pending(journal, "other") == ["b", "d"]
    assert await pending(journal, "unheard-of") == []


async def test_pending_is_read_in_parts(journal: Journal) -> None:
    """`after` and `limit` walk through the queue without a gap or a repetition."""
    appended = await journal.append(Append(entries=[entry(str(n)) for n in range(7)]))
    read: list[Entry] = []
    while part := await journal.pending("live", after=read[-1].seq if read else 0, limit=3):
        assert len(part) <= 3
        read += part

    assert read == appended


async def test_a_number_is_never_used_twice(reopened: Reopened) -> None:
    """Neither acknowledging everything nor starting again gives a number out a second time."""
    async with reopened() as journal:
        (first,) = await journal.append(Append(entries=[entry("a")]))
        await journal.ack("live", [first.seq], "head")
    async with reopened() as journal:
        await journal.forget_destination("live")
        (second,) = await journal.append(Append(entries=[entry("a")]))

        assert second.seq > first.seq


async def test_an_acknowledged_entry_is_not_pending_any_more(journal: Journal) -> None:
    """`ack` takes exactly these entries of this destination and keeps the head that has them."""
    entries = await journal.append(Append(entries=[entry("a"), entry("b", "other"), entry("c"), entry("d")]))
    a, b, c, _ = (each.seq for each in entries)

    await journal.ack("live", iter([a, b, c]), "c0ffee")

    assert await pending(journal) == ["d"]
    assert await pending(journal, "other") == ["b"]
    assert await journal.head("live") == "c0ffee"
    assert await journal.head("other") == ""


async def test_acknowledging_twice_changes_nothing(journal: Journal) -> None:
    """After a crash between push and ack nobody knows whether the ack had been made: it may be made again."""
    (a, b) = await journal.append(Append(entries=[entry("a"), entry("b")]))
    await journal.ack("live", [a.seq], "one")
    await journal.ack("live", [a.seq, 4711], "one")
    await journal.ack("live", [], "two")

    assert await journal.pending("live") == [b]
    assert await journal.head("live") == "two"


async def test_a_range_is_acknowledged_without_being_counted(journal: Journal) -> None:
    """Anybody may push a trailer with a range of any length; numbers to come are not acknowledged by it."""
    a, b, _ = await journal.append(Append(entries=[entry("a"), entry("b"), entry("c", "other")]))
    await journal.ack("live", [range(a.seq, a.seq + 1)], "one")
    assert await pending(journal) == ["b"]

    with trio.fail_after(BOUND_SECONDS):
        await journal.ack("live", [b.seq, range(1, 10**18)], "two")

    assert await pending(journal) == []
    assert await pending(journal, "other") == ["c"]
    await journal.append(Append(entries=[entry("d")]))
    assert await pending(journal) == ["d"]


async def test_a_position_moves_with_the_changes_that_it_covers(reopened: Reopened) -> None:
    """Version and coverage are stored by `append`, each without the other, stream by stream."""
    other = Stream("default", PODS, "shop")
    async with reopened() as journal:
        await journal.append(Append(positions={STREAM.id: "5", other.id: "7"}, coverages={STREAM.id: "x"}))
        await journal.append(Append(positions={STREAM.id: "6"}))
        await journal.append(Append(coverages={other.id: "y"}))
    async with reopened() as journal:
        assert await journal.position(STREAM) == ("6", "x")
        assert await journal.position(other) == ("7", "y")
        assert await journal.position(Stream("elsewhere", PODS)) == ("", "")


async def test_facts_are_stored_with_the_changes_that_they_go_with(reopened: Reopened) -> None:
    """By `append`, all of them or none; an empty one is dropped, and a prefix finds those that begin so."""
    async with reopened() as journal:
        await journal.append(Append(settings={"seen/a": "1", "seen/b%": "2", "see": "3"}))
        await journal.append(Append(settings={"seen/a": "", "seen/c": "4"}))
    async with reopened() as journal:
        assert await journal.get_settings("seen/") == {"seen/b%": "2", "seen/c": "4"}
        assert (await journal.get_setting("seen/a"), await journal.get_setting("see")) == ("", "3")


async def test_starting_over_drops_positions_and_entries_at_once(reopened: Reopened) -> None:
    """What a new list will bring again is dropped together with the positions that would prevent the list."""
    async with reopened() as journal:
        positions, coverages = {STREAM.id: "7"}, {STREAM.id: "all"}
        batch = Append([entry("again"), entry("kept")], positions=positions, coverages=coverages)
        again, _ = await journal.append(batch)
        await journal.append(Append(records=[record("again")], dropped=[again.seq], relist=True))
    async with reopened() as journal:
        assert await pending(journal) == ["kept"]
        assert await known(journal, "again") == {"again"}
        assert await journal.position(STREAM) == ("", "")


async def test_an_append_that_fails_leaves_nothing(journal: Journal) -> None:
    """All of an append is durable, or nothing: what cannot be stored takes its whole append along."""
    broken = Append(
        entries=[entry("a")],
        records=[record("b"), msgspec.structs.replace(record("a"), path={"no": "path"})],
        positions={STREAM.id: "9"},
    )
    with pytest.raises(Exception, match=r"(?s).+"):
        await journal.append(broken)

    assert await journal.pending("live") == []
    assert await known(journal, "a", "b") == set()
    assert await journal.position(STREAM) == ("", "")
    assert len(await journal.append(Append(entries=[entry("a")]))) == 1


async def test_one_that_fails_does_not_take_its_neighbours_along(journal: Journal) -> None:
    """Of appends made at the same time, only the one that cannot be stored fails."""
    failed: list[str] = []

    async def append(name: str) -> None:
        path = {"no": "path"} if name == "bad" else "p"
        made = msgspec.structs.replace(record(name), path=path)
        try:
            await journal.append(Append(entries=[entry(name)], records=[made]))
        except Exception:
            failed.append(name)

    async with trio.open_nursery() as nursery:
        for name in ("a", "b", "bad", "c"):
            nursery.start_soon(append, name)

    assert failed == ["bad"]
    assert sorted(await pending(journal)) == ["a", "b", "c"]
    assert await known(journal, "a", "b", "bad", "c") == {"a", "b", "c"}


async def test_appends_at_the_same_time_are_all_kept(journal: Journal) -> None:
    """Many tasks append at once: each gets its own numbers, in its own order."""
    kept: dict[str, list[int]] = {}

    async def append(name: str) -> None:
        entries = await journal.append(Append(entries=[entry(f"{name}1"), entry(f"{name}2")]))
        kept[name] = [each.seq for each in entries]

    async with trio.open_nursery() as nursery:
        for number in range(50):
            nursery.start_soon(append, f"{number}.")

    stored = {each.seq: each.key.name for each in await journal.pending("live")}
    assert len(stored) == 100
    for name, (first, second) in kept.items():
        assert first < second
        assert (stored[first], stored[second]) == (f"{name}1", f"{name}2")


async def test_a_cancelled_append_is_never_half_done(journal: Journal) -> None:
    """Whoever is cancelled while appending has appended everything, or nothing."""
    with trio.CancelScope() as scope:
        scope.cancel()
        await journal.append(Append(entries=[entry("a"), entry("b")], positions={STREAM.id: "3"}))

    assert (await pending(journal), await journal.position(STREAM)) in (
        (["a", "b"], ("3", "")),
        ([], ("", "")),
    )
    await journal.append(Append(entries=[entry("c")]))
    assert (await pending(journal))[-1] == "c"


async def test_waiting_ends_when_an_entry_is_pending(journal: Journal) -> None:
    """`wait` returns for an entry of its destination above `after`, and for nothing else."""
    (old,) = await journal.append(Append(entries=[entry("a")]))
    ended = trio.Event()

    async def wait() -> None:
        await journal.wait("live", after=old.seq)
        ended.set()

    with trio.fail_after(BOUND_SECONDS):
        await journal.wait("live")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(wait)
            await journal.append(Append(entries=[entry("b", "other")]))
            await journal.append(Append(records=[record("b")]))
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert not ended.is_set()
            await journal.append(Append(entries=[entry("b")]))
            await ended.wait()


async def test_a_record_is_replaced_and_forgotten(journal: Journal) -> None:
    """The last record of an object counts, until it is forgotten; others are not touched."""
    await journal.append(Append(records=[record("a"), record("b"), record("a", destination="other")]))
    await journal.append(Append(records=[record("a", b'{"newer":1}')]))
    assert await journal.records("live", [key("a")]) == {key("a"): record("a", b'{"newer":1}')}

    await journal.append(Append(forgotten=[("live", key("a")), ("live", key("never there"))]))

    assert await known(journal, "a", "b") == {"b"}
    assert await known(journal, "a", destination="other") == {"a"}


async def test_some_records_come_without_their_content(journal: Journal) -> None:
    """`some_records` is for looking at thousands: it leaves the content out, and nothing else."""
    await journal.append(Append(records=[record("a"), record("b"), record("c", destination="other")]))

    every = {each.key.name: each for each in await journal.some_records("live", None, 100_000)}

    assert every == {name: msgspec.structs.replace(record(name), content=b"") for name in ("a", "b")}


async def test_an_encrypted_file_is_kept_with_its_record(reopened: Reopened) -> None:
    """It comes back as it was, until the record is replaced by one without it."""
    sealed = msgspec.structs.replace(record("a"), sealed=Sealed(b"fingerprint", b"\x00file"))
    empty = msgspec.structs.replace(record("b"), sealed=Sealed(b"fingerprint", b""))
    async with reopened() as journal:
        await journal.append(Append(records=[sealed, empty]))
    async with reopened() as journal:
        assert await journal.records("live", [key("a"), key("b")]) == {key("a"): sealed, key("b"): empty}
        await journal.append(Append(records=[record("a")]))
        assert await journal.records("live", [key("a")]) == {key("a"): record("a")}


def outcome(name: str, content: bytes | None = b'{"x":1}') -> Outcome:
    recorded = None if content is None else record(name, content)
    return Outcome("live", key(name), entry(name, content=content), recorded)


async def test_what_is_staged_counts_with_its_list_alone(reopened: Reopened) -> None:
    """Entries, records and the position of a list are there together, in its order, or not at all."""
    async with reopened() as journal:
        await journal.append(Append([entry("first")], withheld=[withheld("a"), withheld("z")]))
        await journal.stage("one", Staged(outcomes=(outcome("b"), outcome("a"))))
        await journal.stage("one", Staged(outcomes=(outcome("c"),)))
        await journal.stage("two", Staged(outcomes=(outcome("other"),)))
        assert await pending(journal) == ["first"]
        assert await journal.some_records("live", None, 100_000) == []

        (last,) = await journal.append(Append([entry("last")], positions={STREAM.id: "7"}, listing="one"))

        assert await pending(journal) == ["first", "b", "a", "c", "last"]
        assert last.seq == (await journal.pending("live"))[-1].seq
        assert set(await journal.records("live", [key(name) for name in "abc"])) == {*map(key, "abc")}
        assert (await journal.position(STREAM))[0] == "7"
        assert await shown(journal) == ["z"]
        await journal.append(Append([entry("later")], listing="one"))
        assert await pending(journal) == ["first", "b", "a", "c", "last", "later"]
    async with reopened() as journal:
        await journal.append(Append(listing="two"))
        assert "other" not in await pending(journal)


async def test_what_a_list_has_brought_can_be_void(journal: Journal) -> None:
    """An object that changes or goes while its list runs counts as it was last; a list can start again."""
    await journal.append(Append(records=[record("gone"), record("back")]))
    await journal.stage("list", Staged(outcomes=(outcome("of a list that broke off"),)))
    await journal.discard("list")
    await journal.stage("list", Staged(outcomes=(outcome("a"), outcome("b"), outcome("c"))))
    await journal.stage("list", Staged((key("a"), key("b")), (outcome("a", b'{"x":2}'),)))
    await journal.stage("list", Staged(outcomes=(outcome("gone", None),)))
    await journal.append(Append(listing="list"))

    assert await pending(journal) == ["c", "a", "gone"]
    found = await journal.records("live", [key(name) for name in ("a", "b", "c", "gone", "back")])
    assert found == {
        key("a"): record("a", b'{"x":2}'),
        key("c"): record("c", b'{"x":1}'),
        key("back"): record("back"),
    }


async def test_what_all_lists_have_brought_can_be_void(journal: Journal) -> None:
    """Nothing that was staged before counts with any list after that."""
    await journal.stage("one", Staged(outcomes=(outcome("a"),)))
    await journal.stage("two", Staged(outcomes=(outcome("b"),)))

    await journal.discard_all()

    await journal.append(Append(listing="one"))
    await journal.append(Append(listing="two"))
    assert await pending(journal) == []


async def test_one_object_that_cannot_be_staged_is_named(journal: Journal) -> None:
    """Nothing of the addition is put aside then, and all of it without that object is."""
    bad = msgspec.structs.replace(outcome("bad"), entry=entry("\ud800"))
    with pytest.raises(UnstorableError) as caught:
        await journal.stage("list", Staged(outcomes=(outcome("a"), bad)))
    await journal.stage("list", Staged(outcomes=(outcome("a"),)))
    await journal.append(Append(listing="list"))

    assert [*caught.value.reasons] == [("live", key("bad"))]
    assert await pending(journal) == ["a"]


async def test_whoever_waits_hears_of_a_list(journal: Journal) -> None:
    """Entries that were staged wake the writer like all others."""
    await journal.stage("list", Staged(outcomes=(outcome("a"),)))
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(journal.wait, "live")
            await trio.testing.wait_all_tasks_blocked()
            await journal.append(Append(listing="list"))


async def test_records_come_a_part_at_a_time(journal: Journal) -> None:
    """Each part begins behind the last record of the one before, of every type and cluster."""
    keys = [key(name, cluster=cluster) for cluster in ("a", "b") for name in ("a", "b", "c")]
    keys.append(key("a", cluster="b", resource="services"))
    await journal.append(
        Append(records=[Record("live", each, f"{n}.yaml", b"d", b"{}") for n, each in enumerate(keys)])
    )
    await journal.append(Append(records=[record("z", destination="other")]))
    found: list[Record] = []
    while part := await journal.some_records("live", found[-1].key if found else None, 2):
        assert len(part) <= 2
        found += part

    assert [each.key for each in found] == keys
    assert await journal.paths("live") == {each.path for each in found}


async def test_keys_come_a_part_at_a_time(journal: Journal) -> None:
    """Each part begins behind the last key of the one before, and none of any destination is left out."""
    keys = [key(name, namespace) for namespace in ("", "bank", "shop") for name in ("a", "b", "c")]
    await journal.append(Append(records=[Record("live", each, str(each), b"d", b"{}") for each in keys]))
    other = [("aside", key(name)) for name in ("x", "y")]
    await journal.append(Append(records=[Record(*each, str(each[1]), b"d", b"{}") for each in other]))
    found: list[RecordKey] = []
    while part := await journal.keys(["live", "none", "aside"], STREAM, found[-1] if found else None, 2):
        assert len(part) <= 2
        found += part

    assert found == [*other, *(("live", each) for each in keys)]
    known = await journal.known([*found, ("none", keys[0]), ("live", key("absent"))])
    assert {record_key: record.path for record_key, record in known.items()} == {
        each: str(each[1]) for each in found
    }


async def test_keys_are_those_of_exactly_one_type_and_scope(journal: Journal) -> None:
    """A sweep asks for the keys of a stream: its cluster, group, type, and its namespace if it has one."""
    keys = [
        key("a"),
        key("b", "bank"),
        key("c", cluster="elsewhere"),
        key("d", resource="services"),
        ObjectKey("default", "example.com", "pods", "shop", "e"),
        key("n", "", resource="nodes"),
    ]
    records = [Record("live", each, f"{each}.yaml", b"d", b"{}") for each in keys]
    await journal.append(Append(records=[*records, record("z", destination="other")]))

    async def names(stream: Stream) -> set[str]:
        return {each.name for _, each in await journal.keys(["live"], stream)}

    assert await names(STREAM) == {"a", "b"}
    assert await names(Stream("default", PODS, "shop")) == {"a"}
    assert await names(Stream("default", PODS, "nowhere")) == set()
    assert await names(Stream("elsewhere", PODS)) == {"c"}
    assert await names(Stream("default", PODS_OF_A_GROUP)) == {"e"}
    assert await names(Stream("default", NODES)) == {"n"}


async def test_a_withheld_object_is_shown_until_it_is_written(journal: Journal) -> None:
    """Writing or forgetting the object's record ends it, for this destination alone."""
    both = [withheld("a", 3.0), withheld("a", 1.0, destination="other"), withheld("b", 2.0)]
    await journal.append(Append(withheld=both))
    assert [each.at for each in await journal.withheld()] == [1.0, 2.0, 3.0]

    await journal.append(Append(records=[record("a")]))
    assert [(each.destination, each.key.name) for each in await journal.withheld()] == [
        ("other", "a"),
        ("live", "b"),
    ]
    await journal.append(Append(forgotten=[("live", key("b"))]))
    assert await shown(journal) == ["a"]


async def test_withholding_keeps_what_was_written_before(journal: Journal) -> None:
    """An object that cannot be written any more keeps its record: its file is still there."""
    await journal.append(Append(records=[record("a")]))
    await journal.append(Append(withheld=[withheld("a")]))

    assert await known(journal, "a") == {"a"}
    assert await shown(journal) == ["a"]


async def test_what_is_withheld_last_is_shown(journal: Journal) -> None:
    """An append that writes an object and then withholds its next state shows it."""
    await journal.append(Append(records=[record("a")], withheld=[withheld("a")]))

    assert await known(journal, "a") == {"a"}
    assert await shown(journal) == ["a"]


@pytest.mark.parametrize(
    ("file", "mark", "path"), [("", "absent", "a.yaml"), ("old.yaml", "anew", "old.yaml")]
)
async def test_a_withheld_entry_leaves_the_queue_and_marks_its_record(
    reopened: Reopened, file: str, mark: str, path: str
) -> None:
    """An entry that Git cannot take goes for good; the object's record says where its file stands."""
    async with reopened() as journal:
        bad, _ = await journal.append(
            Append(entries=[entry("a"), entry("b")], records=[record("a"), record("b")])
        )
        await journal.withhold(bad.seq, withheld("a"), file)
    async with reopened() as journal:
        assert await pending(journal) == ["b"]
        found = await journal.records("live", [key("a"), key("b")])
        assert found[key("a")] == msgspec.structs.replace(record("a"), mark=mark, path=path)
        assert found[key("b")] == record("b")
        assert await shown(journal) == ["a"]
        assert (await journal.backlog("live")).entries == 1


async def test_a_withheld_removal_brings_its_record_back(journal: Journal) -> None:
    """The file is still there: a record stands for it until it has gone."""
    (gone,) = await journal.append(Append(entries=[entry("a", content=None)], forgotten=[("live", key("a"))]))

    await journal.withhold(gone.seq, withheld("a"), "a.yaml")

    found = (await journal.records("live", [key("a")]))[key("a")]
    assert (found.path, found.mark) == ("a.yaml", "anew")
    assert msgspec.json.decode(found.content)["kind"] == "Pod"


async def test_a_withheld_entry_without_a_file_makes_no_record(journal: Journal) -> None:
    """What was never written is not remembered as if it were."""
    (gone,) = await journal.append(Append(entries=[entry("a", content=None)]))

    await journal.withhold(gone.seq, withheld("a"))

    assert await known(journal, "a") == set()


async def test_the_second_of_two_withheld_entries_forgets_no_file(journal: Journal) -> None:
    """The first tells where the file stands; the second, which would have been behind it, knows of none."""
    batch = Append(entries=[entry("a"), entry("a")], records=[record("a")])
    one, two = await journal.append(batch)
    await journal.withhold(one.seq, withheld("a"), "old.yaml")

    await journal.withhold(two.seq, withheld("a"))

    assert (await journal.records("live", [key("a")]))[key("a")].path == "old.yaml"


async def test_an_entry_is_restored_only_while_its_record_stands(journal: Journal) -> None:
    """What the intake has decided meanwhile is newer than what is restored."""
    await journal.append(Append(records=[record("a"), record("b")]))
    digest = record("a").digest
    await journal.append(Append(records=[record("b", b"{}")]))

    wanted = [(entry(name), digest) for name in "abc"]
    assert [each.key.name for each in await journal.append(Append(restored=wanted))] == ["a"]

    assert await pending(journal) == ["a"]


async def test_destinations_are_renamed_with_all_that_is_kept_of_them(journal: Journal) -> None:
    """Entries, records, withheld objects and facts go along, also when two change names with each other."""
    for name in ("live", "other"):
        batch = Append(entries=[entry(name, name)], records=[record(name, destination=name)])
        batch.withheld = [withheld("w", destination=name)]
        await journal.append(batch)
        await journal.set_head(name, f"head of {name}")

    await journal.rename_destinations({"live": "other", "other": "live"})

    assert await pending(journal, "live") == ["other"]
    assert {each.destination for each in await journal.pending("live")} == {"live"}
    assert await known(journal, "live", "other", destination="other") == {"live"}
    assert await journal.head("other") == "head of live"
    assert len(await journal.withheld()) == 2
    await journal.rename_destinations({"live": "new"})
    assert await pending(journal, "new") == ["other"]
    assert await pending(journal, "live") == []


async def test_a_forgotten_destination_is_new(journal: Journal) -> None:
    """Its entries, records, withheld objects and head go, every stream lists again, others stay."""
    await journal.append(
        Append(
            entries=[entry("a"), entry("a", "other")],
            records=[record("a"), record("a", destination="other")],
            withheld=[withheld("b"), withheld("b", destination="other")],
            positions={STREAM.id: "5"},
            coverages={STREAM.id: "x"},
        )
    )
    await journal.set_head("live", "one")
    await journal.set_head("other", "two")

    await journal.forget_destination("live")

    assert (await pending(journal), await pending(journal, "other")) == ([], ["a"])
    assert (await known(journal, "a"), await known(journal, "a", destination="other")) == (set(), {"a"})
    assert [each.destination for each in await journal.withheld()] == ["other"]
    assert (await journal.head("live"), await journal.head("other")) == ("", "two")
    assert await journal.position(STREAM) == ("", "")


async def test_each_start_has_an_id_of_its_own(reopened: Reopened) -> None:
    """What was given out under an earlier id is known for ever, and nothing beyond it."""
    async with reopened() as journal:
        first = journal.id
        (appended,) = await journal.append(Append(entries=[entry("a")]))
        assert journal.issued(first, appended.seq)
    async with reopened() as journal:
        second = journal.id
        await journal.append(Append(entries=[entry("a")]))
    async with reopened() as journal:
        assert len({first, second, journal.id}) == 3
        assert all(journal.knows(each) for each in (first, second, journal.id))
        assert journal.issued(first, appended.seq)
        assert not journal.issued(first, appended.seq + 1)
        assert journal.issued(second, appended.seq + 1)
        assert not journal.issued(second, appended.seq + 2)
        assert not journal.knows("another")
        assert not journal.issued("another", 1)


async def test_the_backlog_tells_how_many_and_how_old(journal: Journal) -> None:
    """It counts what is pending, and tells when the oldest of it was appended."""
    first, second = await journal.append(Append(entries=[entry("a"), entry("b")]))
    await journal.append(Append(entries=[entry("c", "other")]))

    backlog = await journal.backlog("live")
    assert (backlog.entries, backlog.oldest_at) == (2, first.appended_at)
    backlogs = await journal.backlogs(["live", "other", "third"])
    assert {name: each.entries for name, each in backlogs.items()} == {"live": 2, "other": 1, "third": 0}
    assert backlogs["live"] == backlog
    assert first.appended_at > 0
    await journal.ack("live", [first.seq, second.seq], "head")
    assert (await journal.backlog("live")).entries == 0
    assert (await journal.backlog("live")).oldest_at == 0


async def test_names_of_any_kind_are_kept(journal: Journal) -> None:
    """Names with colons, quotes, 253 bytes and case that differs are different objects."""
    names = ["system:a", "it's", 'say "x"', "%", "a" * 253, "A" * 253, "ünï", ""]
    keys = [key(name, "") for name in names]
    records = [Record("live", each, each.name, b"d", b"{}") for each in keys]
    await journal.append(Append(records=records))

    assert {each for _, each in await journal.keys(["live"], STREAM)} == set(keys)
    assert await journal.records("live", keys) == dict(zip(keys, records, strict=True))


async def test_large_contents_are_kept(reopened: Reopened) -> None:
    """Objects of 1.5 MB come back byte for byte."""
    content = b'{"data":"' + bytes(ord("a") + n % 26 for n in range(1_500_000)) + b'"}'
    async with reopened() as journal:
        await journal.append(Append(entries=[entry("a", content=content)], records=[record("a", content)]))
    async with reopened() as journal:
        (read,) = await journal.pending("live")
        assert read.edit.content == content
        assert (await journal.records("live", [key("a")]))[key("a")].content == content


def awaiting(name: str) -> Entry:
    """An entry that waits for its author."""
    subject = ObservedWrite(
        key=key(name),
        kind="Pod",
        uid="u1",
        operation=Operation.UPDATE,
        version="6",
        labels={"app": "web"},
        owners=("u0",),
        digest=b"digest",
        seen_at=12.5,
    )
    return msgspec.structs.replace(entry(name), subject=subject, waits_until=99.0)


def fact(identity: str, **fields: object) -> Fact:
    given = {"operation": Operation.UPDATE, "actor": Actor("ann"), "at": 1.0, "uids": frozenset({"u1"})}
    known = {"cluster": "default", "source": Source.AUDIT, "group": "", "resource": "pods", "uid": "u1"}
    return Fact(id=identity, **{**given, **known, **fields})  # type: ignore[arg-type]


async def test_an_entry_waits_until_it_is_settled(reopened: Reopened) -> None:
    """What waits is known over a restart, by all it knew; settled, it has its author and waits no more."""
    by = Attribution(Actor("ann"), Evidence.AUDIT)
    async with reopened() as journal:
        first, _, third = await journal.append(Append(entries=[awaiting("a"), entry("b"), awaiting("c")]))

    async with reopened() as journal:
        assert await journal.awaiting_author() == [first, third]
        assert await journal.attributed_entries([first.seq, third.seq]) == []
        await journal.set_attributions({first.seq: by, 999: by})
        (settled,) = await journal.attributed_entries([first.seq, third.seq])
        assert settled == msgspec.structs.replace(first, attribution=by, waits_until=0.0)
        assert await journal.awaiting_author() == [third]
        assert (await journal.pending("live"))[0] == settled


async def test_whoever_waits_hears_of_what_is_settled(journal: Journal) -> None:
    """`wait` returns when one of the entries it names has its author, and not before."""
    first, second = await journal.append(Append(entries=[awaiting("a"), awaiting("b")]))
    heard = trio.Event()

    async def listen() -> None:
        await journal.wait("live", after=second.seq, waiting=[first.seq])
        heard.set()

    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(listen)
            await journal.set_attributions({second.seq: Attribution()})
            await trio.testing.wait_all_tasks_blocked(0.05)
            assert not heard.is_set()
            await journal.set_attributions({first.seq: Attribution()})


async def test_facts_are_kept_as_long_as_they_can_be_of_use(reopened: Reopened) -> None:
    """Once each, over a restart, oldest first; those that are too old go when new ones come.

    An id that a client chose hides no other fact.
    """
    async with reopened() as journal:
        await journal.save_facts([fact("a"), fact("b", version="7")], 1000.0)
        await journal.save_facts([fact("a"), fact("a", version="8"), fact("c")], 1001.0)

    async with reopened() as journal:
        assert await journal.load_facts() == [
            (1000.0, fact("a")),
            (1000.0, fact("b", version="7")),
            (1001.0, fact("a", version="8")),
            (1001.0, fact("c")),
        ]
        await journal.save_facts([fact("d")], 1000.5 + FACT_SECONDS)
        assert [each.id for _, each in await journal.load_facts()] == ["a", "c", "d"]


async def test_standing_tells_how_far_everything_has_come(journal: Journal) -> None:
    """The last number, each destination's oldest pending entry, positions, what is withheld, settings."""
    first = await journal.append(
        Append(
            entries=[entry("a"), entry("b", "other"), entry("c")],
            withheld=[withheld("d")],
            positions={STREAM.id: "17"},
            coverages={STREAM.id: "all"},
            settings={"uid/default": "u"},
        )
    )
    await journal.ack("live", [first[0].seq], "c0ffee")

    standing = await journal.standing()

    assert standing.last_seq == first[-1].seq
    assert standing.oldest == {"live": first[2].seq, "other": first[1].seq}
    assert standing.positions == {STREAM.id: ("17", "all")}
    assert standing.withheld == (key("d"),)
    assert standing.settings["uid/default"] == "u"
    assert standing.settings["head/live"] == "c0ffee"


async def test_sealed_files_are_named_by_their_paths(journal: Journal) -> None:
    """Of encrypted documents the fingerprint and the file's digest are told; of others nothing is."""
    sealed = msgspec.structs.replace(record("a"), sealed=Sealed(b"\x01\x02", b"file"), digest=b"\x03")
    lacking = msgspec.structs.replace(record("b"), selectors=("team=a",))
    await journal.append(Append(records=[sealed, lacking]))

    assert await journal.sealed() == {"live": {"a.yaml": SealedFile("0102", "03")}}
    assert await journal.selected_by_lost_labels() == {("default", "pods")}


async def test_a_journal_that_begins_anew_knows_what_it_was_told_and_nothing_else(
    reopened: Reopened,
) -> None:
    """Entries, records, heads and facts are gone, in this process and the next; numbers go on rising."""
    async with reopened() as journal:
        former = journal.id
        (before,) = await journal.append(
            Append(
                entries=[entry("a")],
                records=[record("a")],
                withheld=[withheld("b")],
                positions={STREAM.id: "17", "other": "3"},
                settings={"place/live": "here"},
            )
        )
        await journal.set_head("live", "c0ffee")
        await journal.save_facts([fact("1")], 1.0)

        await journal.begin_anew({STREAM.id: ("12", "some")}, {"proven/live": "yes"})

        assert journal.id != former
        assert journal.is_own(former)
        assert journal.issued(former, before.seq)
        anew = journal.id

    async with reopened() as journal:
        assert journal.is_own(anew)
        assert await pending(journal) == await shown(journal) == []
        assert await known(journal, "a") == set()
        assert await journal.head("live") == ""
        assert await journal.load_facts() == []
        assert await journal.position(STREAM) == ("12", "some")
        standing = await journal.standing()
        assert standing.positions == {STREAM.id: ("12", "some")}
        assert standing.settings.keys() - {"id", "former"} == {"proven/live"}
        (after,) = await journal.append(Append(entries=[entry("c")]))
        assert after.seq > before.seq


async def test_ids_of_other_journals_with_the_same_key_are_known_and_not_own(journal: Journal) -> None:
    """A journal tells its own ids from those of other replicas that share the digest key."""
    assert journal.is_own(journal.id)
    another = new_journal_id(journal.key)
    assert journal.knows(another)
    assert not journal.is_own(another)
