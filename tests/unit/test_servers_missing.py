"""Without the real API server's binaries, the tests that need it say so."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def run_without_servers(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "tests/e2e/test_servers.py",
        "-k",
        "users or controllers",
    ]
    without = {name: value for name, value in os.environ.items() if name != "REVERSER_REQUIRE_SERVERS"}
    environ = {**without, **environ, "KUBEBUILDER_ASSETS": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)


def test_skips_are_told_with_a_remedy(tmp_path: Path) -> None:
    """A run without servers passes, and one line says what was skipped and how to get it."""
    done = run_without_servers(tmp_path)

    assert done.returncode == 0, done.stdout
    lines = [line for line in done.stdout.splitlines() if "server" in line and "skipped" in line.lower()]
    assert lines == ["2 tests skipped for want of servers: `make test-servers` (needs Go)"]
    assert "2 without servers" in done.stdout


def test_skips_can_be_forbidden(tmp_path: Path) -> None:
    """With REVERSER_REQUIRE_SERVERS=1 a run without servers fails."""
    done = run_without_servers(tmp_path, REVERSER_REQUIRE_SERVERS="1")

    assert done.returncode == 1, done.stdout
    assert "run make test-servers" in done.stdout
