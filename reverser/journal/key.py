"""The key for digests: 32 random bytes in a file of their own beside the database.

Not in it, so that a copy of the database alone does not help to guess what its digests were made
from.
"""

from __future__ import annotations

import secrets
from pathlib import Path

from reverser.errors import StalledError
from reverser.private import write_private

BYTES = 32


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


def _made(path: Path) -> bytes:
    made = secrets.token_bytes(BYTES)
    write_private(path, made)
    return made
