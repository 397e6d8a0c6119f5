"""`mode = "self-managed"`: an authority and a server certificate, kept in a folder and renewed.

    ca.pem       the authority's key, its certificate, and older authorities that are still valid
    server.pem   the listener's key and certificate

A pair is one file, so that it is replaced at once or not at all; `certs.ca_state` says what is renewed when.
With `secret` these files are the working copy of the Secret, and `certs.secret_sync` writes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from reverser.certs.ca import subject_name, subject_names
from reverser.certs.ca_state import CaState, UnusableCaError, renewed
from reverser.errors import ConfigError, Problem, StalledError
from reverser.private_files import write_private

FOLDER = "webhook"
"""Name of the folder inside the data directory."""


class SelfManaged:
    """The files of one listener. Raises ConfigError for a name that no certificate can have."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        try:
            self.names = subject_names(names)
        except ValueError as error:
            raise ConfigError([Problem("webhook.tls.names", str(error))]) from None
        self._authority_path = folder / "ca.pem"
        self.path = folder / "server.pem"
        """The listener's key and certificate."""

    @property
    def exists(self) -> bool:
        """Whether there is an authority already."""
        return self._authority_path.exists()

    def check(self, host: str) -> None:
        """Raise ConfigError when the certificate would not be for this host."""
        try:
            name = subject_name(host)
            wild = [subject_name(f"*.{rest}") for rest in (host.partition(".")[2],) if rest]
        except ValueError as error:
            raise ConfigError([Problem("webhook.tls.names", str(error))]) from None
        if not {name, *wild} & set(self.names):
            message = f"lacks {host!r}, which the API server would ask for"
            raise ConfigError([Problem("webhook.tls.names", message, "add it")])

    def renew(self, now: datetime) -> bool:
        """Make what is missing or due; whether anything was made.

        Raises StalledError when the folder cannot be used, or holds an authority that cannot be read.
        """
        held = self.read()
        try:
            state = renewed(held, self.names, now)
        except UnusableCaError as error:
            raise _unusable(f"{self._authority_path} {error}") from error
        self.write(state)
        return state != held

    def read(self) -> CaState:
        """What the folder holds. Raises StalledError when it cannot be used."""
        try:
            state = CaState(_content(self._authority_path), _content(self.path))
        except OSError as error:
            raise self._folder_error(error) from error
        if self.exists and not state.authority:
            raise _unusable(f"{self._authority_path} is empty")
        return state

    def write(self, state: CaState) -> None:
        """Replace what differs, the authority first. Raises StalledError."""
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            for path, content in ((self._authority_path, state.authority), (self.path, state.server)):
                if content != _content(path):
                    write_private(path, content)
        except OSError as error:
            raise self._folder_error(error) from error

    def ca_bundle(self) -> bytes:
        """The certificates to trust, newest first, as PEM. Raises StalledError when there are none."""
        try:
            return CaState(self._authority_path.read_bytes()).bundle
        except OSError as error:
            raise _unusable(f"{self._authority_path} cannot be read: {error.strerror}") from error
        except UnusableCaError as error:
            raise _unusable(f"{self._authority_path} {error}") from error

    def _folder_error(self, error: OSError) -> StalledError:
        return _unusable(f"{self._folder} cannot be used: {error.strerror}")


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return b""


def _unusable(message: str) -> StalledError:
    hint = "restore it from a backup, or remove it and run `reverser webhook install` again"
    return StalledError("CertificateUnusable", message, hint=hint)
