"""Puts the bearer token on each request; one fresh login for all who met the same 401."""

from __future__ import annotations

from collections.abc import AsyncGenerator

import httpx
import trio

from reverser.kube.credentials import Credentials


class Login(httpx.Auth):
    """Sends a request that was answered 401 once more, with fresh credentials."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._lock = trio.Lock()
        self._logins = 0

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """The request, and after a 401 the request again."""
        logins = self._logins
        self._authorize(request)
        response = yield request
        if response.status_code != httpx.codes.UNAUTHORIZED:
            return
        async with self._lock:
            if self._logins == logins:
                await self._credentials.refresh()
                self._logins += 1
        self._authorize(request)
        yield request

    def _authorize(self, request: httpx.Request) -> None:
        if self._credentials.token:
            request.headers["Authorization"] = f"Bearer {self._credentials.token}"
