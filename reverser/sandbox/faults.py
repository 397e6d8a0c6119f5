"""What goes wrong, on order: which requests, how, and how often.

    rule = sandbox.faults.add(Match(verb="create", resource="secrets"), Answer(409), times=1)
    sandbox.faults.remove(rule)

The oldest rule that covers a request is used.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from reverser.sandbox.refusal import CODES, Refusal
from reverser.sandbox.request import Request
from reverser.sandbox.stream import Stream


class Fault(Protocol):
    """One way to fail."""

    async def play(self, stream: Stream) -> None:
        """Answer a request in the place of the API."""


class Answer(msgspec.Struct, frozen=True):
    """An HTTP status: 403, 409, 503, …"""

    status: int

    async def play(self, stream: Stream) -> None:
        reason = next((reason for reason, code in CODES.items() if code == self.status), "InternalError")
        document = Refusal(reason, "scripted by the sandbox").document() | {"code": self.status}
        await stream.whole(self.status, msgspec.json.encode(document))


class Match(msgspec.Struct, frozen=True):
    """Requests whose fields are equal to those that are set here."""

    verb: str = ""
    """get, list, watch, create, update, patch, delete, deletecollection."""
    resource: str = ""
    """kubectl's full name: `pods`, `deployments.apps`."""

    def covers(self, request: Request) -> bool:
        """Whether this request is meant."""
        pairs = ((self.verb, request.verb), (self.resource, request.type_name))
        return all(wanted in ("", value) for wanted, value in pairs)


class Rule:
    """One fault in force."""

    def __init__(self, match: Match, fault: Fault, times: int | None) -> None:
        self.match = match
        self.fault = fault
        self.times = times
        """How often it is still used; None: until it is removed."""


class Faults:
    """The rules in force."""

    def __init__(self) -> None:
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

    def take(self, request: Request) -> Fault | None:
        """The fault to play for this request; it counts as used."""
        for rule in self._rules:
            if rule.match.covers(request):
                if rule.times is not None:
                    rule.times -= 1
                    if rule.times <= 0:
                        self.remove(rule)
                return rule.fault
        return None
