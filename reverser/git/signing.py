"""Signs commits that fast-import wrote: the same tree and words, with a signature, on signed parents.

fast-import cannot sign (git 2.39), and its unsigned commits are left behind: a few hundred bytes each.
The signed ones go into the repository as one pack, whose ids we know before git has seen it.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Sequence

import trio

from reverser.git.objects import blobs
from reverser.git.process import Git
from reverser.git.signingkey import Keeper, SigningKey
from reverser.model.destination import Signing

COMMITS_PER_TURN = 100
LOOSE_MOST = 20
"""So many commits are kept as files of their own; more are kept as a pack."""
COMMIT = 1
"""The type of a commit in a pack."""


class Signer:
    """Signs the commits of one destination with a key that may be rotated at any time."""

    def __init__(self, git: Git, signing: Signing) -> None:
        self._git = git
        self._keeper = Keeper(signing, git.folder)

    async def signed(self, ids: Sequence[str], parent: str) -> list[str]:
        """The ids of signed copies of these commits, each the parent of the next; all are durable.

        `parent` is that of the first. Raises StalledError for a key that cannot be used.
        """
        if not ids:
            return []
        contents = await blobs(self._git, ids)
        made: list[tuple[str, bytes]] = []
        async with self._keeper.current() as key:
            for number, commit in enumerate(ids):
                if number % COMMITS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()
                content = await _signed(contents[commit], parent, key)
                parent = hashlib.sha1(
                    b"commit %d\0" % len(content) + content, usedforsecurity=False
                ).hexdigest()
                made.append((parent, content))
        await self._store([content for _, content in made])
        return [name for name, _ in made]

    async def close(self) -> None:
        """Forget the key, and end what belongs to it."""
        await self._keeper.close()

    async def _store(self, contents: Sequence[bytes]) -> None:
        command = ("unpack-objects", "-q") if len(contents) <= LOOSE_MOST else ("index-pack", "--stdin")
        await self._git.output(*command, stdin=_pack(contents))


async def _signed(content: bytes, parent: str, key: SigningKey) -> bytes:
    head, _, message = content.partition(b"\n\n")
    lines = [line for line in head.split(b"\n") if not line.startswith(b"parent ")]
    lines[1:1] = [b"parent " + parent.encode()] if parent else []
    payload = b"\n".join(lines) + b"\n\n" + message
    signature = await key.sign(payload)
    lines.append(b"gpgsig " + signature.replace("\n", "\n ").encode())
    return b"\n".join(lines) + b"\n\n" + message


def _pack(contents: Sequence[bytes]) -> bytes:
    """A pack of whole commits (gitformat-pack, version 2)."""
    rows = [_size(len(content)) + zlib.compress(content, 1) for content in contents]
    pack = b"PACK" + struct.pack(">II", 2, len(contents)) + b"".join(rows)
    return pack + hashlib.sha1(pack, usedforsecurity=False).digest()


def _size(size: int) -> bytes:
    first, rest = (COMMIT << 4) | (size & 0xF), size >> 4
    made = bytearray()
    while rest:
        made.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    return bytes([*made, first])
