"""`mode = "self-managed"`: an authority and a server certificate, kept in a folder and renewed.

    ca.pem       the authority's key, its certificate, and older authorities that are still valid
    server.pem   the listener's key and certificate

A pair is one file, so that it is replaced at once or not at all. A new authority is made years
before the old one ends, and trusted beside it: it signs the next server certificate, so whoever was
given the bundle meanwhile never meets a certificate that it does not trust.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from reverser.errors import ConfigError, Problem, StalledError
from reverser.http.authority import (
    Key,
    Pair,
    due,
    issue,
    new_authority,
    public_pem,
    subject_name,
    subject_names,
)
from reverser.private import write_private

FOLDER = "webhook"
"""Name of the folder inside the data directory."""


class SelfManaged:
    """The files of one listener. Raises ConfigError for a name that no certificate can have."""

    def __init__(self, folder: Path, names: Sequence[str]) -> None:
        self._folder = folder
        try:
            self._names = subject_names(names)
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
        if not {name, *wild} & set(self._names):
            message = f"lacks {host!r}, which the API server would ask for"
            raise ConfigError([Problem("webhook.tls.names", message, "add it")])

    def renew(self, now: datetime) -> bool:
        """Make what is missing or due; whether anything was made.

        Raises StalledError when the folder cannot be used, or holds an authority that cannot be read.
        """
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            authority, others, made = self._renewed_authority(now)
            return self._renew_server(authority, [authority.certificate, *others], now) or made
        except OSError as error:
            raise _unusable(f"{self._folder} cannot be used: {error.strerror}") from error

    def ca_bundle(self) -> bytes:
        """The certificates to trust, newest first, as PEM. Raises StalledError when there are none."""
        try:
            authority, others = _read(self._authority_path)
        except OSError as error:
            raise _unusable(f"{self._authority_path} cannot be read: {error.strerror}") from error
        return public_pem([authority.certificate, *others])

    def _renewed_authority(self, now: datetime) -> tuple[Pair, list[x509.Certificate], bool]:
        others: list[x509.Certificate] = []
        if self.exists:
            authority, others = _read(self._authority_path)
            if not due(authority.certificate, now):
                return authority, others, False
            others = [each for each in (authority.certificate, *others) if each.not_valid_after_utc > now]
        authority = new_authority(now)
        write_private(self._authority_path, authority.pem + public_pem(others))
        return authority, others, True

    def _renew_server(self, authority: Pair, trusted: Sequence[x509.Certificate], now: datetime) -> bool:
        if self._serves(trusted, now):
            return False
        write_private(self.path, issue(authority, self._names, now).pem)
        return True

    def _serves(self, trusted: Sequence[x509.Certificate], now: datetime) -> bool:
        """Whether the server certificate is ours, for these names, and not due."""
        try:
            pair, _ = _read(self.path)
            names = pair.certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
        except (StalledError, FileNotFoundError, x509.ExtensionNotFound):
            return False
        return (
            not due(pair.certificate, now)
            and list(names) == self._names
            and any(_signed(pair.certificate, authority) for authority in trusted)
        )


def _read(path: Path) -> tuple[Pair, list[x509.Certificate]]:
    text = path.read_bytes()
    try:
        key = serialization.load_pem_private_key(text, None)
        first, *others = x509.load_pem_x509_certificates(text)
    except (ValueError, TypeError) as error:
        raise _unusable(f"{path} does not hold a key and its certificate") from error
    if not isinstance(key, Key) or key.public_key() != first.public_key():
        raise _unusable(f"{path} holds a key and a certificate that do not belong together")
    return Pair(key, first), others


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True


def _unusable(message: str) -> StalledError:
    hint = "restore it from a backup, or remove it and run `reverser webhook install` again"
    return StalledError("CertificateUnusable", message, hint=hint)
