"""Every reason of a condition is explained in docs/custom-resources.md, and code gives each that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from reverser.custom_resources.conditions import READY_REASONS, RETRIED
from tests.tools.crd_tables import PAGE

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "reverser/custom_resources"
DECIDING = (
    "access",
    "compiler",
    "conditions",
    "config_compiler",
    "overlap",
    "pacing",
    "rule_compiler",
    "rule_refusals",
    "secret_keys",
    "statuses",
)
NO_REASONS = {
    *("GitRepoConfig", "WatchRule", "ClusterWatchRule", "Cluster", "Namespaced"),
    *("SameNamespace", "AllNamespaces", "FromSelector"),
    *("Ready", "Reconciling", "Stalled", "Matched", "True", "False", "Unknown", "Result"),
    *("Normal", "Warning", "ReadOtherwise"),
}
"""Other words in capitals: kinds, modes, types and states of conditions, of Events, a type variable."""
REASON = re.compile(r"(?:[A-Z][a-z]+)+")


def given() -> set[str]:
    """The reasons in the modules that decide."""
    files = [path for path in PACKAGE.glob("*.py") if path.stem in DECIDING]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if REASON.fullmatch(text)} - NO_REASONS


def section() -> str:
    """What the page says of reasons."""
    return PAGE.read_text().split("<!-- reasons -->")[1].split("<!-- end of reasons -->")[0]


def rows() -> list[tuple[set[str], set[str]]]:
    """(reasons of Ready, reasons of Stalled) of each row of the tables of these two conditions."""
    text = section().split("### Reasons of Reconciling")[0].replace("| `Ready` | `Stalled` |", "")
    cells = [line.split("|")[1:3] for line in text.splitlines() if line.startswith("| `")]
    return [(names(ready), names(stalled)) for ready, stalled in cells]


def names(text: str) -> set[str]:
    """What is in code quotes."""
    return set(re.findall(r"`(\w+)`", text))


def test_every_reason_is_explained() -> None:
    """Whoever meets a reason finds on the page what it means and what to do."""
    assert given() - names(section()) == set()


def test_every_explained_reason_is_given() -> None:
    """The page explains no reason that no code gives."""
    code = "\n".join(path.read_text() for path in (ROOT / "reverser").rglob("*.py"))
    explained = set().union(*(ready | stalled for ready, stalled in rows()))

    assert {reason for reason in explained if f'"{reason}"' not in code} == set()


@pytest.mark.parametrize("reason", sorted(READY_REASONS.keys() - RETRIED))
def test_a_reason_of_the_daemon_stands_beside_that_of_the_seed(reason: str) -> None:
    """The tables pair the reasons of Ready and Stalled as the conditions do."""
    beside = [ready for ready, stalled in rows() if reason in stalled]

    assert READY_REASONS[reason] in set().union(*beside)
