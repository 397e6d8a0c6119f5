"""SSH signatures as `git verify-commit` reads them (OpenSSH, PROTOCOL.sshsig, version 1).

Pure: a private key and bytes in, an armoured signature out. Ed25519 signatures are the same each time;
those of ECDSA are not, so that a commit that is made again has another id.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TypeAlias

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

Key: TypeAlias = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey

MAGIC = b"SSHSIG"
NAMESPACE = b"git"
DIGEST = b"sha512"
LINE = 70
HASHES: dict[str, hashes.HashAlgorithm] = {
    "secp256r1": hashes.SHA256(),
    "secp384r1": hashes.SHA384(),
    "secp521r1": hashes.SHA512(),
}


def load(text: bytes) -> Key:
    """A private key in OpenSSH's or in PEM format. Raises ValueError with what is wrong, for people."""
    try:
        if b"OPENSSH PRIVATE KEY" in text:
            key: object = serialization.load_ssh_private_key(text, None)
        else:
            key = serialization.load_pem_private_key(text, None)
    except TypeError:
        raise ValueError("has a passphrase, which reverser cannot ask for") from None
    except (ValueError, UnsupportedAlgorithm):
        raise ValueError("is not a private key in OpenSSH or PEM format") from None
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name in HASHES:
        return key
    raise ValueError("is neither an ed25519 key nor an ecdsa key on P-256, P-384 or P-521")


def public_line(key: Key) -> str:
    """The public key as `ssh-keygen` prints it: type and base64."""
    form = serialization.Encoding.OpenSSH, serialization.PublicFormat.OpenSSH
    return key.public_key().public_bytes(*form).decode()


def signature(key: Key, payload: bytes) -> str:
    """The armoured signature of a payload, in lines, without a newline at its end."""
    digest = hashlib.sha512(payload).digest()
    signed = MAGIC + b"".join(map(_text, (NAMESPACE, b"", DIGEST, digest)))
    kind, _, public = public_line(key).partition(" ")
    raw = _text(kind.encode()) + _text(_raw(key, signed))
    fields = (base64.b64decode(public), NAMESPACE, b"", DIGEST, raw)
    blob = base64.b64encode(MAGIC + (1).to_bytes(4, "big") + b"".join(map(_text, fields))).decode()
    lines = [blob[start : start + LINE] for start in range(0, len(blob), LINE)]
    return "\n".join(["-----BEGIN SSH SIGNATURE-----", *lines, "-----END SSH SIGNATURE-----"])


def _raw(key: Key, signed: bytes) -> bytes:
    if isinstance(key, ed25519.Ed25519PrivateKey):
        return key.sign(signed)
    pair = decode_dss_signature(key.sign(signed, ec.ECDSA(HASHES[key.curve.name])))
    return b"".join(_text(_number(each)) for each in pair)


def _number(value: int) -> bytes:
    """An `mpint` of RFC 4251 without its length: a leading zero keeps it positive."""
    return value.to_bytes(value.bit_length() // 8 + 1, "big")


def _text(value: bytes) -> bytes:
    return len(value).to_bytes(4, "big") + value
