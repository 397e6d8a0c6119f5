"""Signs commits that fast-import wrote: the same tree and words, with a signature, on signed parents.

fast-import cannot sign (git 2.39), and its unsigned commits are left behind: a few hundred bytes each.
The signed ones go into the repository as one pack, whose ids we know before git has seen it.

What was signed is remembered for a while: a batch that was refused is written again as the same commits,
and gets the same signatures, although ECDSA and OpenPGP would make others.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Mapping, Sequence

import trio

from reverser.git.objects import blobs
from reverser.git.process import Git
from reverser.git.signing_key import SigningKey, SigningKeyCache
from reverser.model.destination import Signing

COMMITS_PER_TURN = 100
COMMITS_KNOWN = 10_000
LOOSE_MOST = 20
"""So many commits are kept as files of their own; more are kept as a pack."""
COMMIT = 1
"""The type of a commit in a pack."""


class Signer:
    """Signs the commits of one destination with a key that may be rotated at any time."""

    def __init__(self, git: Git, signing: Signing) -> None:
        self._git = git
        self._key_cache = SigningKeyCache(signing, git.folder)
        self._known: dict[tuple[str, str, str], str] = {}
        """(name of the key, commit, parent) -> the signed copy of the commit on that parent"""

    async def signed(self, ids: Sequence[str], parent: str) -> list[str]:
        """The ids of signed copies of these commits, each the parent of the next; all are durable.

        `parent` is that of the first. Raises StalledError for a key that cannot be used.
        """
        if not ids:
            return []
        contents = await blobs(self._git, ids)
        copies: dict[tuple[str, str, str], tuple[str, bytes]] = {}
        signed: list[str] = []
        async with self._key_cache.current() as key:
            for number, commit in enumerate(ids):
                if number % COMMITS_PER_TURN == 0:
                    await trio.lowlevel.checkpoint()
                copy_of = (key.name, commit, parent)
                if copy_of not in self._known:
                    copies[copy_of] = await _copy(contents[commit], parent, key)
                parent = self._known.get(copy_of) or copies[copy_of][0]
                signed.append(parent)
        await self._store([content for _, content in copies.values()])
        self._remember({copy_of: name for copy_of, (name, _) in copies.items()})
        return signed

    def forget(self) -> None:
        """Sign everything anew: what was signed may be gone from the repository."""
        self._known.clear()

    def _remember(self, names: Mapping[tuple[str, str, str], str]) -> None:
        self._known |= names
        for oldest in [*self._known][:-COMMITS_KNOWN]:
            del self._known[oldest]

    async def close(self) -> None:
        """Forget the key, and end what belongs to it."""
        await self._key_cache.close()

    async def _store(self, contents: Sequence[bytes]) -> None:
        if not contents:
            return
        command = ("unpack-objects", "-q") if len(contents) <= LOOSE_MOST else ("index-pack", "--stdin")
        await self._git.output(*command, stdin=_pack(contents))


async def _copy(content: bytes, parent: str, key: SigningKey) -> tuple[str, bytes]:
    """Id and content of the signed copy of a commit."""
    signed = await _signed(content, parent, key)
    head = b"commit %d\0" % len(signed)
    return hashlib.sha1(head + signed, usedforsecurity=False).hexdigest(), signed


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
    encoded = bytearray()
    while rest:
        encoded.append(first | 0x80)
        first, rest = rest & 0x7F, rest >> 7
    return bytes([*encoded, first])
