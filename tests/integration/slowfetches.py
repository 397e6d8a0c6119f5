"""Run in a container of its own: fetches that take too long, and what they leave in the process table.

`python -m tests.integration.slowfetches COUNT FOLDER URL` prints the states of all processes that are there
afterwards, once none is left that is to end.
"""

from __future__ import annotations

import sys
from pathlib import Path

import trio

from reverser.errors import TransientError
from reverser.git.process import Git
from reverser.process_one import reap_orphans

SECONDS = 0.5
BOUND_SECONDS = 20.0
AT_ONCE = 10


def states() -> dict[int, str]:
    """The state of each process, by its number."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            found[int(path.parent.name)] = path.read_text().rpartition(")")[2].split()[0]
        except (FileNotFoundError, ProcessLookupError):
            continue
    return found


async def main(count: int, folder: Path, url: str) -> None:
    """Fetch so many times from a server that never answers."""
    git = Git(folder / "slow.git")
    await git.output("init", "--quiet", "--bare")
    limit = trio.CapacityLimiter(AT_ONCE)
    before = len(states())

    async def fetch() -> None:
        async with limit:
            try:
                await git.run("fetch", url, silent_seconds=SECONDS)
            except TransientError:
                print("slow", flush=True)

    async with trio.open_nursery() as nursery:
        for _ in range(count):
            nursery.start_soon(fetch)
    with trio.move_on_after(BOUND_SECONDS):
        while len(states()) > before:
            await trio.sleep(0.05)
    print("left", len(states()) - before, flush=True)


if __name__ == "__main__":
    reap_orphans()
    trio.run(main, int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
