"""The PEM files of a TLS listener, and the context that they make."""

from __future__ import annotations

import hashlib
import ssl
from pathlib import Path

import msgspec

ALPN = "http/1.1"


class BadPem(Exception):
    """Files that make no context, in words for a person."""


class PemFiles(msgspec.Struct, frozen=True):
    """Where they are."""

    certificate: Path
    """The listener's certificate, followed by those between it and its authority."""
    key: Path
    """Its private key; may be the same file."""
    client_ca: Path | None = None
    """An authority; only clients with a certificate of it may call."""

    def fingerprint(self) -> bytes:
        """Differs when the content of a file does, or whether it can be read."""
        digest = hashlib.blake2b(digest_size=16)
        for path in filter(None, (self.certificate, self.key, self.client_ca)):
            digest.update(hashlib.blake2b(_content(path)).digest())
        return digest.digest()

    def context(self) -> ssl.SSLContext:
        """What a listener needs for its handshakes. Raises BadPem."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([ALPN])
        try:
            # OpenSSL would ask the terminal for the password of a key that has one.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise BadPem(_words(error, self.certificate, self.key)) from error
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as error:
                raise BadPem(_words(error, self.client_ca)) from error
        return context


def _content(path: Path) -> bytes:
    try:
        return b"+" + path.read_bytes()
    except OSError as error:
        return f"-{error.errno}".encode()


def _words(error: OSError | ValueError, *paths: Path) -> str:
    for path in paths:
        try:
            path.read_bytes()
        except OSError as unreadable:
            return f"{path} cannot be read: {unreadable.strerror}"
    names = " and ".join(dict.fromkeys(map(str, paths)))
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{names} do not belong together"
    reason = getattr(error, "reason", None) or error
    return f"{names} cannot be used: {str(reason).replace('_', ' ').lower()}"
