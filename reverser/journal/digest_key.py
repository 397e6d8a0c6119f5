"""The key for digests: 32 random bytes in a file of their own beside the database.

Not in it, so that a copy of the database alone does not help to guess what its digests were made
from. The ids of the journal carry a digest of the key too: a data directory that was restored from a
backup knows what it wrote after that by the ids in the branch.
"""

from __future__ import annotations

import hashlib
import secrets
from pathlib import Path

from reverser.errors import StalledError
from reverser.private_files import write_private

BYTES = 32
ID_BYTES = 6
PROOF_BYTES = 4


def key(folder: Path) -> bytes:
    """The key of a data directory, made and durable when it is missing.

    Raises StalledError when it cannot be read or written, or is not a key.
    """
    path = folder / "key"
    try:
        found = path.read_bytes() if path.exists() else _made(path)
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror}"
        raise StalledError("KeyUnusable", message, hint="data_dir must be readable and writable") from error
    if len(found) != BYTES:
        message = f"{path} does not hold {BYTES} bytes"
        raise StalledError("KeyUnusable", message, hint="restore it from a backup of data_dir")
    return found


def made_with(secret: bytes) -> str:
    """A new random id for a journal, which `proves` can tell from those of other data directories."""
    begin = secrets.token_hex(ID_BYTES)
    return begin + _proof(begin, secret)


def proves(journal: str, secret: bytes) -> bool:
    """Whether the id was made with this key."""
    begin, proof = journal[: 2 * ID_BYTES], journal[2 * ID_BYTES :]
    return bool(proof) and secrets.compare_digest(
        proof.encode("utf-8", "surrogateescape"), _proof(begin, secret).encode()
    )


def _proof(begin: str, secret: bytes) -> str:
    data = begin.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(data, key=secret, digest_size=PROOF_BYTES, person=b"journal").hexdigest()


def _made(path: Path) -> bytes:
    made = secrets.token_bytes(BYTES)
    write_private(path, made)
    return made
