"""Runs `sops`, one document a call: YAML with values in, JSON with encrypted ones out.

Values travel through a pipe and nowhere else: not in argv or the environment, which others on the
machine can read, and not to a disk. What the program says about a document is thrown away, since it
may quote it; what it says about a made-up one (`probe`) is shown. Recipients come from our
configuration alone: the `SOPS_*` variables that could add some, or hold somebody's private key, are
taken out. The rest stays, since clouds and gpg are configured by it.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from functools import partial

import trio

from reverser.errors import StalledError, TransientError, WithheldError
from reverser.manifest.emitter import render
from reverser.model.destination import Destination, Sops
from reverser.model.entry import Clear
from reverser.sops import document
from reverser.subprocesses import end_group

SECONDS = 20.0
"""For one document. A call of a cloud's key service takes less than a second, one for age a tenth of that."""
ALLOWED = {"SOPS_GPG_EXEC"}
SPOKEN_CHARACTERS = 300
TRIAL = Clear(
    {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trial"}, "data": {"a": "dHJpYWw="}},
    ("data", "stringData"),
)


def programs(destinations: Iterable[Destination]) -> dict[str, Program]:
    """One for each destination that encrypts, by its name."""
    return {
        each.name: Program(each.sops, f"destinations.{each.name}.sops")
        for each in destinations
        if each.secrets == "encrypt" and each.sops is not None
    }


class Program:
    """`sops` with the recipients of one destination."""

    def __init__(self, settings: Sops, key_path: str, seconds: float = SECONDS) -> None:
        """`key_path`: that of the settings, for hints."""
        self._settings = settings
        self._key_path = key_path
        self._seconds = seconds

    async def encrypt(self, clear: Clear) -> bytes:
        """The encrypted file. See `model.entry.Encrypter`."""
        try:
            done = await self._run(clear)
        except TransientError:
            done = None
        if done is None or done.returncode:
            await self.probe()
            problem = "sops cannot encrypt this object, though it encrypts others"
            raise WithheldError("EncryptionFailed", problem)
        return document.checked(clear, done.stdout)

    async def probe(self) -> None:
        """Encrypt a document that nobody wrote. Raises StalledError or TransientError."""
        done = await self._run(TRIAL)
        if done.returncode:
            message = " ".join(done.stderr.decode(errors="replace").split())[-SPOKEN_CHARACTERS:]
            raise StalledError(
                "EncryptionFailed", f"sops cannot encrypt: {message}", hint=f"see {self._key_path}"
            )
        try:
            document.checked(TRIAL, done.stdout)
        except WithheldError as error:
            hint = f"is {self._key_path}.program SOPS, of version 3.8 or newer?"
            raise StalledError("EncryptionFailed", error.message, hint=hint) from None

    async def _run(self, clear: Clear) -> subprocess.CompletedProcess[bytes]:
        runner = partial(
            trio.run_process,
            [self._settings.program, *document.arguments(self._settings, clear)],
            stdin=render(clear.content),
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            deliver_cancel=end_group,
            start_new_session=True,
            env=environment(),
        )
        try:
            with trio.move_on_after(self._seconds):
                return await runner()
        except OSError as error:
            hint = f"install sops, or name it in {self._key_path}.program (docs/secrets.md)"
            message = f"{self._settings.program} cannot be started: {error.strerror or error}"
            raise StalledError("SopsMissing", message, hint=hint) from None
        raise TransientError(f"sops gave no answer within {self._seconds:g} s", hint=f"see {self._key_path}")


def environment() -> dict[str, str]:
    """Ours, without what would change for whom is encrypted."""
    return {
        name: value for name, value in os.environ.items() if name in ALLOWED or not name.startswith("SOPS_")
    }
