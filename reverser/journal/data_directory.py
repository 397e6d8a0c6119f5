"""A data directory: one process at a time uses it, and beside the database it has the key for digests.

The lock is an advisory lock on a file: the kernel lets go of it when the process ends, however it ends.

The key is 32 random bytes in a file of their own, not in the database, so that a copy of the database alone
does not help to guess what its digests were made from. The ids of the journal carry a digest of the key too:
a data directory that was restored from a backup knows what it wrote after that by the ids in the branch.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reverser.errors import ConfigError, Problem, StalledError
from reverser.private_files import write_private


@contextmanager
def lock(folder: Path) -> Iterator[None]:
    """Hold the data directory, made when it is missing.

    Raises ConfigError when it cannot be made or locked, StalledError when another process holds it.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise _unusable(folder, error) from error
    try:
        _hold(descriptor, folder)
        yield
    finally:
        os.close(descriptor)


def _hold(descriptor: int, folder: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
        message = f"the data directory {str(folder)!r} is in use by process {holder}"
        raise StalledError("DataDirectoryInUse", message, hint="stop it, or use another data_dir") from None
    except OSError as error:
        raise _unusable(folder, error) from error
    # The lock holds without the number of its holder, too: a full disk has no room for that.
    with suppress(OSError):
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)


def _unusable(folder: Path, error: OSError) -> ConfigError:
    message = f"{str(folder)!r} cannot be used: {error.strerror}"
    return ConfigError(
        [Problem("data_dir", message, "a folder that this user may write to, on a local disk")]
    )


KEY_BYTES = 32
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
    if len(key) != KEY_BYTES:
        message = f"{path} does not hold {KEY_BYTES} bytes"
        raise StalledError("KeyUnusable", message, hint="restore it from a backup of data_dir")
    return key


def adopt_digest_key(folder: Path, key: bytes) -> None:
    """Have the data directory use this key. A journal of another one goes: nothing of it can be compared.

    Nobody may have the journal open. Raises StalledError when the folder cannot be written to.
    """
    path = folder / "key"
    try:
        if path.exists() and path.read_bytes() == key:
            return
        for name in ("journal.sqlite", "journal.sqlite-wal", "journal.sqlite-shm"):
            (folder / name).unlink(missing_ok=True)
        write_private(path, key)
    except OSError as error:
        message = f"{path} cannot be used: {error.strerror}"
        raise StalledError("KeyUnusable", message, hint="data_dir must be readable and writable") from error


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
    key = secrets.token_bytes(KEY_BYTES)
    write_private(path, key)
    return key
