"""docs/troubleshooting.md names every reason that code gives or a page explains; links lead somewhere."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGE = (DOCS / "troubleshooting.md").read_text()
GIVING = {
    "StalledError",
    "WithheldError",
    "Withheld",
    "KnownMessage",
    "SecretRefusal",
    "_Refused",
    "_Malformed",
}
"""What is made with a reason as its first argument."""
OF_COMMANDS = {"BranchShared", "Incomplete", "LogUnreadable", "NoCommit", "NotReady"}
"""Reasons of `audit replay`, `snapshot`, `demo` and `init`, which say them on the terminal and end."""
REASON = re.compile(r"(?:[A-Z][a-z]+)+")


def given() -> set[str]:
    """Reasons that stand in calls of the code."""
    trees = [ast.parse(path.read_text()) for path in (ROOT / "reverser").rglob("*.py")]
    calls = [node for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Call)]
    texts = {
        node.value
        for call in calls
        for node in [*_first(call), *(each.value for each in call.keywords if each.arg == "reason")]
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    return {text for text in texts if REASON.fullmatch(text)}


def _first(call: ast.Call) -> list[ast.expr]:
    name = getattr(call.func, "id", getattr(call.func, "attr", ""))
    return call.args[:1] if name in GIVING else []


def explained() -> set[str]:
    """Reasons in the tables of operations.md and custom-resources.md."""
    operations = (DOCS / "operations.md").read_text().split("## When something is wrong")[1].split("\n## ")[0]
    resources = (DOCS / "custom-resources.md").read_text().split("<!-- reasons -->")[1]
    rows = [line for line in operations.splitlines() if line.startswith("| ")]
    cells = [row.split("|")[1] for row in rows]
    for row in resources.split("<!-- end of reasons -->")[0].splitlines():
        if row.startswith("| `") and not row.startswith("| `Ready` | `Stalled`"):
            cells += row.split("|")[1:3]
    return {name for cell in cells for name in re.findall(r"`(\w+)[=`]", cell) if REASON.fullmatch(name)}


def named() -> set[str]:
    """What the page has in code quotes."""
    return set(re.findall(r"`(\w+)`", PAGE.split("## Reasons")[1]))


def test_every_reason_has_an_entry() -> None:
    """Whoever sees a reason finds it on the page."""
    assert len(given()) > 40
    assert (given() | explained()) - OF_COMMANDS - named() - {"True", "False"} == set()


def test_no_entry_is_of_a_reason_that_there_is_not() -> None:
    """The page names no reason that no code gives."""
    code = "\n".join(path.read_text() for path in (ROOT / "reverser").rglob("*.py"))
    reasons = {name for name in named() if REASON.fullmatch(name)}

    # The reason of a failed watch is the name of the error's class.
    assert {name for name in reasons if f'"{name}"' not in code and f"class {name}(" not in code} == set()


PAGES = ("troubleshooting", "install", "gitops-tools", "security-model")


@pytest.mark.parametrize("name", PAGES)
def test_links_lead_somewhere(name: str) -> None:
    """Each link of the page is a file that is there, and a heading in it."""
    text = (DOCS / f"{name}.md").read_text()
    broken = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        file, _, anchor = target.partition("#")
        path = (DOCS / file) if file else DOCS / f"{name}.md"
        if "://" not in target and not (
            path.exists() and (not anchor or anchor in _anchors(path.read_text()))
        ):
            broken.append(target)

    assert broken == []


def _anchors(text: str) -> set[str]:
    """How GitHub calls the headings of a page in links."""
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
