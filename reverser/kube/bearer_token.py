"""Puts the bearer token on each request; one fresh login for all who met the same 401.

Whoever waits for a login that another one has begun shares its outcome, also its failure: a
credential plugin that hangs is run once for all of them, not once for each. A login has a deadline
of its own (`credentials.LOGIN_SECONDS`), which does not count towards that of the request.
"""

from __future__ import annotations

import httpx
import trio

from reverser.errors import ReverserError
from reverser.kube.credentials import Credentials


class Login:
    """The credentials of one client, and the logins that renew them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = trio.Lock()
        self._failure: ReverserError | None = None
        self.count = 0
        """Logins so far, whatever came of them."""

    def authorize(self, request: httpx.Request) -> None:
        """Put the token of today on a request."""
        if self._credentials.token:
            request.headers["Authorization"] = f"Bearer {self._credentials.token}"

    async def renew(self, seen: int) -> None:
        """Log in again, unless that was done since `count` was `seen`. Raises StalledError."""
        async with self._lock:
            if self.count == seen:
                await self._renew()
            elif self._failure is not None:
                raise self._failure

    async def _renew(self) -> None:
        try:
            await self._credentials.refresh()
        except ReverserError as error:
            self._failure = error
            self.count += 1
            raise
        self._failure = None
        self.count += 1
