"""The layers of the design hold, and the check that says so fails when they are broken."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINT = Path(sys.executable).with_name("lint-imports")

pytestmark = pytest.mark.skipif(not LINT.exists(), reason="import-linter is not installed here")


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """The package and its contract in a folder of their own."""
    shutil.copytree(ROOT / "reverser", tmp_path / "reverser", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [LINT, "--no-cache", "--no-logo"],
        cwd=folder,
        env={"PYTHONPATH": str(folder), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
    )


def test_the_package_keeps_its_contract(copy: Path) -> None:
    """The package as it stands breaks no layer."""
    done = lint(copy)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "line"),
    [
        ("reverser/model/resource.py", "import reverser.cli"),
        ("reverser/config/value_formats.py", "import reverser.git"),
        ("reverser/config/value_formats.py", "import time"),
        ("reverser/manifest/emitter.py", "import trio"),
        ("reverser/intake/decide.py", "import time"),
        ("reverser/writer/window.py", "import sqlite3"),
        ("reverser/intake/driver.py", "import reverser.writer.queue"),
        ("reverser/writer/__init__.py", "import subprocess"),
        ("reverser/journal/__init__.py", "import reverser.git"),
        ("reverser/sandbox/reads.py", "import reverser.sandbox.registry"),
    ],
)
def test_a_forbidden_import_fails_the_check(copy: Path, module: str, line: str) -> None:
    """One import against the direction of the layers, or of what a pure module must not touch, is found."""
    path = copy / module
    path.write_text(path.read_text() + f"\n{line}\n")

    done = lint(copy)

    assert done.returncode == 1
    assert "BROKEN" in done.stdout
