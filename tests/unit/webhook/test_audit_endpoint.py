"""The audit endpoint: 200 once the facts are kept, and for all that will never get better."""

from __future__ import annotations

import gzip
import random
import tracemalloc
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import pytest
import structlog.testing
import trio
import trio.testing

from reverser.errors import TransientError
from reverser.http.body import PART_BYTES
from reverser.model.fact import Fact
from reverser.model.resource import ResourceType
from reverser.webhook import audit_endpoint
from reverser.webhook.address import AUDIT_PATH as PATH
from reverser.webhook.audit_endpoint import AuditEndpoint
from tests.audit_events import batch, event, good
from tests.catalogs import catalog
from tests.unit.asgi import Client, post

GZIP = ((b"content-encoding", b"gzip"),)


class Kept:
    """An endpoint with a store that may be slow or full."""

    def __init__(
        self,
        clusters: tuple[str, ...] = ("default",),
        types: Sequence[ResourceType] = (),
        **settings: Any,
    ) -> None:
        self.facts: list[Fact] = []
        self.results: Counter[str] = Counter()
        self.full = False
        self.waiting = trio.Event()
        self.open = trio.Event()
        self.open.set()
        self.app = AuditEndpoint(
            self._keep, catalog(*types, clusters=clusters), clusters, observe=self._count, **settings
        )

    async def _keep(self, facts: Sequence[Fact]) -> None:
        assert facts
        self.waiting.set()
        await self.open.wait()
        if self.full:
            raise TransientError("disk full", retry_after=7)
        self.facts += facts

    def _count(self, result: str, count: int) -> None:
        self.results[result] += count


@pytest.fixture
def kept() -> Iterator[Kept]:
    """However a request ends, nothing of its body is counted as held."""
    kept = Kept()
    yield kept
    assert kept.app.budget.held_bytes == 0


async def test_facts_are_kept(kept: Kept) -> None:
    """All of a batch, chunked or not, compressed or not."""
    whole = batch(good(1), event(verb="get"), good(2))
    for chunks, headers in (([whole], ()), ([whole[:9], b"", whole[9:]], ()), ([gzip.compress(whole)], GZIP)):
        assert (await post(kept.app, PATH, *chunks, headers=headers)).response.status == 200

    assert [fact.id for fact in kept.facts] == ["a1/ResponseComplete", "a2/ResponseComplete"] * 3
    assert kept.results == {"fact": 6, "unused": 3}


async def test_a_large_batch_is_read_beside_the_loop(kept: Kept, monkeypatch: pytest.MonkeyPatch) -> None:
    """A batch that is read in a thread has the same outcome as a small one."""
    monkeypatch.setattr(audit_endpoint, "INLINE_BYTES", 10)

    assert (await post(kept.app, PATH, batch(good(1)))).response.status == 200
    assert len(kept.facts) == 1


async def test_the_answer_waits_until_the_facts_are_durable(kept: Kept) -> None:
    """Not before the store says so."""
    kept.open = trio.Event()
    answers = list[Client]()

    async def ask() -> None:
        answers.append(await post(kept.app, PATH, batch(good())))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await kept.waiting.wait()
        await trio.testing.wait_all_tasks_blocked()
        assert answers == []
        kept.open.set()

    assert answers[0].response.status == 200


async def test_a_store_that_is_full_is_told(kept: Kept) -> None:
    """503 with a time: the API server sends the batch again."""
    kept.full = True
    client = await post(kept.app, PATH, batch(good()))
    assert (client.response.status, client.response.headers[b"retry-after"]) == (503, b"7")

    kept.full = False
    assert (await post(kept.app, PATH, batch(good()))).response.status == 200
    assert kept.results == {"fact": 1}


@pytest.mark.parametrize("odd", [b"", b"{", b"[]", b'{"kind":"Event"}', b"\xff", b"[" * 100_000])
async def test_a_poison_body_is_accepted(kept: Kept, odd: bytes) -> None:
    """200, since sending it again would not help; it is counted."""
    assert (await post(kept.app, PATH, odd)).response.status == 200
    assert (kept.facts, kept.results) == ([], {"problem": 1})


async def test_a_poison_event_spoils_no_other(kept: Kept) -> None:
    """One event that cannot be read does not spoil the others of its batch."""
    assert (await post(kept.app, PATH, batch(good(1), b'{"auditID":"\\x"}', good(2)))).response.status == 200
    assert kept.results == {"fact": 2, "problem": 1}


async def test_the_log_has_a_sample_without_bodies(
    kept: Kept, autojump_clock: trio.testing.MockClock
) -> None:
    """One a minute at most, so that nobody fills it."""
    poison = batch(event(auditID="p", stageTimestamp="", responseObject={"x": "CANARY", **STORED}))
    with structlog.testing.capture_logs() as lines:
        for _ in range(5):
            await post(kept.app, PATH, poison)
        assert len(lines) == 1
        await trio.sleep(audit_endpoint.LOG_SECONDS)
        await post(kept.app, PATH + "/" + "x" * 10_000, poison)

    assert len(lines) == 2
    assert lines[0]["audit_id"] == "p"
    assert "CANARY" not in repr(lines)
    assert len(repr(lines)) < 2000


async def test_a_body_over_the_limit_is_read_to_its_end_and_accepted() -> None:
    """200, since the same batch would come again; what is over the limit is not kept in memory."""
    kept = Kept(max_bytes=1000)
    client = await post(kept.app, PATH, *[b" " * 400] * 50)

    assert (client.response.status, client.taken) == (200, 50)
    assert kept.results == {"too-large": 1}


