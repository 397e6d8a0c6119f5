"""An API server that lies about its history: restored, silent, unnamed, or with lists that never end."""

from __future__ import annotations

import itertools
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from reverser.kube.client import Client
from reverser.kube.discovery_trigger import DiscoveryTrigger
from reverser.kube.errors import Stuck
from reverser.kube.lists import Lists
from reverser.kube.watch import Watch
from reverser.model.change import Observation
from tests.integration.observing import (
    PATH,
    STREAM,
    Follow,
    Told,
    connected,
    following,
    hurry,
    scripted,
    until,
)
from tests.integration.scripted import (
    Request,
    Scripted,
    bookmark,
    document,
    end_of_list,
    error,
    event,
    lines,
    page,
    status,
)

SILENCE_SECONDS = 0.2


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off in milliseconds."""
    hurry(monkeypatch)
    monkeypatch.setattr("reverser.kube.watch.SHORTEST_SECONDS", 0.0)


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    return await scripted(nursery)


@pytest.fixture
async def client(api: Scripted, tmp_path: Path) -> AsyncIterator[Client]:
    async with connected(api, tmp_path) as opened:
        yield opened


@pytest.fixture
def follow(api: Scripted, client: Client, nursery: trio.Nursery) -> Follow:
    return following(api, client, nursery, SILENCE_SECONDS)


async def test_a_server_that_has_not_reached_our_position_is_listed(api: Scripted, follow: Follow) -> None:
    """At the start: versions lower than the journal's mean another history, which is told."""
    api.newest = "12"

    followed = follow(lines(event("ADDED", "a", 5), end_of_list(12)), position="1000")

    await followed.taken.until("started over", "list", "snapshot +a", "listed 12")
    await until(lambda: followed.told.calls == ["started over configmaps", "listed configmaps 1"])
    assert followed.told.started == ["it is at version 12, and 1000 was read before"]


async def test_a_server_that_is_restored_meanwhile_is_listed(api: Scripted, follow: Follow) -> None:
    """While running: after a connection that broke, the position is compared before it is gone on from."""
    api.newest = "1000"
    followed = follow(
        lines(event("MODIFIED", "a", 1000), then="break"),
        lines(event("ADDED", "b", 5), end_of_list(12)),
        position="999",
    )
    await until(lambda: "live +a 1000" in followed.taken.texts)
    api.newest = "12"

    await followed.taken.until("live +a 1000", "started over", "list", "snapshot +b", "listed 12")


async def test_a_position_that_the_server_knows_is_gone_on_from(api: Scripted, follow: Follow) -> None:
    """An equal version, a higher one, or none at all: the stream resumes, and asks for metadata only."""
    api.newest = "8"
    followed = follow(lines(event("MODIFIED", "a", 8), then="break"), lines(bookmark(9)), position="7")

    await followed.taken.until("live +a 8", "at 9")
    assert followed.told.started == []
    assert "PartialObjectMetadataList" in api.checks[0].headers["accept"]


async def test_a_server_that_does_not_tell_its_version_is_watched(api: Scripted, follow: Follow) -> None:
    """Who may watch but not list is not kept from watching."""
    refused = status(403, "Forbidden")
    api.check = refused

    followed = follow(lines(event("MODIFIED", "a", 8)), position="7")

    await followed.taken.until("live +a 8")
    assert followed.told.errors == []


async def test_versions_that_go_back_within_a_stream(api: Scripted, follow: Follow) -> None:
    """An event before our position is of another history: it is not handed on, a list is."""
    followed = follow(
        lines(event("MODIFIED", "a", 5)),
        lines(event("ADDED", "b", 5), end_of_list(12)),
        position="1000",
    )

    await followed.taken.until("started over", "list", "snapshot +b", "listed 12")


async def test_a_list_tells_that_the_server_started_over(api: Scripted, follow: Follow) -> None:
    """A position that expired says nothing; the list that follows it shows lower versions."""
    followed = follow(status(410, "Expired"), lines(end_of_list(12)), position="1000")

    await followed.taken.until("list", "started over", "listed 12")


@pytest.mark.parametrize("then", ["hang", "end", "break"])
async def test_a_stream_that_proves_nothing_is_listed(api: Scripted, follow: Follow, then: str) -> None:
    """Answers without an event or a bookmark: told once, listed, and over only when watching works."""
    mute = lines(then=then)
    listed = lines(event("ADDED", "a", 5), end_of_list(1000), then="end")
    followed = follow(*[mute] * 2, position="1000")
    if then != "hang":
        api.script[PATH] = [mute]
    else:
        api.script[PATH] = [mute, mute, listed, mute, mute, listed, lines(bookmark(1001))]

    await until(lambda: any(isinstance(error, Stuck) for error in followed.told.errors))
    if then != "hang":
        api.script[PATH] = [listed, lines(bookmark(1001))]

    await until(lambda: "recovered configmaps" in followed.told.calls)
    await until(lambda: followed.taken.texts[-1] == "at 1001")
    assert "listed 1000" in followed.taken.texts
    assert followed.told.calls.count("recovered configmaps") == 1
    assert followed.told.calls[-1] == "recovered configmaps"


async def test_a_retry_is_no_recovery(api: Scripted, follow: Follow) -> None:
    """An answer with nothing in it ends no trouble; a bookmark does, and is told once."""
    followed = follow(
        status(503, "ServiceUnavailable"),
        lines(then="break"),
        status(503, "ServiceUnavailable"),
        lines(bookmark(8), bookmark(9)),
        position="7",
    )

    await followed.taken.until("at 8", "at 9")
    assert followed.told.calls == ["failed configmaps"] * 3 + ["recovered configmaps"]


