"""All that reverser leaves behind, searched for a secret."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.canaries import cells
from tests.e2e.setting import Setting

OVERHEARD = "overheard"
"""What anybody on the machine sees of a program that runs: its arguments and its environment."""


def everywhere(setting: Setting, pages: list[str]) -> Iterator[tuple[str, bytes]]:
    """Every object of the remote, every file of the data directory, the log, and what was served."""
    command = ["git", "-C", str(setting.remote.path), "cat-file", "--batch-all-objects", "--batch"]
    yield "the remote", subprocess.run(command, capture_output=True, check=True).stdout
    for repository in (setting.daemon.folder / "data" / "repositories").iterdir():
        command[2] = str(repository)
        yield "the local repository", subprocess.run(command, capture_output=True, check=True).stdout
    for path in filter(Path.is_file, (setting.daemon.folder / "data").rglob("*")):
        yield str(path.relative_to(setting.daemon.folder)), path.read_bytes()
    yield from cells(setting.daemon.folder / "data" / "journal.sqlite")
    yield "the log", setting.daemon.log.read_bytes()
    heard = setting.folder / OVERHEARD
    yield "what others see of sops", heard.read_bytes() if heard.exists() else b""
    yield from (("a page", page.encode()) for page in pages)
