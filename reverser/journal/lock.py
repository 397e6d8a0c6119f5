"""One process at a time may use a data directory.

An advisory lock on a file in it: the kernel lets go of it when the process ends, however it ends.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reverser.errors import ConfigError, Problem, StalledError


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
