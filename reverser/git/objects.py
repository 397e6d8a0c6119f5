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


async def changed(git: Git, old: str, new: str) -> dict[str, tuple[str, str] | None]:
    """path -> (mode, object id) in `new` of every file that differs between two commits; None: it is gone."""
    options = ("-r", "-z", "--raw", "--no-renames", "--no-ext-diff", "--full-index")
    output = await git.output("diff-tree", *options, old, new)
    return await trio.to_thread.run_sync(lambda: dict(_parse_changes(output)))


def _parse_changes(output: bytes) -> Iterator[tuple[str, tuple[str, str] | None]]:
    fields = output.split(b"\0")[:-1]
    for facts, path in zip(fields[::2], fields[1::2], strict=True):
        _, mode, _, blob, status = facts.decode().split(" ")
        yield text(path), None if status == "D" else (mode, blob)


async def at(git: Git, places: Sequence[tuple[str, str]]) -> list[str]:
    """The blob id at each (commit, path); "" where there is none, or no line can hold the path."""
    asked = [place for place in places if "\n" not in place[1]]
    if not asked:
        return [""] * len(places)
    stdin = b"".join(f"{commit}:{path}\n".encode("utf-8", "surrogateescape") for commit, path in asked)
    output = await git.output("cat-file", "--batch-check=%(objecttype) %(objectname)", stdin=stdin)
    rows = [row.split(b" ") for row in output.split(b"\n")[:-1]]
    found = {
        place: row[1].decode() if len(row) == 2 and row[0] == b"blob" else ""
        for place, row in zip(asked, rows, strict=True)
    }
    return [found.get(place, "") for place in places]


async def sizes(git: Git, ids: Sequence[str]) -> dict[str, int]:
    """The bytes of each of these blobs."""
    check = ("cat-file", "--batch-check=%(objectname) %(objectsize)")
    stdin = "".join(f"{blob}\n" for blob in dict.fromkeys(ids)).encode()
    rows = [row.split(" ") for row in (await git.output(*check, stdin=stdin)).decode().splitlines()]
    for blob, size in rows:
        if not size.isdigit():
            raise TransientError(f"the object {blob} is missing")
    return {blob: int(size) for blob, size in rows}


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
