"""Live changes on their way into a real journal: in order, one entry each, and nothing stays behind."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog.testing

from reverser.journal.sqlite import open_journal
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from tests.integration.intaking import (
    EVERYTHING,
    LIVE,
    MAPS,
    STREAM,
    config_map,
    entries,
    live,
    paths,
    plain,
    said,
    take,
    tree,
    whole,
)

SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
SHOP = Stream("default", MAPS, "shop")
A, B = config_map("a", "1"), config_map("b", "1")
BAD = config_map("a", "bad", finalizers="not a list")
A_PATH, B_PATH = "shop/configmaps/a.yaml", "shop/configmaps/b.yaml"


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    """A real one."""
    async with open_journal(tmp_path) as opened:
        yield opened


async def shown(journal: Journal) -> list[str]:
    return [f"{each.key.name} {each.reason}" for each in await journal.withheld()]


@pytest.mark.parametrize("at_once", [True, False])
async def test_every_change_is_an_entry_in_the_order_of_the_api(journal: Journal, at_once: bool) -> None:
    """Changes that arrive together are decided one after the other, as if each had come alone."""
    given = [
        live(1, A),
        live(2, B),
        live(3, config_map("a", "2")),
        live(4, config_map("a", "2", resourceVersion="4")),
        live(5, B, deleted=True),
        live(6, config_map("a", "3")),
        live(7, config_map("a", "3"), deleted=True),
        live(8, config_map("a", "3"), deleted=True),
    ]
    for part in [given] if at_once else [[each] for each in given]:
        await take(journal, part)

    assert await said(journal) == [
        f"live CREATE {A_PATH}",
        f"live CREATE {B_PATH}",
        f"live UPDATE {A_PATH}",
        f"live DELETE {B_PATH}",
        f"live UPDATE {A_PATH}",
        f"live DELETE {A_PATH}",
    ]
    assert await paths(journal) == set()
    assert await journal.position(STREAM) == ("8", "")


async def test_more_changes_than_one_batch_holds_are_all_kept(journal: Journal) -> None:
    """However many wait, each has its entry, in order."""
    await take(journal, [live(n, config_map(f"m{n % 7}", str(n))) for n in range(1, 1202)])

    assert [
        each.edit.content and each.edit.content.split(b'value: "')[1] for each in await entries(journal)
    ] == [f'{n}"\n'.encode() for n in range(1, 1202)]
    assert (await journal.position(STREAM))[0] == "1201"


@pytest.mark.parametrize("at_once", [True, False])
async def test_an_object_that_goes_and_comes_back_is_known(journal: Journal, at_once: bool) -> None:
    """Deleted and created anew, even in one batch, it has a record: its next deletion removes the file."""
    given = [live(1, A), live(2, A, deleted=True), live(3, config_map("a", "2"))]
    for part in [given] if at_once else [[each] for each in given]:
        await take(journal, part)
    assert await paths(journal) == {A_PATH}

    await take(journal, [live(4, config_map("a", "3")), live(5, A, deleted=True)])
    assert (await said(journal))[-2:] == [f"live UPDATE {A_PATH}", f"live DELETE {A_PATH}"]
    assert await paths(journal) == set()


async def test_an_object_on_its_way_out_is_gone_at_once(journal: Journal) -> None:
    """The file goes when the deletion is asked for; the object's real end is no second entry."""
    going = config_map("a", "1", deletionTimestamp="2026-01-02T03:04:05Z", finalizers=["example.com/wait"])
    await take(journal, [live(1, A), live(2, going, deleted=True), live(3, going, deleted=True)])

    assert await said(journal) == [f"live CREATE {A_PATH}", f"live DELETE {A_PATH}"]


async def test_what_comes_again_changes_nothing(journal: Journal) -> None:
    """Events that the server repeats after a restart make no entries."""
    await take(journal, [live(1, A), live(2, config_map("a", "2")), live(3, B)])
    await take(journal, [live(2, config_map("a", "2")), live(3, B)])

    assert len(await entries(journal)) == 3


async def test_destinations_take_the_same_change_alike(journal: Journal) -> None:
    """Each destination has an entry and a record of its own, in one transaction with the position."""
    rules = [EVERYTHING, Rule("shop", "other", namespaces=("shop",)), Rule("again", "other")]
    destinations = [LIVE, Destination("other", "file:///other", path="o")]
    await take(journal, [live(1, A)], rules=rules, destinations=destinations)

    assert await said(journal) == [f"live CREATE {A_PATH}"]
    assert await said(journal, "other") == [f"live CREATE o/{A_PATH}"]
    seqs = [(await entries(journal, name))[0].seq for name in ("live", "other")]
    assert len(set(seqs)) == 2


async def test_a_change_for_nobody_moves_the_position(journal: Journal) -> None:
    """What no rule selects leaves no entry and no record, and is not asked for again."""
    await take(journal, [live(4, config_map("a", "1", namespace="kube-system"))])

    assert await entries(journal) == []
    assert await journal.some_records("live", None, 100_000) == []
    assert (await journal.position(STREAM))[0] == "4"


