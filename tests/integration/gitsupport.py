"""Words that the tests of `git/` share: commits in one line, and a place to look for children."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import trio

from reverser.model.commit import Commit
from reverser.model.destination import Credentials, Destination
from reverser.model.entry import Edit


def commit(message: str = "one", /, entry: str = "", **files: str | None) -> Commit:
    """A commit of files with simple names: `a="1"` writes a, `a=None` removes it."""
    return commit_of({name: content and content.encode() for name, content in files.items()}, message, entry)


def commit_of(files: dict[str, bytes | None], message: str = "one", entry: str = "") -> Commit:
    """A commit of files with any names."""
    trailer = f"\n\nReverser-Entry: {entry}\n" if entry else "\n"
    return Commit(
        author="Alice <alice@example.com>",
        committer="Reverser <reverser@localhost>",
        authored_at=1_700_000_000.9,
        committed_at=1_700_000_060.0,
        message=f"{message}{trailer}",
        edits=tuple(Edit(path, content) for path, content in files.items()),
    )


def destination(url: str, branch: str = "main", credentials: Credentials | None = None) -> Destination:
    """A destination named live."""
    return Destination("live", url, branch, credentials=credentials or Credentials())


def processes(word: str) -> list[int]:
    """Ids of all processes of the machine whose command line holds a word."""
    return [pid for pid, _, line in _running() if word.encode() in line]


async def gone(word: str) -> None:
    """Wait until no such process is left: the kernel takes a moment to end what was killed."""
    with trio.fail_after(5):
        while processes(word):
            await trio.sleep(0.01)


def children(word: str) -> list[int]:
    """Ids of our children whose command line holds a word."""
    return [pid for pid, parent, line in _running() if parent == os.getpid() and word.encode() in line]


def _running() -> Iterator[tuple[int, int, bytes]]:
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
            yield int(folder.name), parent, (folder / "cmdline").read_bytes()
