"""`reverser plugins`, as somebody runs it who writes a plugin."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ENDLESS = """
from reverser import hookimpl

@hookimpl
def reverser_select(key):
    while True:
        pass

@hookimpl
def reverser_layout(key):
    return "one/path.yaml"
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """A configuration with one plugin that never ends and puts all into one file."""
    plugin = tmp_path / ("a-long-name-" * 12) / "endless.py"
    plugin.parent.mkdir()
    plugin.write_text(ENDLESS)
    path = tmp_path / "reverser.toml"
    path.write_text(
        f'[plugins]\nenabled = ["endless"]\npaths = ["{plugin}"]\n[[clusters]]\nname = "default"\n'
        f'[[destinations]]\nname = "live"\nurl = "file://{tmp_path}/remote.git"\n'
        '[[rules]]\nname = "all"\ndestination = "live"\n'
    )
    return path


def plugins(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The command, with its output in a pipe."""
    command = [sys.executable, "-m", "reverser", "plugins", *arguments]
    environ = {**os.environ, "NO_COLOR": "1", "COLUMNS": "80"}
    return subprocess.run(command, env=environ, capture_output=True, text=True, timeout=120)


def test_a_hook_that_never_ends_is_told(file: Path) -> None:
    """The check ends, names the hook and its limit once, and goes on with the other hooks in few lines."""
    done = plugins("check", "--config", str(file))

    assert done.returncode == 78, done.stderr
    assert done.stdout.count("endless: reverser_select raises TimeoutError: took longer than 1 s\n") == 1
    puts = [line for line in done.stdout.splitlines() if "reverser_layout puts" in line]
    assert 1 < len(puts) <= 4
    assert puts[-1].endswith("more times")
    assert all(len(line) < 400 for line in puts)


def test_the_list_is_whole_in_a_pipe(file: Path) -> None:
    """Where a plugin is from is not cut, however long it is."""
    assert str(file.parent / ("a-long-name-" * 12)) in plugins("list", "--config", str(file)).stdout
