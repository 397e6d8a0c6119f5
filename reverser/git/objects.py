"""Reads trees and blobs. Paths are any bytes to Git: UTF-8 here, with what is not kept by escapes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import trio

from reverser.errors import TransientError
from reverser.git.process import Git


def text(path: bytes) -> str:
    """A path as the rest of the program sees it."""
    return path.decode("utf-8", "surrogateescape")


async def tree(git: Git, commit: str) -> dict[str, tuple[str, str]]:
    """path -> (mode, object id) of every file of a commit."""
    output = await listing(git, commit)
    return await trio.to_thread.run_sync(
        lambda: {path: (mode, blob) for path, mode, blob in parse_listing(output)}
    )


async def listing(git: Git, commit: str) -> bytes:
    """Every file of a commit, for `parse_listing`."""
    return await git.output("ls-tree", "-r", "-z", "--full-tree", commit)


def parse_listing(output: bytes) -> Iterator[tuple[str, str, str]]:
    """(path, mode, object id) of each row."""
    for row in output.split(b"\0")[:-1]:
        facts, _, path = row.partition(b"\t")
        mode, _, blob = facts.decode().split(" ")
        yield text(path), mode, blob


async def blobs(git: Git, ids: Sequence[str]) -> dict[str, bytes]:
    """The contents of blobs."""
    wanted = list(dict.fromkeys(ids))
    if not wanted:
        return {}
    output = await git.output("cat-file", "--batch", stdin="".join(f"{blob}\n" for blob in wanted).encode())
    contents, offset = {}, 0
    for blob in wanted:
        header, _, _ = output[offset : offset + 200].partition(b"\n")
        found, kind, *size = header.decode().split(" ")
        if kind == "missing" or not size:
            raise TransientError(f"the object {found} is missing")
        offset += len(header) + 1
        contents[blob] = output[offset : offset + int(size[0])]
        offset += int(size[0]) + 1
    return contents
