"""A backtracking matcher that counts its steps: Python's own does not tell how much work a text makes.

It reads the parse tree that `re` compiles and goes the ways that `re` goes, in the same order: one step
for each character looked at, for each alternative and for each return to an earlier choice. It also makes
texts from a tree that begin to fit and then do not, which is where a backtracking matcher loses its time.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from re import _constants as c  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any

Then = Callable[[int], int | None]
"""What comes after a node: from a position, the end of the whole match, or None."""

WORD = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_")
CATEGORIES: dict[Any, Callable[[str], bool]] = {
    c.CATEGORY_DIGIT: str.isdigit,
    c.CATEGORY_NOT_DIGIT: lambda character: not character.isdigit(),
    c.CATEGORY_SPACE: str.isspace,
    c.CATEGORY_NOT_SPACE: lambda character: not character.isspace(),
    c.CATEGORY_WORD: lambda character: character in WORD,
    c.CATEGORY_NOT_WORD: lambda character: character not in WORD,
}
FEW = 100
"""Repeats that count as bounded."""
ALPHABET = "a0 .-:=/\"'K,<@[{\n\t\x01"


def tree_of(pattern: re.Pattern[str] | re.Pattern[bytes]) -> tuple[Any, int]:
    """(parse tree, flags) of a compiled expression, as one of text."""
    text = pattern.pattern if isinstance(pattern.pattern, str) else pattern.pattern.decode("latin-1")
    tree = _parser.parse(text, pattern.flags & ~re.UNICODE)
    return tree, tree.state.flags


class Steps:
    """One expression, ready to match texts and to count how many steps that takes."""

    def __init__(self, pattern: re.Pattern[Any]) -> None:
        self.count = 0
        tree, self._flags = tree_of(pattern)
        self._text = ""
        self._groups: dict[int, tuple[int, int]] = {}
        self._full = False
        self._run = self._sequence(tree, self._last)

    def all_matches(self, text: str) -> list[tuple[int, int]]:
        """What `finditer` finds."""
        found, start = [], 0
        while start <= len(text):
            end = self.match(text, start)
            if end is not None:
                found.append((start, end))
            start = start + 1 if end is None or end == start else end
        return found

    def match(self, text: str, start: int = 0, *, full: bool = False) -> int | None:
        """Where a match that begins at `start` ends; with `full` only one that ends where the text does."""
        self._text, self._full = text, full
        if self._groups:
            self._groups.clear()
        return self._run(start)

    def _last(self, at: int) -> int | None:
        return at if not self._full or at == len(self._text) else None

    def _sequence(self, nodes: Any, then: Then) -> Then:
        for op, argument in reversed(list(nodes)):
            then = self._node(op, argument, then)
        return then

    def _node(self, op: Any, argument: Any, then: Then) -> Then:
        if op in _SINGLE:
            return self._single(self._fits(op, argument), then)
        if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            return self._repeat(op, argument, then)
        if op is c.SUBPATTERN:
            return self._group(argument, then)
        if op is c.BRANCH:
            return self._branch([self._sequence(each, then) for each in argument[1]])
        if op is c.ATOMIC_GROUP:
            return self._atomic(self._sequence(argument, _end), then)
        if op in (c.ASSERT, c.ASSERT_NOT):
            return self._look(argument, op is c.ASSERT, then)
        if op is c.AT:
            return lambda at: then(at) if self._at(argument, at) else None
        if op is c.GROUPREF:
            return lambda at: self._again(argument, at, then)
        raise NotImplementedError(op)

    def _fits(self, op: Any, argument: Any) -> Callable[[int], bool]:
        known: dict[str, bool] = {}

        def fits(at: int) -> bool:
            self.count += 1
            if at >= len(self._text):
                return False
            character = self._text[at]
            if character not in known:
                known[character] = _fits(op, argument, character, self._flags)
            return known[character]

        return fits

    def _single(self, fits: Callable[[int], bool], then: Then) -> Then:
        return lambda at: then(at + 1) if fits(at) else None

    def _branch(self, ways: list[Then]) -> Then:
        def branch(at: int) -> int | None:
            for way in ways:
                if (end := way(at)) is not None:
                    return end
            return None

        return branch

    def _atomic(self, inner: Then, then: Then) -> Then:
        def atomic(at: int) -> int | None:
            end = inner(at)
            return None if end is None else then(end)

        return atomic

    def _group(self, argument: Any, then: Then) -> Then:
        number, added, _, nodes = argument
        assert not added, "flags inside of an expression are not counted"
        if number is None:
            return self._sequence(nodes, then)
        begun: list[int] = []

        def closed(at: int) -> int | None:
            self._groups[number] = (begun[-1], at)
            return then(at)

        inner = self._sequence(nodes, closed)

        def group(at: int) -> int | None:
            begun.append(at)
            end = inner(at)
            begun.pop()
            return end

        return group

    def _again(self, number: int, at: int, then: Then) -> int | None:
        start, end = self._groups.get(number, (0, -1))
        self.count += max(end - start, 0)
        return then(at + end - start) if self._text.startswith(self._text[start:end], at) else None

    def _look(self, argument: Any, wanted: bool, then: Then) -> Then:
        direction, nodes = argument
        inner, width = self._sequence(nodes, _end), 0 if direction > 0 else nodes.getwidth()[0]

        def look(at: int) -> int | None:
            return then(at) if (at >= width and inner(at - width) is not None) is wanted else None

        return look

    def _at(self, where: Any, at: int) -> bool:
        self.count += 1
        text = self._text
        if where in (c.AT_BOUNDARY, c.AT_NON_BOUNDARY):
            sides = [text[place : place + 1] in WORD for place in (at - 1, at) if place >= 0]
            return (sum(sides) == 1) is (where is c.AT_BOUNDARY)
        lines = bool(self._flags & re.MULTILINE)
        if where in (c.AT_BEGINNING, c.AT_BEGINNING_STRING):
            return at == 0 or (lines and text[at - 1] == "\n" and where is c.AT_BEGINNING)
        return at == len(text) or (where is c.AT_END and text[at] == "\n" and (lines or at == len(text) - 1))

    def _repeat(self, op: Any, argument: Any, then: Then) -> Then:
        least, most, nodes = argument
        most = sys.maxsize if most is c.MAXREPEAT else most
        if op is c.POSSESSIVE_REPEAT:
            return self._possessive(self._sequence(nodes, _end), least, most, then)
        if len(nodes) == 1 and nodes[0][0] in _SINGLE:
            make = self._greedy if op is c.MAX_REPEAT else self._lazy
            return make(self._fits(*nodes[0]), least, most, then)
        return lambda at: self._rounds(nodes, least, most, at, then)

    def _possessive(self, inner: Then, least: int, most: int, then: Then) -> Then:
        def possessive(at: int) -> int | None:
            rounds, end = 0, at
            while rounds < most and (following := inner(end)) is not None:
                rounds = rounds + 1 if following > end else max(rounds + 1, least)
                if following == end:
                    break
                end = following
            return then(end) if rounds >= least else None

        return possessive

    def _greedy(self, fits: Callable[[int], bool], least: int, most: int, then: Then) -> Then:
        def greedy(at: int) -> int | None:
            end = at
            while end - at < most and fits(end):
                end += 1
            for each in range(end, at + least - 1, -1):
                self.count += 1
                if (found := then(each)) is not None:
                    return found
            return None

        return greedy

    def _lazy(self, fits: Callable[[int], bool], least: int, most: int, then: Then) -> Then:
        def lazy(at: int) -> int | None:
            end = at
            while True:
                self.count += 1
                if end - at >= least and (found := then(end)) is not None:
                    return found
                if end - at >= most or not fits(end):
                    return None
                end += 1

        return lazy

    def _rounds(self, nodes: Any, least: int, most: int, at: int, then: Then) -> int | None:
        def after(end: int) -> int | None:
            if end == at and not least:
                return None
            return self._rounds(nodes, max(least - 1, 0), most - 1, end, then)

        self.count += 1
        found = self._sequence(nodes, after)(at) if most > 0 else None
        return found if found is not None or least else then(at)


def _end(at: int) -> int:
    return at


_SINGLE = (c.LITERAL, c.NOT_LITERAL, c.ANY, c.IN)


def _fits(op: Any, argument: Any, character: str, flags: int) -> bool:
    if op is c.ANY:
        return bool(flags & re.DOTALL) or character != "\n"
    folded = {character, character.lower(), character.upper()} if flags & re.IGNORECASE else {character}
    if op is c.IN:
        return any(_in(argument, each) for each in folded)
    return (chr(argument) in folded) is (op is c.LITERAL)


def _in(items: Any, character: str) -> bool:
    negated = bool(items) and items[0][0] is c.NEGATE
    return any(_is(*item, character) for item in items if item[0] is not c.NEGATE) is not negated


def _is(op: Any, argument: Any, character: str) -> bool:
    if op is c.LITERAL:
        return ord(character) == argument
    if op is c.RANGE:
        return bool(argument[0] <= ord(character) <= argument[1])
    return CATEGORIES[argument](character)


def beginnings(tree: Any, flags: int) -> list[str]:
    """Short texts that fit the first parts of the expression: all of it, all but the last part, and so on."""
    found: dict[str, None] = {}
    for whole in _examples(list(tree), flags):
        for length in range(1, len(whole) + 1):
            found["".join(whole[:length])] = None
    return [text for text in found if text]


def _examples(nodes: list[Any], flags: int) -> Iterator[list[str]]:
    """The parts of a text that fits: for each of the first alternatives, with long and with short repeats."""
    for choice in range(3):
        for extra in (0, 1):
            yield [part for op, argument in nodes for part in _parts(op, argument, flags, choice, extra)]


def _parts(op: Any, argument: Any, flags: int, choice: int, extra: int) -> list[str]:
    if op in _SINGLE:
        fitting = (each for each in _candidates(op, argument) if _fits(op, argument, each, flags))
        return [next(fitting, "")]
    if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
        least, most, inner = argument
        times = min(max(least, 1) + extra, 100 if most is c.MAXREPEAT else most)
        return ["".join(_all(inner, flags, choice, extra)) * times]
    if op is c.SUBPATTERN:
        return _all(argument[3], flags, choice, extra)
    if op is c.ATOMIC_GROUP:
        return _all(argument, flags, choice, extra)
    if op is c.BRANCH:
        branches = argument[1]
        return _all(branches[min(choice, len(branches) - 1)], flags, choice, extra)
    if op is c.ASSERT and argument[0] > 0 and extra:
        return _all(argument[1], flags, choice, extra)
    return []


def _all(nodes: Iterable[Any], flags: int, choice: int, extra: int) -> list[str]:
    return [part for op, argument in nodes for part in _parts(op, argument, flags, choice, extra)]


def _candidates(op: Any, argument: Any) -> Iterator[str]:
    if op is c.LITERAL:
        yield chr(argument)
    yield from ALPHABET
    if op is c.IN:
        for kind, value in argument:
            if kind is c.LITERAL:
                yield chr(value)
            if kind is c.RANGE:
                yield from map(chr, value)


def unbounded(nodes: Any) -> bool:
    """Whether a part of the expression may repeat so often that only the text's length bounds it."""
    for op, argument in nodes:
        if op in (c.MAX_REPEAT, c.MIN_REPEAT, c.POSSESSIVE_REPEAT):
            if argument[1] is c.MAXREPEAT or argument[1] > FEW or unbounded(argument[2]):
                return True
        elif op is c.SUBPATTERN or op in (c.ASSERT, c.ASSERT_NOT):
            if unbounded(argument[-1]):
                return True
        elif (op is c.ATOMIC_GROUP and unbounded(argument)) or (
            op is c.BRANCH and any(map(unbounded, argument[1]))
        ):
            return True
    return False