async def test_a_bad_object_is_withheld_and_the_others_go_on(journal: Journal) -> None:
    """It is shown, its file stays as it was, and the position moves past it."""
    await take(journal, [live(1, A), live(2, BAD), live(3, B)])

    assert await shown(journal) == ["a Unreadable"]
    assert await said(journal) == [f"live CREATE {A_PATH}", f"live CREATE {B_PATH}"]
    assert b'value: "1"' in (await tree(journal))[A_PATH]
    assert (await journal.position(STREAM))[0] == "3"


async def test_a_bad_object_of_a_list_is_withheld_and_the_others_go_on(journal: Journal) -> None:
    """A list with one object that cannot be written is complete all the same."""
    await take(journal, whole(7, BAD, B))

    assert await shown(journal) == ["a Unreadable"]
    assert await paths(journal) == {B_PATH}
    assert (await journal.position(STREAM))[0] == "7"


@pytest.mark.parametrize("at_once", [True, False])
@pytest.mark.parametrize("before", [[], [live(1, A)]])
@pytest.mark.parametrize(
    "after",
    [
        pytest.param([live(3, config_map("a", "2"))], id="written"),
        pytest.param([live(3, A)], id="as it was"),
        pytest.param([live(3, BAD, deleted=True)], id="deleted"),
        pytest.param(
            [live(3, config_map("a", "1", annotations={"gitops-reverser.io/ignore": ""}))], id="left out"
        ),
        pytest.param(whole(3, A), id="listed"),
        pytest.param(whole(3), id="missing"),
    ],
)
async def test_nothing_is_shown_as_withheld_for_longer_than_it_is(
    journal: Journal, before: list[Any], after: list[Any], at_once: bool
) -> None:
    """Written, back to what was written, left out, or gone: the object is not withheld any more."""
    if at_once:
        await take(journal, [*before, live(2, BAD), *after])
    else:
        await take(journal, [*before, live(2, BAD)])
        assert await shown(journal) == ["a Unreadable"]
        await take(journal, after)

    assert await shown(journal) == []
    await paths(journal)


@pytest.mark.parametrize("after", [[live(3, A, deleted=True)], whole(3)])
async def test_what_the_writer_withheld_ends_with_its_object(journal: Journal, after: list[Any]) -> None:
    """An object that Git could not take is shown until it is gone, and others are not touched by that."""
    await take(journal, [live(1, A), live(2, B)])
    (entry, _) = await entries(journal)
    await take(journal, [live(3, config_map("c", "bad", namespace="bank", finalizers="none"))])
    (other,) = await journal.withheld()
    await journal.withhold(
        entry.seq, msgspec.structs.replace(other, key=entry.key, reason="PathTaken", message="taken")
    )
    assert sorted(await shown(journal)) == ["a PathTaken", "c Unreadable"]

    scoped = [msgspec.structs.replace(each, stream=SHOP) for each in after]
    await take(journal, scoped)

    assert await shown(journal) == ["c Unreadable"]


async def test_withholding_is_told_once(journal: Journal) -> None:
    """An object that stays bad, however often it changes, is one line in the log, without its values."""
    with structlog.testing.capture_logs() as logs:
        await take(journal, [live(1, BAD), live(2, BAD | {"data": {"more": "hunter2"}}), live(3, B)])
        await take(journal, [live(4, BAD | {"data": {"more": "hunter3"}})])

    told = [each for each in logs if each["event"] == "object withheld"]
    assert [(each["object"], each["reason"]) for each in told] == [("shop/configmaps/a", "Unreadable")]
    assert "hunter" not in str(logs)


async def test_only_sanitized_content_reaches_the_journal(tmp_path: Path) -> None:
    """Nothing of a Secret, of status or of managed fields is found in any file of the journal."""
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s", "namespace": "shop", "annotations": {"note": "canary-0"}},
        "data": {"password": "Y2FuYXJ5LTE="},
        "stringData": {"password": "canary-1"},
    }
    noisy = config_map("a", "kept", managedFields=[{"manager": "m", "fieldsV1": {"canary-2": {}}}])
    noisy["status"] = {"canary-3": 1}
    stream = msgspec.structs.replace(STREAM, type=SECRETS)
    for destination in (LIVE, msgspec.structs.replace(LIVE, secrets="mask")):
        folder = tmp_path / destination.secrets
        folder.mkdir()
        async with open_journal(folder) as journal:
            given = [live(1, noisy), live(2, secret, stream=stream), *whole(3, secret, stream=stream)]
            await take(journal, given, destinations=[destination])
            stored = await everything(journal) + b"".join(
                each.read_bytes() for each in folder.glob("journal.sqlite*")
            )
        assert b"kept" in stored
        assert not any(word in stored for word in (b"canary-1", b"canary-2", b"canary-3", b"Y2FuYXJ5"))
        assert (b"canary-0" in stored) is (destination.secrets == "mask")


async def everything(journal: Journal) -> bytes:
    """All that the journal tells of a destination; in the files it is compressed."""
    keys = [known.key for known in await journal.some_records("live", None, 100_000)]
    records = await journal.records("live", keys)
    told = [*(plain(each) for each in await entries(journal)), *records.values()]
    return b"".join(map(msgspec.json.encode, told)) + b"".join(
        [
            *(each.content for each in records.values()),
            *(e.edit.content or b"" for e in await entries(journal)),
        ]
    )
