"""Names say what a thing is. `make check` runs this."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.tools.house import OVERUSED, modules, overused

ALLOWED: dict[str, str] = {}
"""Path:name -> why no other name says it better."""


def test_no_name_is_one_of_the_overused_words() -> None:
    """Of functions, classes, modules, arguments, fields and variables of the product and its plugins."""
    used = {
        f"{path}:{name}"
        for path, text in modules(Path(__file__).parents[2]).items()
        for name in overused({path: text})
    }
    assert used - ALLOWED.keys() == set(), "name the thing: docs/glossary.md has the words"
    assert ALLOWED.keys() - used == set(), "nothing has this name any more"


@pytest.mark.parametrize(
    "code",
    [
        "def found(): ...",
        "class Told: ...",
        "def f(*, kept): ...",
        "lambda left: left",
        "_place = 1",
        "x.made = 1",
        "class A:\n    gone: int = 0",
        "[words for words in x]",
        "import a as asked",
        "try: ...\nexcept E as said: ...",
        "match x:\n    case A() as heard: ...",
        "match x:\n    case [*settled]: ...",
        "if (found := x): ...",
    ],
)
def test_each_kind_of_name_is_looked_at(code: str) -> None:
    """The check bites."""
    assert overused({Path("some/module.py"): code}).total() == 1


@pytest.mark.parametrize("word", OVERUSED)
def test_a_module_of_such_a_name_counts(word: str) -> None:
    """Its stem is a name, too."""
    assert overused({Path(f"some/{word}.py"): ""}) == {word: 1}