async def test_a_bomb_is_unpacked_no_further_than_the_limit() -> None:
    """A body may come compressed, and is counted unpacked."""
    kept = Kept(max_bytes=100_000)
    bomb = gzip.compress(b" " * 50_000_000)
    tracemalloc.start()
    client = await post(kept.app, PATH, bomb, headers=GZIP)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert client.response.status == 200
    assert peak < 5_000_000
    assert kept.results == {"too-large": 1}
    assert (await post(kept.app, PATH, gzip.compress(batch(good())), headers=GZIP)).response.status == 200
    assert len(kept.facts) == 1


@pytest.mark.parametrize("length", [PART_BYTES - 1, PART_BYTES, PART_BYTES + 1, 3 * PART_BYTES])
async def test_a_compressed_body_is_unpacked_to_its_end(kept: Kept, length: int) -> None:
    """Wherever the parts end in which it is unpacked, and however well it was compressed."""
    noise = bytes(random.Random(length).choices(range(32, 127), k=length))
    for filling in (b" " * length, noise):
        whole = batch(
            good(1), b'{"auditID":"p","x":"' + filling.replace(b"\\", b" ").replace(b'"', b" ") + b'"}'
        )
        assert (await post(kept.app, PATH, gzip.compress(whole), headers=GZIP)).response.status == 200

    assert kept.results == {"fact": 2, "problem": 2}


async def test_a_body_that_finds_no_room_comes_again(kept: Kept) -> None:
    """503 with a time while others hold all that may be held, and 200 when they are done."""
    with kept.app.budget.share() as others:
        assert others.take(audit_endpoint.LARGEST_BODIES * audit_endpoint.MAX_BYTES - 10)
        client = await post(kept.app, PATH, batch(good()))
        assert (client.response.status, client.response.headers[b"retry-after"]) == (503, b"1")
        packed = await post(kept.app, PATH, gzip.compress(batch(good())), headers=GZIP)
        assert packed.response.status == 503

    assert (await post(kept.app, PATH, batch(good()))).response.status == 200
    assert kept.results == {"busy": 2, "fact": 1}


@pytest.mark.parametrize(
    ("coding", "sent"),
    [
        (b"br", batch(good())),
        (b"gzip", batch(good())),
        (b"gzip", gzip.compress(batch(good()))[:-4]),
        (b"gzip", gzip.compress(batch(good())) + b"more"),
        (b"gzip", b""),
    ],
    ids=["unknown", "plain", "cut", "more", "empty"],
)
async def test_a_broken_compression_is_accepted(kept: Kept, coding: bytes, sent: bytes) -> None:
    """200 and counted, when it is unknown or not what it says."""
    client = await post(kept.app, PATH, sent, headers=[(b"content-encoding", coding)])

    assert (client.response.status, kept.results) == (200, {"coding": 1})


async def test_the_content_type_does_not_matter(kept: Kept) -> None:
    """A batch without a content type is accepted."""
    assert (await post(kept.app, PATH, batch(good()), content_type=b"")).response.status == 200
    assert len(kept.facts) == 1


async def test_another_method_is_refused(kept: Kept) -> None:
    """405: no API server sends one."""
    assert (await post(kept.app, PATH, batch(good()), method="GET")).response.status == 405
    assert kept.results == {"method": 1}


async def test_a_slow_body_is_given_up(kept: Kept, autojump_clock: trio.testing.MockClock) -> None:
    """408: the batch has not arrived, so it must come again."""
    assert (await post(kept.app, PATH, batch(good())[:10], whole=False)).response.status == 408
    assert kept.results == {"slow": 1}


async def test_a_large_body_that_never_ends_is_given_up(autojump_clock: trio.testing.MockClock) -> None:
    """408: nothing says that the batch will not come again whole. Who goes away gets no answer."""
    kept = Kept(max_bytes=10)

    assert (await post(kept.app, PATH, b" " * 20, whole=False)).response.status == 408
    assert (await post(kept.app, PATH, b" " * 20, whole=False, gone=True)).response.status == 0


async def test_a_client_that_goes_away_gets_no_answer(kept: Kept) -> None:
    """A client that goes away amid a batch gets no answer, and leaves no fact."""
    assert (await post(kept.app, PATH, batch(good()), whole=False, gone=True)).response.status == 0
    assert (kept.facts, kept.results) == ([], {"gone": 1})


async def test_the_path_names_the_cluster() -> None:
    """Where there are several it must; an unknown one is accepted and counted."""
    kept = Kept(clusters=("one", "two"))
    for suffix in ("/one", "/two", "", "/three"):
        assert (await post(kept.app, PATH + suffix, batch(good()))).response.status == 200

    assert [fact.cluster for fact in kept.facts] == ["one", "two"]
    assert kept.results == {"fact": 2, "problem": 2}


async def test_unwanted_types_are_not_kept() -> None:
    """The cluster serves other types that a rule selects; as long as it is not known, all are kept."""
    pods = ResourceType("", "v1", "pods", "Pod", namespaced=True)
    kept, before = Kept(types=[pods]), Kept()

    assert (await post(kept.app, PATH, batch(good()))).response.status == 200
    assert (await post(before.app, PATH, batch(good()))).response.status == 200

    assert (kept.facts, kept.results) == ([], {"unused": 1})
    assert before.results == {"fact": 1}


STORED = {"metadata": {"uid": "u", "resourceVersion": "5"}}
