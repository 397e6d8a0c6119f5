"""The key that signs the commits of a destination: SSH or OpenPGP, as its first line says.

The secret is read at each batch of commits. When it has changed, the next batch is signed with the new key;
after any error the key is loaded anew.
"""

from __future__ import annotations

import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Protocol

import trio

from reverser.errors import StalledError
from reverser.git import openpgp, sshsig
from reverser.git.credentials import resolve
from reverser.model.destination import Signing


class SigningKey(Protocol):
    """A private key that is ready for use."""

    @property
    def name(self) -> str:
        """What a person compares, in one line."""

    async def sign(self, payload: bytes) -> str:
        """The armoured signature, in lines, without a newline at its end."""

    async def public(self) -> str:
        """The public half, in the form that its programs read."""

    async def close(self) -> None:
        """End and remove what belongs to it."""


class SshKey:
    """A key that signs in process."""

    def __init__(self, key: sshsig.Key) -> None:
        self._key = key
        self.name = sshsig.public_line(key)

    async def sign(self, payload: bytes) -> str:
        return sshsig.signature(self._key, payload)

    async def public(self) -> str:
        return self.name

    async def close(self) -> None:
        pass


class SigningKeyCache:
    """Holds the key of one destination, which may be rotated at any time."""

    def __init__(self, signing: Signing, beside: Path) -> None:
        self._signing = signing
        self._beside = beside
        self._read = ("", "")
        self._key: SigningKey | None = None

    @asynccontextmanager
    async def current(self) -> AsyncIterator[SigningKey]:
        """The key as it is now. Raises StalledError for one that cannot be used."""
        passphrase = self._signing.passphrase
        read = resolve(self._signing.key), "" if passphrase is None else resolve(passphrase)
        if self._key is None or read != self._read:
            await self.close()
            self._key, self._read = await _loaded(*read, self._beside), read
        try:
            yield self._key
        except BaseException:
            await self.close()
            raise

    async def close(self) -> None:
        """Forget the key."""
        key, self._key = self._key, None
        if key is not None:
            with trio.CancelScope(shield=True):
                await key.close()


async def public_key(signing: Signing) -> tuple[str, str]:
    """(name, public half) of a key that has been tried. Raises StalledError for one that cannot sign."""
    with tempfile.TemporaryDirectory(prefix="reverser-") as folder:
        keeper = SigningKeyCache(signing, Path(folder))
        try:
            async with keeper.current() as key:
                await key.sign(b"")
                return key.name, await key.public()
        finally:
            await keeper.close()


async def _loaded(text: str, passphrase: str, beside: Path) -> SigningKey:
    if text.lstrip().startswith(openpgp.ARMOUR):
        return await openpgp.load(text, passphrase, beside)
    hint = "`reverser keys new` makes one"
    if passphrase:
        what = "is an SSH key, which cannot have a passphrase here"
        raise StalledError("SigningKeyUnusable", f"the signing key {what}", hint=hint)
    try:
        return SshKey(sshsig.load(text.encode() + b"\n"))
    except ValueError as error:
        raise StalledError("SigningKeyUnusable", f"the signing key {error}", hint=hint) from None
