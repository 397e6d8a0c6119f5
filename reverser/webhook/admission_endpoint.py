"""`POST /process-validating-webhook`, and `…/{cluster}`: takes an AdmissionReview, always allows the write.

The API server waits for this answer, so it is made from memory: the fact is added to an index, and nothing
is waited for. No body is stored. A body that cannot be read is refused with the status that says why; the
registration ignores failures, so the write goes on all the same.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from typing import TypeAlias

import msgspec
import trio

from reverser.attribution import admission_review
from reverser.attribution.payloads import UndecodableError
from reverser.errors import WithheldError
from reverser.http.asgi import TEXT, Receive, Scope, Send, answer, cluster_of, header
from reverser.http.body import Body, BodyRefusal, Budget
from reverser.kube.type_catalog import TypeCatalog
from reverser.model.fact import Fact
from reverser.unexpected_errors import contained
from reverser.webhook.address import ADMISSION_PATH

MAX_BYTES = 4 * 1024 * 1024
LARGEST_BODIES = 8
"""How many of the largest may be held at a time; most reviews are a hundredth of that."""
READ_SECONDS = 10.0
"""The API server gives up after two."""

JSON = b"application/json"

Observe: TypeAlias = Callable[[str, float], None]
"""(result, seconds from the whole body to its answer). Results: fact, nothing, method,
content-type, undecodable, unknown-cluster, and the values of BodyRefusal."""


def unobserved(_result: str, _seconds: float) -> None:
    """Count nothing."""


class AdmissionEndpoint:
    """The ASGI application behind `ADMISSION_PATH` and what is below it."""

    def __init__(
        self,
        take: Callable[[Fact], object],
        catalog: TypeCatalog,
        digest_key: bytes,
        clusters: Collection[str],
        *,
        now: Callable[[], float] = time.time,
        observe: Observe = unobserved,
        max_bytes: int = MAX_BYTES,
        read_seconds: float = READ_SECONDS,
    ) -> None:
        self._take = take
        self._catalog = catalog
        self._digest_key = digest_key
        self._clusters = clusters
        self._now = now
        self._observe = observe
        self._max_bytes = max_bytes
        self.budget = Budget(LARGEST_BODIES * max_bytes)
        self._read_seconds = read_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise NotImplementedError(scope["type"])
        if scope["method"] != "POST":
            self._observe("method", 0.0)
            await answer(send, 405, b"", TEXT, (b"allow", b"POST"))
        elif header(scope, b"content-type").partition(b";")[0].strip() != JSON:
            self._observe("content-type", 0.0)
            await answer(send, 415, b"only application/json\n", TEXT)
        elif _content_length(scope) > self._max_bytes:
            await self._refuse(send, BodyRefusal.LARGE)
        else:
            await self._read(scope, receive, send)

    async def _read(self, scope: Scope, receive: Receive, send: Send) -> None:
        coding = header(scope, b"content-encoding")
        with self.budget.share() as share:
            body = await Body(receive, share).read(coding, self._max_bytes, self._read_seconds)
            if isinstance(body, BodyRefusal):
                await self._refuse(send, body)
            else:
                await self._review(body, scope, send)

    async def _review(self, body: bytes, scope: Scope, send: Send) -> None:
        started = time.perf_counter()
        try:
            review, comparable = await self._decoded(body)
        except UndecodableError as error:
            self._observe("undecodable", 0.0)
            await answer(send, 400, f"{error.message}\n".encode())
            return
        try:
            with contained("admission", review.request.uid):
                result = self._add_fact(
                    review, cluster_of(scope, ADMISSION_PATH, self._clusters), comparable=comparable
                )
        except WithheldError:
            result = "bug"  # the write goes on, as ever
        await answer(send, 200, allowed(review), JSON)
        self._observe(result, time.perf_counter() - started)

    async def _decoded(self, body: bytes) -> tuple[admission_review.Review, bool]:
        """The review, and whether it is whole, so that its content can be compared."""
        try:
            return admission_review.decode(body), True
        except UndecodableError:
            # Whoever may write deep objects could otherwise hide all that he writes.
            return await trio.to_thread.run_sync(admission_review.decode_cut, body), False

    def _add_fact(self, review: admission_review.Review, cluster: str | None, *, comparable: bool) -> str:
        if cluster is None:
            return "unknown-cluster"
        named = review.request.resource
        type_ = self._catalog.of(cluster).with_author(named.group, named.resource) if comparable else None
        fact = admission_review.fact(review, cluster, type_, self._digest_key, self._now())
        if fact is None:
            return "nothing"
        self._take(fact)
        return "fact"

    async def _refuse(self, send: Send, refusal: BodyRefusal) -> None:
        self._observe(refusal.value, 0.0)
        if refusal is not BodyRefusal.DISCONNECTED:
            await answer(send, *_REFUSALS[refusal])


_REFUSALS = {
    BodyRefusal.LARGE: (413, b"the body is too large\n"),
    BodyRefusal.FULL: (503, b"too many bodies at a time\n"),
    BodyRefusal.SLOW: (408, b"the body did not arrive in time\n"),
    BodyRefusal.CODING: (415, b"only plain or gzip\n"),
}


def allowed(review: admission_review.Review) -> bytes:
    """The body of the answer: the request is allowed, whatever is in it."""
    response = {"uid": review.request.uid, "allowed": True}
    kind = {"apiVersion": admission_review.API_VERSION, "kind": admission_review.KIND}
    return msgspec.json.encode({**kind, "response": response})


def _content_length(scope: Scope) -> int:
    """The length that the header promises; of an absurd number the beginning says enough."""
    length = header(scope, b"content-length")[:18]
    return int(length) if length.isdigit() else 0
