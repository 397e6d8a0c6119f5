"""What clients of the webhook listener may cost together: memory, and connections."""

from __future__ import annotations

import gzip
import resource
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path

import pytest
import trio

from reverser.http import connection
from reverser.webhook import admission_endpoint, audit_endpoint
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from tests.golden.recorded import event_list, review_body
from tests.integration.endpoints import (
    ADMISSION_BYTES,
    AUDIT_BYTES,
    BOUND_SECONDS,
    GOOD,
    Endpoints,
    answered,
    asked,
    head,
    request,
)

GZIP = b"Content-Encoding: gzip"
CLIENTS = 20
MIB = 1024 * 1024


@pytest.fixture
async def endpoints(tmp_path: Path) -> AsyncIterator[Endpoints]:
    """A listener whose endpoints take small bodies."""
    async with Endpoints.open(tmp_path) as running:
        yield running


async def test_half_a_bomb_costs_what_was_sent_of_it(tmp_path: Path) -> None:
    """Nothing is unpacked before it is whole: twenty bodies that lack a byte hold no more than was sent."""
    packed = gzip.compress(b" " * (audit_endpoint.MAX_BYTES - 1))
    async with (
        Endpoints.open(tmp_path, max_bytes=audit_endpoint.MAX_BYTES) as endpoints,
        AsyncExitStack() as stack,
    ):
        await endpoints.well()
        before = resident_bytes()
        for _ in range(CLIENTS):
            stream = await stack.enter_async_context(endpoints.secure())
            await stream.send_all(request(AUDIT_PATH, packed, GZIP)[:-1])
        await endpoints.held(AUDIT_PATH, CLIENTS * (len(packed) - 1))
        assert resident_bytes() - before < 64 * MIB
        await endpoints.well()


async def test_whole_bombs_share_the_budget(tmp_path: Path) -> None:
    """However many come at a time, their memory has one bound; each gets its answer."""
    bomb = request(AUDIT_PATH, gzip.compress(b" " * (audit_endpoint.MAX_BYTES - 1)), GZIP)
    statuses = list[int]()

    async def ask() -> None:
        statuses.append((await endpoints.ask(bomb)).status)

    async with Endpoints.open(tmp_path, max_bytes=audit_endpoint.MAX_BYTES) as endpoints:
        await endpoints.well()
        with sampled() as resident:
            async with trio.open_nursery() as nursery:
                for _ in range(CLIENTS // 2):
                    nursery.start_soon(ask)
        assert max(resident) - resident[0] < 6 * audit_endpoint.MAX_BYTES
        await endpoints.well()

    assert len(statuses) == CLIENTS // 2
    assert set(statuses) <= {200, 503}


@pytest.mark.parametrize(
    ("path", "most", "bodies"),
    [
        (ADMISSION_PATH, ADMISSION_BYTES, admission_endpoint.LARGEST_BODIES),
        (AUDIT_PATH, AUDIT_BYTES, audit_endpoint.LARGEST_BODIES),
    ],
    ids=["admission", "audit"],
)
async def test_one_endpoint_that_is_full_does_not_fill_the_other(
    endpoints: Endpoints, path: str, most: int, bodies: int
) -> None:
    """While unfinished bodies hold all that may be held it answers 503; the other one goes on, and so does
    it when they have gone.
    """
    good = {ADMISSION_PATH: review_body(GOOD), AUDIT_PATH: event_list(GOOD)}
    async with AsyncExitStack() as stack:
        for _ in range(bodies):
            stream = await stack.enter_async_context(endpoints.secure())
            await stream.send_all(request(path, b" " * most)[:-1])
        await endpoints.held(path, bodies * (most - 1))
        statuses = {each: (await endpoints.ask(request(each, body))).status for each, body in good.items()}
    assert statuses == {ADMISSION_PATH: 200, AUDIT_PATH: 200} | {path: 503}

    await endpoints.held(path, 0)
    await endpoints.alone()
    endpoints.facts.clear()
    await endpoints.well()


STILL = {
    "no-handshake": None,
    "nothing": b"",
    "head": head(ADMISSION_PATH)[:-20],
    "body": request(AUDIT_PATH, event_list(GOOD))[:-20],
}


@pytest.mark.parametrize("sent", STILL.values(), ids=STILL)
async def test_connections_that_are_still_make_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sent: bytes | None
) -> None:
    """However many hold a connection and say nothing, new ones are served, and so is one that is used."""
    monkeypatch.setattr(connection, "MOST", CLIENTS)
    review = request(ADMISSION_PATH, review_body(GOOD))
    async with Endpoints.open(tmp_path) as endpoints, AsyncExitStack() as stack:
        used = await stack.enter_async_context(endpoints.secure())
        streams = list[trio.abc.Stream]()
        for _ in range(2 * CLIENTS):
            if sent is None:
                streams.append(await stack.enter_async_context(await endpoints.plain()))
            else:
                streams.append(await stack.enter_async_context(endpoints.secure()))
                await streams[-1].send_all(sent)
            assert (await asked(used, review)).status == 200
        for stream in streams[:CLIENTS]:
            with trio.fail_after(BOUND_SECONDS):
                assert await ended(stream)
        endpoints.facts.clear()
        await endpoints.well()


async def ended(stream: trio.abc.Stream) -> bool:
    """Whether the other side has closed the connection, without an answer."""
    if isinstance(stream, trio.SocketStream):
        try:
            return not await stream.receive_some(1)
        except trio.BrokenResourceError:
            return True
    return (await answered(stream)).status == 0


def test_the_listener_leaves_files_to_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its connections are at most a quarter of what the process may open."""
    files, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (1024, most))
    assert connection.limit() == 256
    monkeypatch.setattr(resource, "getrlimit", lambda _kind: (resource.RLIM_INFINITY, most))
    assert connection.limit() == connection.MOST
    assert files


def resident_bytes() -> int:
    """What this process holds of memory now."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize()


@contextmanager
def sampled() -> Iterator[list[int]]:
    """What this process holds of memory, before the block and again and again until its end."""
    found, ended = [resident_bytes()], threading.Event()

    def sample() -> None:
        while not ended.wait(0.001):
            found.append(resident_bytes())

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield found
    finally:
        ended.set()
        thread.join()
