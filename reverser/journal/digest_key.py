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


def load_digest_key(folder: Path) -> bytes:
    """The key of a data directory, made and durable when it is missing.

    Raises StalledError when it cannot be read or written, or is not a key.
    """
    path = folder / "key"
    try:
        key = path.read_bytes() if path.exists() else _new_key(path)
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror}"
        raise StalledError("KeyUnusable", message, hint="data_dir must be readable and writable") from error
    if len(key) != BYTES:
        message = f"{path} does not hold {BYTES} bytes"
        raise StalledError("KeyUnusable", message, hint="restore it from a backup of data_dir")
    return key


def new_journal_id(digest_key: bytes) -> str:
    """A new random id for a journal, which `is_id_of` can tell from those of other data directories."""
    begin = secrets.token_hex(ID_BYTES)
    return begin + _proof(begin, digest_key)


def is_id_of(journal: str, digest_key: bytes) -> bool:
    """Whether the id was made with this key."""
    begin, proof = journal[: 2 * ID_BYTES], journal[2 * ID_BYTES :]
    return bool(proof) and secrets.compare_digest(
        proof.encode("utf-8", "surrogateescape"), _proof(begin, digest_key).encode()
    )


def _proof(begin: str, digest_key: bytes) -> str:
    data = begin.encode("utf-8", "surrogateescape")
    return hashlib.blake2b(data, key=digest_key, digest_size=PROOF_BYTES, person=b"journal").hexdigest()


def _new_key(path: Path) -> bytes:
    key = secrets.token_bytes(BYTES)
    write_private(path, key)
    return key
