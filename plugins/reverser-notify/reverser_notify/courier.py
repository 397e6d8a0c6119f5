"""Brings requests to one target, in order, one at a time, for as long as it takes.

A plugin's call has half a minute, and a target may want an hour: so each target has a task of its
own, and a bounded box of what waits. Whoever puts something in may look how it goes.
"""

from __future__ import annotations

import random
import time
from collections import deque
from urllib.parse import urlsplit

import httpx
import structlog
import trio

from reverser.errors import StalledError
from reverser.git.credentials import resolve
from reverser_notify.formats import Request
from reverser_notify.patience import AGAIN, Pace, backoff, retry_after
from reverser_notify.settings import Target
from reverser_notify.signing import signature

WAITING_MOST = 1000


class UnusableError(Exception):
    """A setting that can never work; the text quotes nothing of it."""


class Parcel:
    """One request on its way."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.ended = trio.Event()
        """Delivered, or given up."""


class Courier:
    """The task of one target. Never raises; what goes wrong is logged, without URLs and bodies."""

    def __init__(self, target: Target, client: httpx.AsyncClient, log: structlog.stdlib.BoundLogger) -> None:
        self.target = target
        self.fault = ""
        """Why the last request failed; empty when it did not."""
        self._client = client
        self._log = log.bind(target=target.name)
        self._pace = Pace(target.per_minute)
        self._rng = random.Random()  # noqa: S311 - spreads load, guards nothing
        self._box: deque[Parcel] = deque()
        self._filled = trio.Event()
        self._scope = trio.CancelScope()

    @property
    def waiting(self) -> int:
        """How many are not delivered yet."""
        return len(self._box)

    def take(self, request: Request) -> Parcel:
        """Put it last; the oldest that waits goes when there are too many."""
        parcel = Parcel(request)
        if len(self._box) >= WAITING_MOST:
            self._final("too many messages wait")
            self._box[1].ended.set()
            del self._box[1]
        self._box.append(parcel)
        self._filled.set()
        return parcel

    async def run(self) -> None:
        """Deliver what is put in, until `stop`."""
        with self._scope:
            await self._run()

    def stop(self) -> None:
        """Whatever waits is lost."""
        self._scope.cancel()

    async def _run(self) -> None:
        while True:
            while not self._box:
                self._filled = trio.Event()
                await self._filled.wait()
            parcel = self._box[0]
            await self._deliver(parcel)
            self._box.popleft()
            parcel.ended.set()

    async def _deliver(self, parcel: Parcel) -> None:
        end = trio.current_time() + self.target.retry_seconds
        failures = 0
        while True:
            await trio.sleep(self._pace.wait(trio.current_time()))
            wait = await self._attempt(parcel.request)
            if wait is None:
                return
            failures += 1
            wait = max(wait, backoff(failures, self._rng))
            if trio.current_time() + wait > end:
                self._log.warning("message given up", reason=self.fault, attempts=failures)
                return
            await trio.sleep(wait)

    async def _attempt(self, request: Request) -> float | None:
        """None when there is no more to do, else the seconds that the other side wants us to wait."""
        try:
            answer = await self._send(request)
        except StalledError as error:  # a file that is not mounted yet
            return self._failed(error.message)
        except (httpx.HTTPError, trio.TooSlowError) as error:
            return self._failed(type(error).__name__)
        except UnusableError as error:
            self._final(str(error))
            return None
        except Exception as error:
            # Its text may quote a secret; and nothing may escape from a system task.
            self._final(type(error).__name__)
            return None
        if answer.status_code in AGAIN:
            self._failed(f"answer {answer.status_code}")
            return retry_after(answer.headers.get("retry-after"), time.time())
        if not answer.is_success:
            self._final(f"answer {answer.status_code}")
            return None
        self.fault = ""
        return None

    async def _send(self, request: Request) -> httpx.Response:
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

    def _proofs(self, request: Request) -> dict[str, str]:
        headers: dict[str, str] = {}
        if self.target.token is not None:
            headers["Authorization"] = f"Bearer {resolve(self.target.token)}"
        if self.target.signing_key is not None:
            try:
                headers |= signature(resolve(self.target.signing_key), request.id, request.body, time.time())
            except ValueError as error:
                raise UnusableError(str(error)) from None
        return headers

    def _failed(self, reason: str) -> float:
        if not self.fault:
            self._log.warning("message not delivered, trying again", reason=reason)
        self.fault = reason
        return 0.0

    def _final(self, reason: str) -> None:
        self.fault = reason
        self._log.warning("message given up", reason=reason)
