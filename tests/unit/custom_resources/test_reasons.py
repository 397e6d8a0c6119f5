"""Every reason of a condition is explained in docs/custom-resources.md, and code gives each that is there."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tests.tools.crd_tables import PAGE

ROOT = Path(__file__).parents[3]
PACKAGE = ROOT / "reverser/custom_resources"
DECIDING = (
    "access",
    "compiler",
    "conditions",
    "config_compiler",
    "overlap",
    "rule_compiler",
    "rule_refusals",
    "secret_keys",
)
NO_REASONS = {
    *("GitRepoConfig", "WatchRule", "ClusterWatchRule", "Cluster", "Namespaced"),
    *("SameNamespace", "AllNamespaces", "FromSelector"),
    *("Ready", "Reconciling", "Stalled", "Matched", "True", "False", "Unknown", "Result"),
    *("Normal", "Warning"),
}
"""Other words in capitals: kinds, modes, types and states of conditions, a type variable."""
REASON = re.compile(r"(?:[A-Z][a-z]+)+")


def given() -> set[str]:
    """The reasons in the modules that decide."""
    files = [path for path in PACKAGE.glob("*.py") if path.stem in DECIDING]
    nodes = [node for path in files for node in ast.walk(ast.parse(path.read_text()))]
    texts = {node.value for node in nodes if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text for text in texts if REASON.fullmatch(text)} - NO_REASONS


def explained() -> set[str]:
    """The reasons in the first two columns of the page's tables."""
    section = PAGE.read_text().split("<!-- reasons -->")[1].split("<!-- end of reasons -->")[0]
    rows = [line.split("|")[1:3] for line in section.splitlines() if line.startswith("| `")]
    return {each for cells in rows for cell in cells for each in re.findall(r"`(\w+)`", cell)} - {"Stalled"}


def test_every_reason_is_explained() -> None:
    """Whoever meets a reason finds on the page what it means and what to do."""
    assert given() - explained() == set()


def test_every_explained_reason_is_given() -> None:
    """The page explains no reason that no code gives."""
    code = "\n".join(path.read_text() for path in (ROOT / "reverser").rglob("*.py"))

    assert {reason for reason in explained() if f'"{reason}"' not in code} == set()
