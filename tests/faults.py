"""A sandbox whose API fails on order: which requests, how, and how often.

    async with failing_sandbox() as (sandbox, faults):
        rule = faults.add(Match(verb="create", resource="secrets"), Answer(409), times=1)
        faults.remove(rule)

The oldest rule that covers a request is used.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Protocol

import msgspec
import trio

from reverser.sandbox import Sandbox
from reverser.sandbox.refusal import CODES, Refusal
from reverser.sandbox.request import ApiRequest, Receive, Response, Send, parse_request, read_body


class Fault(Protocol):
    """One way to fail."""

    async def play(self, response: Response) -> None:
        """Answer in the place of the API."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status: 403, 409, 503, …"""

    status: int

    async def play(self, response: Response) -> None:
        reason = next((reason for reason, code in CODES.items() if code == self.status), "InternalError")
        document = Refusal(reason, "scripted by the test").document() | {"code": self.status}
        await response.whole(self.status, document)


class Match(msgspec.Struct, frozen=True):
    """Requests whose fields are equal to those that are set here."""

    verb: str = ""
    """get, list, watch, create, update, patch, delete."""
    resource: str = ""
    """The plural."""

    def covers(self, request: ApiRequest) -> bool:
        """Whether this request is meant."""
        return self.verb in ("", request.verb) and self.resource in ("", request.resource)


class Rule:
    """One fault in force."""

    def __init__(self, match: Match, fault: Fault, times: int | None) -> None:
        self.match = match
        self.fault = fault
        self.times = times
        """How often it is still used; None: until it is removed."""


class Faults:
    """An ASGI application around another one."""

    def __init__(self, app: Any) -> None:
        self._app = app
        self._rules: list[Rule] = []

    def add(self, match: Match, fault: Fault, *, times: int | None = None) -> Rule:
        """Let requests that match fail, `times` times or until the rule is removed."""
        rule = Rule(match, fault, times)
        self._rules.append(rule)
        return rule

    def remove(self, rule: Rule) -> None:
        """End a rule; one that is used up already is no mistake."""
        if rule in self._rules:
            self._rules.remove(rule)

    async def __call__(self, scope: Mapping[str, Any], receive: Receive, send: Send) -> None:
        body = await read_body(receive)
        fault = self._take(parse_request(scope, body))
        if fault:
            await fault.play(Response(send))
            return
        messages = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def again() -> dict[str, Any]:
            return next(messages, None) or await receive()

        await self._app(scope, again, send)

    def _take(self, request: ApiRequest) -> Fault | None:
        for rule in self._rules:
            if rule.match.covers(request):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self.remove(rule)
                return rule.fault
        return None


@asynccontextmanager
async def failing_sandbox() -> AsyncIterator[tuple[Sandbox, Faults]]:
    """A sandbox, and what goes wrong with its requests."""
    sandbox = Sandbox()
    faults = sandbox.app = Faults(sandbox.app)
    async with trio.open_nursery() as nursery:
        await nursery.start(sandbox.serve)
        yield sandbox, faults
        nursery.cancel_scope.cancel()
