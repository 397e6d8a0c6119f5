"""Label selectors in kubectl's syntax: `a=b,c!=d,e in (x,y),f notin (z),g,!h,n>3`.

All requirements must hold. As in Kubernetes, `!=` and `notin` hold for an object without the
label, and `>` and `<` compare whole numbers.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, TypeAlias

import msgspec

Operator: TypeAlias = Literal["in", "notin", "exists", "absent", ">", "<"]

_TOKEN = re.compile(r"\s*+(==|!=|[=!(),<>]|[^\s=!(),<>]+)")
_KEY = re.compile(r"(?:[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]*[A-Za-z0-9])?")
_VALUE = re.compile(r"(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?")
_NUMBER = re.compile(r"-?[0-9]+", re.ASCII)
_SET_OPERATORS: dict[str, Operator] = {
    "=": "in", "==": "in", "in": "in", "!=": "notin", "notin": "notin", ">": ">", "<": "<",
}  # fmt: skip


class Requirement(msgspec.Struct, frozen=True):
    """One condition on one label."""

    key: str
    operator: Operator
    values: frozenset[str] = frozenset()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels meets the condition."""
        value = labels.get(self.key)
        match self.operator:
            case "exists":
                return value is not None
            case "absent":
                return value is None
            case "in":
                return value in self.values
            case "notin":
                return value not in self.values
        return value is not None and _compare(value, self.operator, *self.values)


class Selector(msgspec.Struct, frozen=True):
    """All of these must hold; without any, everything matches."""

    requirements: tuple[Requirement, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether an object with these labels is selected."""
        requirements = self.requirements
        return not requirements or all(requirement.matches(labels) for requirement in requirements)


def parse(text: str) -> Selector:
    """The selector. Raises ValueError that says what is wrong and at which character."""
    return _Parser(text).selector()


def _compare(value: str, operator: str, bound: str) -> bool:
    if not _NUMBER.fullmatch(value):
        return False
    return int(value) > int(bound) if operator == ">" else int(value) < int(bound)


class _Parser:
    """Reads tokens from left to right."""

    def __init__(self, text: str) -> None:
        self._tokens = [(match[1], match.start(1) + 1) for match in _TOKEN.finditer(text.rstrip())]
        self._end = len(text) + 1
        self._next = 0

    def selector(self) -> Selector:
        requirements: list[Requirement] = []
        while self._peek():
            requirements.append(self._requirement())
            if self._peek():
                self._expect(",")
                if not self._peek():
                    raise self._error("a requirement")
        return Selector(tuple(requirements))

    def _requirement(self) -> Requirement:
        if self._peek() == "!":
            self._take()
            return Requirement(self._key(), "absent")
        key = self._key()
        if self._peek() in ("", ","):
            return Requirement(key, "exists")
        word = self._peek()
        if word not in _SET_OPERATORS:
            raise self._error("=, ==, !=, in, notin, > or <")
        self._take()
        return Requirement(key, _SET_OPERATORS[word], frozenset(self._values(word)))

    def _values(self, operator: str) -> list[str]:
        if operator in ("in", "notin"):
            return self._set()
        if operator in ("<", ">") and not _NUMBER.fullmatch(self._peek()):
            raise self._error("a whole number")
        return [self._value()]

    def _set(self) -> list[str]:
        self._expect("(")
        if self._peek() == ")":
            raise self._error("a value")
        values = [self._value()]
        while self._peek() == ",":
            self._take()
            values.append(self._value())
        self._expect(")")
        return values

    def _key(self) -> str:
        if not _KEY.fullmatch(self._peek()) or len(self._peek().rpartition("/")[2]) > 63:
            raise self._error("a label key")
        return self._take()

    def _value(self) -> str:
        """A value may be empty: `a=` and `a in (,b)`."""
        if self._peek() in ("", ",", ")"):
            return ""
        if not _VALUE.fullmatch(self._peek()):
            raise self._error("a label value")
        return self._take()

    def _expect(self, token: str) -> None:
        if self._peek() != token:
            raise self._error(f"`{token}`")
        self._take()

    def _peek(self) -> str:
        return self._tokens[self._next][0] if self._next < len(self._tokens) else ""

    def _take(self) -> str:
        token = self._peek()
        self._next += 1
        return token

    def _error(self, wanted: str) -> ValueError:
        token, at = self._tokens[self._next] if self._next < len(self._tokens) else ("the end", self._end)
        return ValueError(f"character {at}: expected {wanted}, found {token}")
