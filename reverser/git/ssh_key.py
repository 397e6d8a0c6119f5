"""Private SSH keys that have a passphrase: ssh gets them without one.

ssh would ask for the passphrase, and nobody is there to type it; in an argument of a program all users of
the machine could read it. So the key is decrypted in this process, and what ssh reads is the decrypted key,
in the same private file as any other key (`credentials`). Keys come in OpenSSH's own format or in PEM.

To try a passphrase takes some tenths of a second by design. It is done in a thread, and again only when the
key or the passphrase has changed. A key itself says how much work that is, and may come from anybody's
Secret, so that a key that asks for minutes is refused.
"""

from __future__ import annotations

import base64
import re

import msgspec
import trio
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reverser.errors import StalledError
from reverser.git.credentials import resolve
from reverser.model.destination import Credentials
from reverser.model.secret import SecretRef

OPENSSH = "OPENSSH PRIVATE KEY"
PKCS8 = "ENCRYPTED PRIVATE KEY"
"""Labels in PEM, as RFC 7468 calls them."""
MAGIC = b"openssh-key-v1\0"
UNENCRYPTED = MAGIC + b"\0\0\0\4none"
"""How a key without a passphrase begins: the name of its cipher, after its length."""
ENCRYPTED_PEM = re.compile(r"-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED", re.MULTILINE)
PBKDF2 = bytes.fromhex("06092a864886f70d01050c")
"""The object identifier in DER, as RFC 8018 writes it before the parameters."""
BCRYPT_ROUNDS_MOST = 1000
"""Of some 15 ms each; `ssh-keygen` takes 16 or 24, careful people 100."""
PBKDF2_ROUNDS_MOST = 10_000_000
"""Some seconds; OpenSSL takes 2,048."""
HINT = "give the passphrase, or a key without one: ssh-keygen -p -f FILE makes such a key"

_decrypting = trio.CapacityLimiter(2)
"""Threads of their own, so that slow keys take none from others."""


class SshKeyCache:
    """The key of one remote, decrypted."""

    def __init__(self) -> None:
        self._read = ("", "")
        self._decrypted = ""

    async def without_passphrase(self, credentials: Credentials) -> Credentials:
        """The same credentials with a key that needs no passphrase.

        Raises StalledError when the key cannot be read or decrypted.
        """
        if credentials.ssh_key is None:
            return credentials
        text = resolve(credentials.ssh_key)
        if not is_encrypted(text):
            return credentials
        if credentials.ssh_passphrase is None:
            raise _unusable("an SSH key with a passphrase needs ssh_passphrase (in a Secret: ssh-password)")
        read = text, resolve(credentials.ssh_passphrase)
        if read != self._read:
            # Nobody who ends a writer waits for a key that was made slow.
            key_text = await trio.to_thread.run_sync(
                decrypted, *read, abandon_on_cancel=True, limiter=_decrypting
            )
            self._decrypted, self._read = key_text, read
        key = SecretRef(value=self._decrypted)
        return msgspec.structs.replace(credentials, ssh_key=key, ssh_passphrase=None)


def is_encrypted(text: str) -> bool:
    """Whether a private key has a passphrase; what is no private key has none."""
    if (body := _labelled(text, OPENSSH)) is not None:
        try:
            content = _decoded(body)
        except ValueError:
            return False
        return content.startswith(MAGIC) and not content.startswith(UNENCRYPTED)
    return bool(ENCRYPTED_PEM.search(text))


def _labelled(text: str, label: str) -> str | None:
    """What stands between the first heading of this label and its end; None: there is none."""
    _, heading, rest = text.partition(f"-----BEGIN {label}-----")
    body, end, _ = rest.partition(f"-----END {label}-----")
    return body if heading and end else None


def decrypted(text: str, passphrase: str) -> str:
    """An encrypted private key in OpenSSH's format, without its passphrase. Raises StalledError."""
    content, password = text.strip().encode() + b"\n", passphrase.encode()
    try:
        _check_rounds(text)
        if _labelled(text, OPENSSH) is not None:
            key = serialization.load_ssh_private_key(content, password)
            return key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
        pem = serialization.load_pem_private_key(content, password)
        return pem.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    except (ValueError, TypeError):
        raise _unusable(
            "ssh_passphrase is not the passphrase of the SSH key, or the key is damaged"
        ) from None
    except UnsupportedAlgorithm:
        raise _unusable("an SSH key of this type or cipher cannot be decrypted") from None


def _check_rounds(text: str) -> None:
    """Refuse a key that would take minutes. Raises ValueError for one that is damaged."""
    most = BCRYPT_ROUNDS_MOST
    if (body := _labelled(text, OPENSSH)) is not None:
        content = _decoded(body)
        _cipher, kdf_at = _string(content, len(MAGIC))
        _kdf, options_at = _string(content, kdf_at)
        options, _ = _string(content, options_at)
        _salt, rounds_at = _string(options, 0)
        rounds = int.from_bytes(options[rounds_at:])
    elif (body := _labelled(text, PKCS8)) is not None:
        most, rounds = PBKDF2_ROUNDS_MOST, _pbkdf2_rounds(_decoded(body))
    else:
        return  # the older PEM format derives the key in one round
    if rounds > most:
        raise _unusable(
            f"an SSH key that asks for {rounds} rounds to decrypt it is refused, {most} are allowed"
        )


def _pbkdf2_rounds(der: bytes) -> int:
    """The iteration count: after the identifier come a sequence, a salt and the number. Raises ValueError."""
    _, identifier, parameters = der.partition(PBKDF2)
    if not identifier:
        raise _unusable("an SSH key that is not encrypted by PBKDF2 cannot be decrypted")
    if len(parameters) < 4 or parameters[1] >= 128 or parameters[2] != 4:
        raise ValueError("no parameters of PBKDF2")
    number_at = 4 + parameters[3]
    tag, size = parameters[number_at : number_at + 2]
    if tag != 2:
        raise ValueError("no number of iterations")
    return int.from_bytes(parameters[number_at + 2 : number_at + 2 + size])


def _decoded(lines: str) -> bytes:
    """Raises ValueError."""
    return base64.b64decode("".join(lines.split()), validate=True)


def _string(content: bytes, at: int) -> tuple[bytes, int]:
    """A text of OpenSSH's format, which is preceded by its length, and where it ends. Raises ValueError."""
    size = int.from_bytes(content[at : at + 4])
    end = at + 4 + size
    if end > len(content):
        raise ValueError("ends too early")
    return content[at + 4 : end], end


def _unusable(message: str) -> StalledError:
    return StalledError("KeyUnusable", message, hint=HINT)
