"""docs/glossary.md is short, and has no word that nobody uses."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GLOSSARY = ROOT / "docs/glossary.md"
MOST = 45
ROWS = [
    (term.strip(), meaning.strip())
    for term, meaning in re.findall(r"^\| ([^|]+) \| ([^|]+) \|$", GLOSSARY.read_text(), re.MULTILINE)
    if term != "term"
]


def _used() -> str:
    """All other pages, and all code but tests."""
    pages = [path for path in (ROOT / "docs").rglob("*.md") if path != GLOSSARY]
    code = (ROOT / "reverser").rglob("*.py")
    return "\n".join(path.read_text().lower() for path in (*pages, *code, ROOT / "README.md"))


USED = _used()


def test_the_glossary_stays_short_and_in_order() -> None:
    """There are at most 45 terms, each once, by the alphabet."""
    terms = [term for term, _ in ROWS]

    assert 0 < len(terms) <= MOST
    assert terms == sorted(set(terms))
    assert GLOSSARY.read_text().count("\n| ") == len(ROWS) + 1


@pytest.mark.parametrize(("term", "meaning"), ROWS, ids=[term for term, _ in ROWS])
def test_each_term_is_one_sentence_and_in_use(term: str, meaning: str) -> None:
    """A term is explained in one sentence, and the code or another page has the word."""
    assert re.fullmatch(r"[A-Z](`[^`]*`|[^.!?`])*\.", meaning)
    assert re.search(r"\b" + term.replace(" ", "[ _-]"), USED)
