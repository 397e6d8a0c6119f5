"""OpenPGP signatures by `gpg`, which knows what may sign and what has expired; one call a signature.

A signature is part of the commit that the next one is made upon, so that there is nothing to do in
parallel. Each holds the second in which it was made: a commit that is made again has another id.
"""

from __future__ import annotations

from pathlib import Path

from reverser.errors import StalledError
from reverser.git.gnupg import Home
from reverser.git.process import Finished

ARMOUR = "-----BEGIN PGP "
SECRET = 16
"""The bit of IMPORT_OK that says that a secret key is there."""
VALIDITY = {"e": "has expired", "r": "is revoked", "d": "is disabled", "i": "is not valid"}


class OpenPgpKey:
    """One secret key in a home of its own; made by `load`."""

    def __init__(self, home: Home, fingerprint: str, passphrase: str) -> None:
        self._home = home
        self._fingerprint = fingerprint
        self._passphrase = passphrase

    @property
    def name(self) -> str:
        """What a person compares."""
        return f"OpenPGP {self._fingerprint}"

    async def sign(self, payload: bytes) -> str:
        """The armoured signature, in lines, without a newline at its end."""
        options = ("--status-fd", "2", "--local-user", self._fingerprint, "--armor", "--detach-sign")
        done = await _with_secret(self._home, self._passphrase, payload, *options)
        if done.code or "[GNUPG:] SIG_CREATED " not in done.stderr:
            raise unusable(f"cannot sign: {await self._fault() or _complaint(done)}")
        return done.stdout.decode().rstrip("\n")

    async def public(self) -> str:
        """The public key, as `gpg --import` takes it."""
        return (await self._home.gpg("--armor", "--export", self._fingerprint)).stdout.decode().rstrip("\n")

    async def close(self) -> None:
        """Nothing of the key is left behind."""
        await self._home.close()

    async def _fault(self) -> str:
        """What is wrong with the key itself."""
        listed = await self._home.gpg("--with-colons", "--list-secret-keys", self._fingerprint)
        rows = [row.split(":") for row in listed.stdout.decode(errors="replace").splitlines()]
        for row in rows:
            if row[0] == "sec":
                return VALIDITY.get(row[1], "" if "S" in row[11] else "it has no part that may sign now")
        return ""


async def load(text: str, passphrase: str, beside: Path) -> OpenPgpKey:
    """The one secret key of an armoured text. Raises StalledError for what cannot be used."""
    if "\n" in passphrase:
        raise unusable("has a passphrase of more than one line")
    home = Home.make(beside)
    try:
        options = ("--status-fd", "1", "--no-auto-check-trustdb", "--import")
        done = await _with_secret(home, passphrase, f"{text}\n".encode(), *options)
        return OpenPgpKey(home, _fingerprint(done), passphrase)
    except BaseException:
        await home.close()
        raise


def unusable(what: str) -> StalledError:
    """The error of a key that is no use."""
    hint = "an armoured secret key: `gpg --armor --export-secret-keys KEY` prints it"
    return StalledError("SigningKeyUnusable", f"the signing key {what}", hint=hint)


async def _with_secret(home: Home, passphrase: str, content: bytes, *arguments: str) -> Finished:
    options = ("--pinentry-mode", "loopback", "--passphrase-fd", "0")
    return await home.gpg(*options, *arguments, stdin=f"{passphrase}\n".encode() + content)


def _fingerprint(done: Finished) -> str:
    rows = [row.split(" ") for row in done.stdout.decode(errors="replace").splitlines()]
    fingerprints = {row[3] for row in rows if row[1:2] == ["IMPORT_OK"] and int(row[2]) & SECRET}
    if len(fingerprints) == 1:
        return fingerprints.pop()
    if fingerprints:
        raise unusable(f"is {len(fingerprints)} secret keys, and only one can sign")
    raise unusable(f"is not an OpenPGP secret key: {_complaint(done)}")


def _complaint(done: Finished) -> str:
    """The last thing that gpg said to people."""
    lines = [line.removeprefix("gpg: ").strip() for line in done.stderr.splitlines()]
    messages = [line for line in lines if line and not line.startswith("[GNUPG:]")]
    return messages[-1] if messages else f"gpg ended with {done.code}"
