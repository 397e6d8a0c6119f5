"""The results of a replay: its folder below the data directory, and the summary that is printed."""

from __future__ import annotations

import hashlib
from pathlib import Path

import msgspec

from reverser.config import Config
from reverser.journal.data_directory import load_digest_key, lock
from reverser.model.condition import Withheld
from reverser.model.destination import Destination
from reverser.plugins import Host
from reverser.private_files import write_private


class Summary(msgspec.Struct):
    """What became of all lines."""

    read: int = 0
    commits: int = 0
    unchanged: int = 0
    known: int = 0
    """Told by the branch or the journal already."""
    unselected: int = 0
    quiet: int = 0
    """Events that changed nothing: reads, failures, dry runs, status."""
    unreadable: int = 0
    unfinished: int = 0
    gaps: dict[tuple[str, str, str], int] = {}
    """(why, type, namespace) -> how many writes could not be replayed."""
    damage: list[str] = []
    withheld: list[Withheld] = []
    absent: dict[str, list[str]] = {}
    """Type and version -> paths of `[[sensitive]]` that no object of it has."""
    doubts: dict[str, str] = {}
    """Type that no rule selects -> the name in a rule that may be a short name of it."""


def folder(config: Config, cluster: str) -> Path:
    """Made when it is missing, with the daemon's key: masked values look the same in both branches."""
    (destination,) = config.destinations
    where = [cluster, destination.url, destination.branch, destination.path]
    digest = hashlib.blake2b(msgspec.json.encode(where), digest_size=6).hexdigest()
    base = Path(config.data_dir)
    path = base / "replay" / f"{destination.name}-{digest}"
    path.mkdir(parents=True, exist_ok=True, mode=0o700)
    if not (path / "key").exists():
        write_private(path / "key", _daemon_key(base))
    return path


def _daemon_key(base: Path) -> bytes:
    if (base / "key").exists():
        return load_digest_key(base)
    with lock(base):
        return load_digest_key(base)


def coverage(config: Config, host: Host) -> str:
    """Fingerprint of what decides what becomes of a write: with another one, logs are read from the start."""
    destinations = [_write_settings(destination) for destination in config.destinations]
    tables = [config.rules, destinations, config.sanitize, config.sensitive, host.fingerprint]
    return hashlib.blake2b(msgspec.json.encode(tables), digest_size=12).hexdigest()


def _write_settings(destination: Destination) -> list[str]:
    return [
        destination.path,
        destination.layout,
        destination.template,
        destination.style,
        destination.secrets,
    ]
