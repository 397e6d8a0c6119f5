"""The state of a self-managed listener: an authority, and the certificate that it signed.

    authority   its key, its certificate, and older authorities that are still valid
    server      the listener's key and certificate

Both are PEM, the key first. A new authority is made years before the old one ends, and is trusted beside it
until it signs the next server certificate. So whoever read the bundle meanwhile trusts that certificate,
too.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization

from reverser.certs.ca import Key, Pair, due, issue, new_authority, public_pem

BEGIN = b"-----BEGIN CERTIFICATE-----"


class UnusableCaError(Exception):
    """An authority that cannot be read, in words that follow its name."""


class CaState(msgspec.Struct, frozen=True):
    """Both as PEM; what does not exist yet is empty."""

    authority: bytes = b""
    server: bytes = b""

    def __repr__(self) -> str:
        return "CaState(…)"  # the keys are in no message and no traceback

    @property
    def bundle(self) -> bytes:
        """The certificates to trust, newest first, as PEM. Raises UnusableCaError."""
        authority, others = _read(self.authority)
        return public_pem([authority.certificate, *others])


def renewed(state: CaState, names: Sequence[x509.GeneralName], now: datetime) -> CaState:
    """The state with what was missing or due replaced; an equal one when nothing was.

    Raises UnusableCaError for an authority that cannot be read: others trust it, so it is not replaced.
    """
    if not state.authority:
        authority, others = new_authority(now), list[x509.Certificate]()
        state = CaState(authority.pem, state.server)
    else:
        authority, others = _read(state.authority)
        if due(authority.certificate, now):
            others = [each for each in (authority.certificate, *others) if each.not_valid_after_utc > now]
            authority = new_authority(now)
            state = CaState(authority.pem + public_pem(others), state.server)
    if _serves(state.server, [authority.certificate, *others], names, now):
        return state
    return CaState(state.authority, issue(authority, names, now).pem)


def split_key_and_certs(pem: bytes) -> tuple[bytes, bytes]:
    """The key, and the certificates after it; together they are what was given."""
    key, begin, rest = pem.partition(BEGIN)
    return key, begin + rest


def _serves(
    server: bytes, trusted: Sequence[x509.Certificate], names: Sequence[x509.GeneralName], now: datetime
) -> bool:
    """Whether the server certificate is ours, for these names, and not due."""
    try:
        certificate = _read(server)[0].certificate
        names_served = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (UnusableCaError, x509.ExtensionNotFound):
        return False
    return (
        not due(certificate, now)
        and list(names_served) == list(names)
        and any(_signed(certificate, authority) for authority in trusted)
    )


def _read(pem: bytes) -> tuple[Pair, list[x509.Certificate]]:
    try:
        key = serialization.load_pem_private_key(pem, None)
        first, *others = x509.load_pem_x509_certificates(pem)
    except (ValueError, TypeError) as error:
        raise UnusableCaError("does not hold a key and its certificate") from error
    if not isinstance(key, Key) or key.public_key() != first.public_key():
        raise UnusableCaError("holds a key and a certificate that do not belong together")
    return Pair(key, first), others


def _signed(certificate: x509.Certificate, authority: x509.Certificate) -> bool:
    try:
        certificate.verify_directly_issued_by(authority)
    except (ValueError, TypeError, InvalidSignature):
        return False
    return True
