"""Every regular expression of the product takes steps in proportion to the text, however hostile."""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import reverser
from tests.bench.shapes import PUMPS
from tests.property.steps import Steps, beginnings, tree_of, unbounded

ROOT = Path(__file__).parents[2]
PLUGINS = ROOT / "plugins"
SHORT, LONG = 400, 1600
GROWTH = 7.0
"""How much more four times the text may cost: 4 is linear, 16 quadratic, bounded repeats are in between."""
MOST = 12
"""Beginnings of an expression that are tried, of all lengths."""
SEARCHING = ("search", "finditer", "findall", "sub", "subn", "split")
JOINTS = ("", " ", "-", "\n")
TAILS = ("", "\0", "@")

BOUNDED = {
    "reverser.custom_resources.config_compiler._GO_DURATION": "a duration of 100 characters at most",
    "reverser.config.sops_checks.FORMS[4]": "the whole of a recipient that the operator wrote",
    "reverser_conventional.description._CHANGE": "one line of a description, 300 characters at most",
    "reverser.select.labels._TOKEN": "blanks at the end of the text are cut off before",
    "reverser.sanitize.token_patterns.RULES[1]": "what follows a heading is looked at for 432 characters",
    "reverser.sanitize.named_secrets._SECRET_NAME": "the last 17 characters of a name",
    "reverser_conventional.description._IMAGE": "a path of a description, 200 characters at most",
}
"""Expressions that may take longer, since what they are given is never long."""


@pytest.fixture(autouse=True, scope="module")
def deep_calls() -> Iterator[None]:
    """The matcher calls itself for each character. Other tests of this process need the limit as it was."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(1_000_000)
    yield
    sys.setrecursionlimit(before)


@cache
def sources() -> dict[str, str]:
    """The source of every file of the product, by its path."""
    files = [*(ROOT / "reverser").rglob("*.py"), *PLUGINS.rglob("*.py")]
    return {str(path): path.read_text(encoding="utf-8") for path in files if "tests" not in path.parts}


def compiled() -> Iterator[tuple[str, re.Pattern[Any]]]:
    """(name, expression) of each that a module of the product holds, also inside of a table."""
    names = [each.name for each in pkgutil.walk_packages(reverser.__path__, "reverser.")]
    for folder in PLUGINS.iterdir():
        if str(folder) not in sys.path:
            sys.path.append(str(folder))
        names += [
            each.name for each in pkgutil.walk_packages([str(folder)]) if each.name.startswith("reverser_")
        ]
    for name in names:
        if name.endswith("__main__"):
            continue
        for attribute, value in vars(importlib.import_module(name)).items():
            for number, pattern in enumerate(_patterns(value)):
                yield f"{name}.{attribute}" + (f"[{number}]" if number else ""), pattern


def _patterns(value: Any) -> Iterator[re.Pattern[Any]]:
    if isinstance(value, re.Pattern):
        yield value
    elif isinstance(value, tuple | list | dict):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _patterns(each)
    elif hasattr(value, "__struct_fields__") and not isinstance(value, type):
        for field in value.__struct_fields__:
            yield from _patterns(getattr(value, field))


def inline() -> Iterator[tuple[str, re.Pattern[str], str]]:
    """(place, expression, function) of each that stands in a call of `re`."""
    for path, source in sources().items():
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                module, first = node.func.value, node.args[0] if node.args else None
                if isinstance(module, ast.Name) and module.id == "re" and isinstance(first, ast.Constant):
                    flags = re.IGNORECASE if "IGNORECASE" in ast.unparse(node) else 0
                    if node.func.attr not in ("compile", "escape") and isinstance(first.value, str):
                        yield (
                            f"{Path(path).name}:{node.lineno}",
                            re.compile(first.value, flags),
                            node.func.attr,
                        )


def expressions() -> list[Any]:
    """(expression, how it is used) of all that repeat something without a bound, each once."""
    found: dict[tuple[Any, int, str], tuple[str, re.Pattern[Any]]] = {}
    for name, pattern in compiled():
        if not unbounded(tree_of(pattern)[0]):
            continue
        uses = _uses(name) or {"search"}
        for use in set(map(_mode, uses)):
            found.setdefault((pattern.pattern, pattern.flags, use), (name, pattern))
    for name, pattern, use in inline():
        if unbounded(tree_of(pattern)[0]):
            found.setdefault((pattern.pattern, pattern.flags, _mode(use)), (name, pattern))
    return [pytest.param(pattern, key[2], id=f"{name}-{key[2]}") for key, (name, pattern) in found.items()]


def _uses(name: str) -> set[str]:
    """The functions of the expression that its own module calls, or else any other."""
    module, _, attribute = name.partition("[")[0].rpartition(".")
    own = Path(str(sys.modules[module].__file__)).read_text(encoding="utf-8")
    call = re.compile(rf"\b{attribute}\.(search|finditer|findall|subn?|split|match|fullmatch)\b")
    return set(call.findall(own)) or set(call.findall("\n".join(sources().values())))


def _mode(use: str) -> str:
    return "search" if use in SEARCHING else use


def hostile(pattern: re.Pattern[Any]) -> Iterator[tuple[str, str]]:
    """(what is repeated, what ends the text)"""
    tree, flags = tree_of(pattern)
    begun = sorted((text for text in beginnings(tree, flags) if len(text) <= SHORT // 4), key=len)
    begun = begun[:: len(begun) // MOST + 1]
    for text in begun:
        for joint in JOINTS:
            yield text + joint, "\0"
    for text in begun:
        yield from ((text, tail) for tail in TAILS)
    for text in PUMPS.values():
        yield text, "\0"


def steps(matcher: Steps, use: str, pump: str, tail: str, length: int) -> int:
    """How many steps the text of this length takes."""
    text = (pump * (length // len(pump) + 1))[:length] + tail
    before = matcher.count
    if use == "search":
        matcher.all_matches(text)
    else:
        matcher.match(text, full=use == "fullmatch")
    return matcher.count - before


@pytest.mark.parametrize(("pattern", "use"), expressions())
def test_no_text_makes_an_expression_slow(
    pattern: re.Pattern[Any], use: str, request: pytest.FixtureRequest
) -> None:
    """Four times the text takes about four times the steps, whatever the text repeats and however it ends."""
    if request.node.callspec.id.rpartition("-")[0] in BOUNDED:
        return
    slow, matcher = {}, Steps(pattern)
    for pump, tail in dict.fromkeys(hostile(pattern)):
        if len(slow) == 3:
            break
        few = steps(matcher, use, pump, tail, SHORT)
        if few > 3 * SHORT and steps(matcher, use, pump, tail, LONG) > GROWTH * few:
            slow[pump, tail] = few

    assert not slow


@pytest.mark.parametrize(
    "text", ["token=abc: pwd := x1", "a-eyJhbGciOiJub25lIn0.eyJzdWIiOiIxIn0.c2ln", "AKIA" * 9]
)
def test_steps_are_those_of_the_real_matcher(text: str) -> None:
    """What counts the steps finds in a text what `re` finds there."""
    for each in expressions():
        pattern = each.values[0]
        if isinstance(pattern.pattern, str) and pattern.groups < 20:
            found = [match.span() for match in pattern.finditer(text)]
            assert Steps(pattern).all_matches(text) == found, pattern.pattern
