"""Trailers that somebody else has written, with more numbers than any journal gives out."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import trio

from tests.integration.running import BOUND_SECONDS, Running, running


def forge(world: Running, clone: Path) -> None:
    """Commit a file under the daemon's own id and an endless range, as anybody may who can push."""
    subprocess.run(["git", "clone", "-q", world.remote, clone], check=True)
    git = ["git", "-C", str(clone), "-c", "user.name=Pat", "-c", "user.email=pat@example.com"]
    log = subprocess.run([*git, "log"], check=True, capture_output=True, text=True).stdout
    found = re.search(r"Reverser-Entry: ([^/\s]+)/", log)
    assert found is not None
    (clone / "notes.txt").write_text("mine")
    subprocess.run([*git, "add", "notes.txt"], check=True)
    trailer = f"Reverser-Entry: {found[1]}/1-999999999999999999"
    subprocess.run([*git, "commit", "-qm", f"By hand\n\n{trailer}"], check=True)
    subprocess.run([*git, "push", "-q", "origin", "HEAD:main"], check=True)


async def test_an_endless_range_costs_no_memory(tmp_path: Path) -> None:
    """The daemon that reads it goes on, and so does the next one."""
    async with running(tmp_path) as world:
        await world.apply("a", "one")
        async with world.daemon():
            await world.until(lambda: world.file("a"))
            forge(world, tmp_path / "clone")
            await changed(world, "b")
        async with world.daemon():
            await changed(world, "c")
        assert world.show("notes.txt") == "mine"


async def changed(world: Running, name: str) -> None:
    """Change an object until its file is there."""
    with trio.fail_after(BOUND_SECONDS):
        number = 0
        while not world.file(name):
            await world.apply(name, str(number := number + 1))
            await trio.sleep(0.1)
