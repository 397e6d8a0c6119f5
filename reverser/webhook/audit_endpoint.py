"""`POST /audit` and `POST /audit/{cluster}`: takes an EventList, and answers 200 once its facts are durable.

The API server would retry an error five times over a minute or more, while events pile up in it. So what a
retry cannot mend is answered with 200: an event or a body that cannot be read, a body that is too large, an
unknown cluster. It is counted, and a sample is logged, without bodies. What a retry may mend is an error:
503 when the facts could not be stored, or when other bodies hold all the memory that bodies may have.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Sequence
from functools import partial
from typing import TypeAlias

import msgspec
import structlog
import trio

from reverser.attribution.audit_body import BadEvent, ParsedBody, read_events
from reverser.errors import TransientError
from reverser.http.asgi import TEXT, Receive, Scope, Send, answer, cluster_of, header
from reverser.http.body import Body, BodyRefusal, Budget
from reverser.kube.type_catalog import TypeCatalog
from reverser.model.fact import Fact
from reverser.webhook.address import AUDIT_PATH

log = structlog.get_logger()

MAX_BYTES = 32 * 1024 * 1024
"""Unpacked. A batch of the API server is up to 400 events, each with an object or two in it."""
LARGEST_BODIES = 2
"""How many of the largest may be held at a time; most batches are a hundredth of that."""
READ_SECONDS = 30.0
LOG_SECONDS = 60.0
"""Between two samples in the log: whoever can write objects must not fill it."""
LOGGED_CHARACTERS = 200
INLINE_BYTES = 64 * 1024
"""Larger bodies are read in a thread: admission calls must not wait for them."""

Keep: TypeAlias = Callable[[Sequence[Fact]], Awaitable[object]]
"""Make facts durable. Raises TransientError when they could not be kept."""
Observe: TypeAlias = Callable[[str, int], None]
"""(result, how many). Results: fact, unused, truncated, problem, method, and the values of BodyRefusal."""


def unobserved(_result: str, _count: int) -> None:
    """Count nothing."""


class AuditEndpoint:
    """The ASGI application behind `AUDIT_PATH` and what is below it."""

    def __init__(
        self,
        keep: Keep,
        catalog: TypeCatalog,
        clusters: Collection[str],
        *,
        observe: Observe = unobserved,
        max_bytes: int = MAX_BYTES,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._keep = keep
        self._catalog = catalog
        self._clusters = clusters
        self._observe = observe
        self._max_bytes = max_bytes
        self.budget = Budget(LARGEST_BODIES * max_bytes)
        self._read_seconds = read_seconds
        self._quiet_until = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        if scope["method"] != "POST":
            self._observe("method", 1)
            await answer(send, 405, b"", TEXT, (b"allow", b"POST"))
        else:
            await self._read(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        with self.budget.share() as share:
            body = Body(receive, share)
            content = await body.read(header(scope, b"content-encoding"), self._max_bytes, self._read_seconds)
            if isinstance(content, BodyRefusal):
                await self._refuse(content, body, scope, send)
            else:
                await self._keep_facts(content, scope, send)

    async def _keep_facts(self, body: bytes, scope: Scope, send: Send) -> None:
        reading = await self._parse(body, cluster_of(scope, AUDIT_PATH, self._clusters))
        clock = _clock(scope)
        try:
            if reading.facts:
                await self._keep([msgspec.structs.replace(fact, clock=clock) for fact in reading.facts])
        except TransientError as error:
            more = (b"retry-after", str(int(error.retry_after or 1)).encode())
            await answer(send, 503, b"the facts could not be kept\n", TEXT, more)
            return
        self._report(reading, scope["path"])
        await answer(send, 200, b"", TEXT)

    async def _parse(self, body: bytes, cluster: str | None) -> ParsedBody:
        if cluster is None:
            return ParsedBody(problems=(BadEvent("the path names no cluster that is configured"),))
        job = partial(read_events, body, cluster, self._catalog.of(cluster).may_need_author)
        return job() if len(body) <= INLINE_BYTES else await trio.to_thread.run_sync(job)

    async def _refuse(self, refusal: BodyRefusal, body: Body, scope: Scope, send: Send) -> None:
        """Read the rest, which costs no memory: else the API server sees a broken connection, no answer."""
        self._observe(refusal.value, 1)
        self._log_sample(BadEvent(f"the body is refused: {refusal.value}"), scope["path"])
        if refusal in (BodyRefusal.LARGE, BodyRefusal.CODING, BodyRefusal.FULL):
            end = await body.drain(self._read_seconds)
        else:
            end = refusal
        if end is None and refusal is BodyRefusal.FULL:
            await answer(send, 503, b"too many bodies at a time\n", TEXT, (b"retry-after", b"1"))
        elif end is None:
            await answer(send, 200, b"", TEXT)
        elif end is BodyRefusal.SLOW:
            await answer(send, 408, b"the body did not arrive in time\n", TEXT)

    def _report(self, reading: ParsedBody, path: str) -> None:
        counts = {
            "fact": len(reading.facts),
            "unused": reading.unused,
            "truncated": reading.truncated,
            "problem": len(reading.problems),
        }
        for result, count in counts.items():
            if count:
                self._observe(result, count)
        if reading.problems:
            self._log_sample(reading.problems[0], path)

    def _log_sample(self, bad_event: BadEvent, path: str) -> None:
        now = trio.current_time()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_SECONDS
            log.warning(
                "audit event cannot be used",
                reason=bad_event.reason,
                audit_id=bad_event.audit_id,
                path=path[:LOGGED_CHARACTERS],
            )


def _clock(scope: Scope) -> str:
    """The connection names the clock: an API server reuses it, and nobody else sends over it."""
    client = scope.get("client")
    return "" if client is None else f"{client[0]}:{client[1]}"
