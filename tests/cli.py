"""Runs `reverser` as a person does: a process, its exit status and what it printed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any


def reverser(*arguments: str | Path, kubeconfig: Path) -> subprocess.CompletedProcess[str]:
    """One command, run as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "reverser", *map(str, arguments)],
        env={**os.environ, "KUBECONFIG": str(kubeconfig), "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def check(path: Path, kubeconfig: Path) -> dict[str, Any]:
    done = reverser("check", "--config", path, "--output", "json", kubeconfig=kubeconfig)
    found: dict[str, Any] = json.loads(done.stdout)
    assert done.returncode == (0 if found["ok"] else 69), done.stderr
    return found
