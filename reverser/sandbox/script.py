"""What goes wrong, on order: which requests, how, and how often.

    rule = sandbox.faults.add(Match(verb="watch", resource="pods"), HalfLine(), times=1)
    sandbox.faults.add(Match(group="apps"), Answer(503))
    sandbox.faults.remove(rule)

The oldest rule that covers a request is used.
"""

from __future__ import annotations

import msgspec

from reverser.sandbox.faults import Answer, Fault, Vanished
from reverser.sandbox.request import Request


class Match(msgspec.Struct, frozen=True):
    """Requests whose fields are equal to those that are set here."""

    verb: str = ""
    """get, list, watch, create, update, patch, delete, deletecollection."""
    group: str | None = None
    """Everything below the group's path, its discovery documents included; "" is the core group."""
    resource: str = ""
    """kubectl's full name: `pods`, `deployments.apps`."""
    namespace: str = ""
    name: str = ""
    path: str = ""
    """The beginning of the path."""

    def covers(self, request: Request) -> bool:
        """Whether this request is meant."""
        pairs = (
            (self.verb, request.verb),
            (self.resource, request.type_name),
            (self.namespace, request.namespace),
            (self.name, request.name),
        )
        alike = all(wanted in ("", found) for wanted, found in pairs)
        return alike and request.path.startswith(self.path) and self._below(request)

    def _below(self, request: Request) -> bool:
        if self.group is None:
            return True
        return request.path.startswith(f"/apis/{self.group}/" if self.group else "/api/")


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
                self._use(rule)
                return rule.fault
        return None

    def hidden_groups(self) -> set[str]:
        """Groups that this discovery document must not show; each counts as used."""
        rules = [rule for rule in self._rules if isinstance(rule.fault, Vanished)]
        for rule in rules:
            self._use(rule)
        return {rule.match.group for rule in rules if rule.match.group is not None}

    def forbid(self, request: Request) -> bool:
        """Whether the request would be answered with 403; nothing is used."""
        return any(rule.fault == Answer(403) and rule.match.covers(request) for rule in self._rules)

    def _use(self, rule: Rule) -> None:
        if rule.times is not None:
            rule.times -= 1
            if rule.times <= 0:
                self.remove(rule)
