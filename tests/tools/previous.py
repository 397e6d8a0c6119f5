"""Manifests and chart of a release, stored in tests/previous: what the tests upgrade from.

`make previous` is run at a release, once its version is set. Running the tests needs no tag, which a shallow
clone does not have.
"""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).parents[2]
PREVIOUS = ROOT / "tests/previous"
CHART = "gitops-reverser"
NOT_INSTALLED = ("README.md", "dashboard.json")
"""Of the chart: large, and nothing that an upgrade could trip over."""


def store() -> None:
    """Replace what is stored by what is in the tree."""
    shutil.rmtree(PREVIOUS, ignore_errors=True)
    ignore = shutil.ignore_patterns(*NOT_INSTALLED)
    shutil.copytree(ROOT / "charts" / CHART, PREVIOUS / CHART, ignore=ignore)
    shutil.copy(ROOT / "install.yaml", PREVIOUS)


if __name__ == "__main__":
    store()
