"""Keys to sign commits with."""

from __future__ import annotations

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

FORM = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()


CURVES = {"p256": ec.SECP256R1(), "p384": ec.SECP384R1(), "p521": ec.SECP521R1()}


def made(kind: str) -> bytes:
    """A private key in OpenSSH's format."""
    if kind == "ed25519":
        return ed25519.Ed25519PrivateKey.generate().private_bytes(*FORM)
    return ec.generate_private_key(CURVES[kind]).private_bytes(*FORM)
