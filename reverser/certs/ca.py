"""An own certificate authority, in memory: makes itself, and certificates for one listener.

Keys are ECDSA P-256. The authority lives ten years and a server certificate one; what is at two
thirds of its life is due. An hour is taken off the beginning, since clocks differ.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from reverser.config.value_formats import check_host

ALWAYS = ("localhost", "127.0.0.1")
AUTHORITY_LIFE = timedelta(days=3650)
SERVER_LIFE = timedelta(days=365)
SKEW = timedelta(hours=1)

Key = ec.EllipticCurvePrivateKey


class Pair(msgspec.Struct, frozen=True):
    """A private key and its certificate."""

    key: Key
    certificate: x509.Certificate

    @property
    def pem(self) -> bytes:
        """Both, the key first, as OpenSSL reads them from one file."""
        return private_pem(self.key) + public_pem([self.certificate])


def subject_names(names: Iterable[str]) -> list[x509.GeneralName]:
    """DNS names and addresses for a certificate, `ALWAYS` first. Raises ValueError for one that is none."""
    return [subject_name(name) for name in dict.fromkeys((*ALWAYS, *names))]


def subject_name(name: str) -> x509.GeneralName:
    """One of them. Raises ValueError when it is none."""
    check_host(name)
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name.lower())


def new_authority(now: datetime) -> Pair:
    """An authority that signs itself, and server certificates only."""
    key = ec.generate_private_key(ec.SECP256R1())
    # Several authorities of ours may be trusted at once: the serial number tells them apart.
    subject = _name(f"reverser webhook authority {now:%Y-%m-%d}")
    builder = _builder(subject, subject, key.public_key(), now, AUTHORITY_LIFE)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
    builder = builder.add_extension(_usage(signs=True), critical=True)
    return Pair(key, builder.sign(key, hashes.SHA256()))


def issue(authority: Pair, names: Sequence[x509.GeneralName], now: datetime) -> Pair:
    """A certificate with a new key for a server that is called by these names."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = authority.certificate.subject
    builder = _builder(_name("reverser webhook"), issuer, key.public_key(), now, SERVER_LIFE)
    identifier = x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.key.public_key())
    extensions: list[tuple[x509.ExtensionType, bool]] = [
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (_usage(signs=False), True),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectAlternativeName(names), False),
        (identifier, False),
    ]
    for extension, critical in extensions:
        builder = builder.add_extension(extension, critical=critical)
    return Pair(key, builder.sign(authority.key, hashes.SHA256()))


def due(certificate: x509.Certificate, now: datetime) -> bool:
    """Whether two thirds of its life are over, or it has not begun."""
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    return now < begin or now >= begin + (end - begin) * 2 / 3


def private_pem(key: Key) -> bytes:
    """A private key as PEM, without a password."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def public_pem(certificates: Iterable[x509.Certificate]) -> bytes:
    """Certificates as PEM, one after the other."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: ec.EllipticCurvePublicKey, now: datetime, life: timedelta
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - SKEW)
        .not_valid_after(now - SKEW + life)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs,
        key_cert_sign=signs,
        crl_sign=signs,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _name(common: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)])