async def test_a_busy_type_on_a_server_that_ignores_streaming_lists(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Events that never stop coming are no list: after a while it is paged, and the turn given back."""
    monkeypatch.setattr("reverser.kube.lists.READING_SECONDS", 0.5, raising=False)

    async def busy(request: Request) -> None:
        await request.head(200, "Transfer-Encoding: chunked")
        for version in itertools.count(1):
            await lines_of(request, event("MODIFIED", "a", version))
            await trio.sleep(0.05)

    followed = follow(busy, document(page("a", version=900)), lines(event("MODIFIED", "a", 901)))

    await until(lambda: "live +a 901" in followed.taken.texts)
    assert followed.taken.texts[-3:] == ["snapshot +a", "listed 900", "live +a 901"]
    assert followed.told.errors == []
    assert followed.lists.turns.borrowed_tokens == 0


async def lines_of(request: Request, *events: dict[str, object]) -> None:
    for each in events:
        await request.write(json.dumps(each) + "\n")


@pytest.mark.parametrize("then", ["end", "break"])
async def test_streaming_lists_that_break_off_are_paged(api: Scripted, follow: Follow, then: str) -> None:
    """A server, or a proxy, that ends each streaming list before its end mark gets a paged one."""
    half = lines(event("ADDED", "a", 1), then=then)
    tries = 1 if then == "end" else 2

    followed = follow(*[half] * tries, document(page("a", "b")), lines(bookmark(11)))

    await until(lambda: "at 11" in followed.taken.texts)
    assert followed.taken.texts[-4:] == ["snapshot +a", "snapshot +b", "listed 10", "at 11"]
    assert followed.lists.paged == set()


@pytest.mark.parametrize("ends", [(), (error(400, "BadRequest"),)])
async def test_what_a_broken_list_brought_counts_no_more(follow: Follow, ends: tuple[Any, ...]) -> None:
    """The pages that follow a streaming list that broke off begin a list of their own."""
    half = lines(event("ADDED", "a", 1), event("ADDED", "gone", 2), *ends, then="end")

    followed = follow(half, document(page("a", version=11)), lines())

    await followed.taken.until("list", "snapshot +a", "snapshot +gone", "list", "snapshot +a", "listed 11")


async def test_what_nobody_was_handed_is_not_behind_the_position(api: Scripted, client: Client) -> None:
    """A watch that is cancelled while an event waits to be taken stands at the last one that was taken."""
    api.script[PATH] = [lines(event("MODIFIED", "a", 8), event("MODIFIED", "a", 9), bookmark(10))]
    send, receive = trio.open_memory_channel[Observation](0)
    watch = Watch(client, STREAM, DiscoveryTrigger(send, lambda: None), Lists(), Told())
    async with trio.open_nursery() as watching:
        watching.start_soon(watch.run, "7")
        await receive.receive()
        await until(lambda: send.statistics().tasks_waiting_send)
        watching.cancel_scope.cancel()

    assert watch.position == "8"


async def test_a_list_whose_pages_repeat_is_given_up(api: Scripted, follow: Follow) -> None:
    """A server that names the same page again and again keeps no turn for ever, and nothing is swept."""
    followed = follow(
        status(422, "Invalid"),
        document(page("a", token="more")),
        document(page("a", token="more")),
        document(page("a", "b")),
        lines(bookmark(11)),
    )

    await until(lambda: "at 11" in followed.taken.texts)
    assert followed.told.restarts == ["garbled"]
    assert followed.taken.texts.count("listed 10") == 1


@pytest.mark.parametrize("version", ["", "0"])
async def test_a_server_that_names_no_version_is_listed_at_each_connection(
    api: Scripted, follow: Follow, monkeypatch: pytest.MonkeyPatch, version: str
) -> None:
    """What went while no connection was open is missing from the next complete list."""
    monkeypatch.setattr("reverser.kube.watch.RELIST_SECONDS", 0.0, raising=False)
    unnamed = event("MODIFIED", "a", "8")
    followed = follow(
        status(422, "Invalid"),
        document(page("a", "b", version=version)),
        lines(unnamed, then="end"),
        document(page("a", version=version)),
        lines(),
    )

    listed = f"listed {version}".strip()
    await until(lambda: [text.strip() for text in followed.taken.texts].count(listed) == 2)
    texts = [text.strip() for text in followed.taken.texts]
    assert texts == ["list", "snapshot +a", "snapshot +b", listed, "live +a", "list", "snapshot +a", listed]
    assert followed.watch.position == ""


async def test_a_kept_position_without_a_version_is_none(api: Scripted, follow: Follow) -> None:
    """A journal that was written when such servers were gone on from lists once more."""
    followed = follow(lines(end_of_list(12)), position="0")

    await followed.taken.until("list", "listed 12")


async def test_a_server_without_versions_that_never_closes_is_listed_now_and_then(
    api: Scripted, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was deleted between a list and the watch that follows it is swept by the next list."""
    monkeypatch.setattr("reverser.kube.watch.RELIST_SECONDS", 0.0, raising=False)
    monkeypatch.setattr("reverser.kube.watch.UNNAMED_SECONDS", 0.1, raising=False)
    followed = follow(
        status(422, "Invalid"),
        document(page("a", version="")),
        lines(),
        document(page(version="")),
        lines(),
    )

    await until(lambda: [text.strip() for text in followed.taken.texts].count("listed") == 2)
