"""Brings requests to one target, one at a time, for as long as it takes.

Each target has a task and a bounded box of its own, so that none waits for another. Conditions go before
pushes, also before one that is being tried again; among themselves both keep their order. A target that
fails for longer than a moment is reported once, and once when it takes messages again. Whatever a single
delivery raises, the next one is made.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterator
from typing import TypeAlias
from urllib.parse import urlsplit

import httpx
import structlog
import trio

from reverser.errors import StalledError
from reverser.git.credentials import resolve
from reverser_notify.formats import TargetRequest
from reverser_notify.retry import AGAIN, Pace, backoff, retry_after
from reverser_notify.settings import Target
from reverser_notify.signing import signature

WAITING_MOST = 1000
FAILURES_QUIET = 2
"""Attempts that may fail in a row before a target is reported."""
WAIT_QUIET_SECONDS = 30.0
"""A target that asks for a longer wait is reported at once."""
Report: TypeAlias = Callable[[str, str], None]
"""(target, what is wrong; "" when it is well again)."""


class UnusableError(Exception):
    """A setting that can never work; the text quotes nothing of it."""


class Parcel:
    """One request on its way."""

    def __init__(self, request: TargetRequest, *, urgent: bool, quiet: bool) -> None:
        self.request = request
        self.urgent = urgent
        self.quiet = quiet
        """About a target: what becomes of it is no reason for another message."""
        self.failures = 0
        self.end: float | None = None
        """When it is given up, by Trio's clock; set by the first attempt."""


class Courier:
    """The task of one target. Never raises; what goes wrong is logged, without URLs and bodies."""

    def __init__(
        self, target: Target, client: httpx.AsyncClient, log: structlog.stdlib.BoundLogger, report: Report
    ) -> None:
        self.target = target
        self.fault = ""
        """Why the last request failed; empty when it did not."""
        self._client = client
        self._log = log.bind(target=target.name)
        self._report = report
        self._failures = 0
        """Attempts in a row."""
        self._reported = False
        self._pace = Pace(target.per_minute)
        self._rng = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._urgent: deque[Parcel] = deque()
        self._news: deque[Parcel] = deque()
        self._current: Parcel | None = None
        self._filled = trio.Event()
        self._scope = trio.CancelScope()

    @property
    def waiting(self) -> int:
        """How many are not delivered yet."""
        return len(self._urgent) + len(self._news)

    def take(self, request: TargetRequest, *, urgent: bool = False, quiet: bool = False) -> None:
        """Put it last of its kind; the oldest that waits goes when there are too many, news first."""
        parcel = Parcel(request, urgent=urgent, quiet=quiet)
        if self.waiting >= WAITING_MOST:
            oldest = next(self._droppable(parcel))
            self._final(parcel, "too many messages wait")
            if oldest is parcel:
                return
            self._drop(oldest)
        self._box(parcel).append(parcel)
        self._filled.set()

    async def run(self) -> None:
        """Deliver what is put in, until `stop`."""
        with self._scope:
            while True:
                while not self.waiting:
                    self._filled = trio.Event()
                    await self._filled.wait()
                await trio.sleep(self._pace.wait(trio.current_time()))
                await trio.sleep(await self._turn((self._urgent or self._news)[0]))

    def stop(self) -> None:
        """Whatever waits is lost."""
        self._scope.cancel()

    def _box(self, parcel: Parcel) -> deque[Parcel]:
        return self._urgent if parcel.urgent else self._news

    def _droppable(self, new: Parcel) -> Iterator[Parcel]:
        """What may go, first what is least missed; a condition never goes for a push."""
        boxes = (self._news, self._urgent) if new.urgent else (self._news, (new,))
        return (parcel for box in boxes for parcel in box if parcel is not self._current)

    def _drop(self, parcel: Parcel) -> None:
        if parcel in (box := self._box(parcel)):
            box.remove(parcel)

    async def _turn(self, parcel: Parcel) -> float:
        """One attempt; seconds to wait before the next one, whichever message that is for."""
        self._current = parcel
        try:
            wait = await self._attempt(parcel)
        except Exception as error:
            # Its text may quote a secret; and nothing may escape from a system task.
            self._final(parcel, type(error).__name__)
            wait = None
        finally:
            self._current = None
        if wait is None or self._given_up(parcel, wait):
            self._drop(parcel)
            return 0.0
        return wait

    def _given_up(self, parcel: Parcel, wait: float) -> bool:
        now = trio.current_time()
        if parcel.end is None:
            parcel.end = now + self.target.retry_seconds
        late = now + wait > parcel.end
        if late:
            self._log.warning("message dropped", error=self.fault, attempts=parcel.failures)
        if late or self._failures > FAILURES_QUIET or wait > WAIT_QUIET_SECONDS:
            self._tell(parcel, f"messages are not delivered: {self.fault}")
        return late

    async def _attempt(self, parcel: Parcel) -> float | None:
        """None when there is no more to do, else the seconds to wait before it is tried again."""
        try:
            answer = await self._send(parcel.request)
        except StalledError as error:  # a file that is not mounted yet
            return self._failed(parcel, error.message)
        except (httpx.HTTPError, trio.TooSlowError) as error:
            return self._failed(parcel, type(error).__name__)
        except UnusableError as error:
            return self._final(parcel, str(error))
        if answer.status_code in AGAIN:
            wish = retry_after(answer.headers.get("retry-after"), time.time())
            return self._failed(parcel, f"answer {answer.status_code}", wish)
        if not answer.is_success:
            return self._final(parcel, f"answer {answer.status_code}")
        self.fault, self._failures = "", 0
        self._tell(parcel, "")
        return None

    async def _send(self, request: TargetRequest) -> httpx.Response:
        url = resolve(self.target.url).strip()
        if urlsplit(url).scheme not in ("http", "https"):
            raise UnusableError("url must begin with http:// or https://")
        url = url.rstrip("/") + request.path if request.path else url
        headers = {**request.headers, **self._proofs(request)}
        timeout = self.target.timeout_seconds
        with trio.fail_after(timeout):
            # The answer's body is of no use, and may have no end.
            async with self._client.stream(
                request.method, url, content=request.body, headers=headers, timeout=timeout
            ) as answer:
                return answer

    def _proofs(self, request: TargetRequest) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self.target.token is not None:
            headers["Authorization"] = f"Bearer {resolve(self.target.token)}"
        if self.target.signing_key is not None:
            try:
                headers |= signature(resolve(self.target.signing_key), request.id, request.body, time.time())
            except ValueError as error:
                raise UnusableError(str(error)) from None
        return headers

    def _failed(self, parcel: Parcel, reason: str, wish_seconds: float = 0.0) -> float:
        if not self.fault:
            self._log.warning("message not delivered, retrying", error=reason)
        self.fault = reason
        self._failures += 1
        parcel.failures += 1
        return max(wish_seconds, backoff(parcel.failures, self._rng))

    def _final(self, parcel: Parcel, reason: str) -> None:
        self.fault = reason
        self._log.warning("message dropped", error=reason, attempts=parcel.failures)
        self._tell(parcel, f"messages are not delivered: {reason}")

    def _tell(self, parcel: Parcel, what: str) -> None:
        """Report a change, once."""
        if parcel.quiet or bool(what) is self._reported:
            return
        self._reported = bool(what)
        self._report(self.target.name, what)
