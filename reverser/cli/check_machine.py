"""What a start needs of this machine: a data directory that can be written, and ports that are free.

Nothing is made and nothing stays open. Where a daemon runs on the data directory, its ports are its own.
"""

from __future__ import annotations

import fcntl
import os
import socket
from contextlib import closing, suppress
from pathlib import Path

import msgspec

from reverser.config import Config


class HereFinding(msgspec.Struct, frozen=True):
    """One key of the configuration that is about this machine."""

    key: str
    value: str
    message: str
    """What was seen."""
    ok: bool = True
    hint: str = ""


def look_here(config: Config) -> tuple[HereFinding, ...]:
    """The data directory, then every address that would be listened on."""
    folder = Path(config.data_dir)
    holder = _holder(folder)
    findings = [_data_dir(config.data_dir, folder, holder)]
    binds = {"operations.bind": config.operations.bind}
    if config.webhook is not None:
        binds["webhook.bind"] = config.webhook.bind
        binds["audit.bind"] = config.audit.bind
    return (*findings, *(_port(key, bind, holder) for key, bind in binds.items() if bind))


def _data_dir(value: str, folder: Path, holder: str) -> HereFinding:
    key, hint = "data_dir", "a folder that this user may write to, on a local disk"
    if holder:
        return HereFinding(key, value, f"process {holder} runs on it")
    try:
        there = _nearest(folder)
    except OSError as error:
        return HereFinding(key, value, f"cannot be looked at: {error.strerror}", ok=False, hint=hint)
    if not there.is_dir():
        return HereFinding(key, value, f"{there} is not a folder", ok=False, hint=hint)
    if not os.access(there, os.W_OK | os.X_OK):
        return HereFinding(key, value, f"{there} cannot be written by this user", ok=False, hint=hint)
    return HereFinding(key, value, "can be used" if there == folder else "will be made")


def _nearest(folder: Path) -> Path:
    """The folder, or what is there of the way to it. Raises OSError."""
    for path in (folder, *folder.absolute().parents):
        with suppress(FileNotFoundError, NotADirectoryError):
            path.lstat()
            return path
    return Path("/")


def _holder(folder: Path) -> str:
    """The process that holds the data directory; "" for none."""
    try:
        descriptor = os.open(folder / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return os.pread(descriptor, 20, 0).decode(errors="replace").strip() or "unknown"
    except OSError:
        return ""
    finally:
        os.close(descriptor)
    return ""


def _port(key: str, bind: str, holder: str) -> HereFinding:
    host, _, port = bind.rpartition(":")
    try:
        [family, kind, protocol, _, address] = socket.getaddrinfo(
            host.strip("[]") or None, int(port), type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with closing(socket.socket(family, kind, protocol)) as tried:
            tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            tried.bind(address)
            tried.listen(1)
    except OSError as error:
        if holder:
            return HereFinding(key, bind, f"in use, and so is data_dir by process {holder}")
        hint = "stop what listens there (`ss -ltnp` tells), or choose another port; port 0 picks a free one"
        return HereFinding(key, bind, f"cannot listen: {error.strerror or error}", ok=False, hint=hint)
    return HereFinding(key, bind, "is free")
