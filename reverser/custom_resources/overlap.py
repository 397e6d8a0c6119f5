"""Which of several GitRepoConfigs may write where their folders overlap on one branch of one repository.

Two that write into one folder would undo each other's commits, so one of them waits. Destinations of the
configuration file always win. Then come configs whose pushes were taken at least once, so that nobody can
occupy a repository by naming it without a right to push there; then those that may try; last, whether they
pushed once or not, those that are suspended or cannot log in, or whom the remote refused. Among equals the
older wins, then the one whose name sorts first.

The loser hears the name of the other only where both are in one namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import TypeAlias

import msgspec

from reverser.config.remote_url import DEFAULT_PORTS
from reverser.custom_resources import remote_urls
from reverser.custom_resources.model import ObjectName
from reverser.custom_resources.remote_urls import RemoteRepository
from reverser.model.destination import Destination


class FolderClaim(msgspec.Struct, frozen=True):
    """A folder that a GitRepoConfig wants to write to."""

    config: ObjectName
    repository: RemoteRepository
    branch: str
    path: str
    created: str
    """`metadata.creationTimestamp`."""
    able: bool
    """Whether it can log in, as far as its Secret tells."""


Owner: TypeAlias = ObjectName | None
"""A GitRepoConfig; None: a table of the configuration file."""


class _Folders:
    """The folders that are taken in one branch of repositories that may be one."""

    def __init__(self) -> None:
        self._owners: dict[tuple[str, ...], Owner] = {}
        self._around: dict[tuple[str, ...], Owner] = {}
        """Folder -> the owner of a folder inside it."""

    def owners(self, path: str) -> list[Owner]:
        """The owner of this folder, or of one around or inside it; at most one."""
        folder = _parts(path)
        for length in range(len(folder) + 1):
            if folder[:length] in self._owners:
                return [self._owners[folder[:length]]]
        return [self._around[folder]] if folder in self._around else []

    def take(self, path: str, owner: Owner) -> None:
        """The folder is this owner's."""
        folder = _parts(path)
        self._owners[folder] = owner
        for length in range(len(folder)):
            self._around.setdefault(folder[:length], owner)


def _parts(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def refused(
    claims: Iterable[FolderClaim],
    proven: Collection[ObjectName],
    yielding: Collection[ObjectName],
    destinations: Sequence[Destination] = (),
) -> Mapping[ObjectName, str]:
    """The configs that must wait, each with a sentence."""
    taken = _Taken()
    for table in destinations:
        repository = remote_urls.of_configuration(table.url)
        if repository is not None:
            taken.take(repository, table.branch, table.path, None)
    messages: dict[ObjectName, str] = {}
    for claim in sorted(claims, key=lambda each: _rank(each, proven, yielding)):
        owners = taken.owners(claim)
        if owners:
            messages[claim.config] = _message(claim, owners[0])
        else:
            taken.take(claim.repository, claim.branch, claim.path, claim.config)
    return messages


class _Taken:
    """The folders that are taken in all repositories, found without a search through their ports.

    Each is filed as what it may equal (`Repository.may_equal`): as one of its protocol and port, as one of
    its protocol at a default port, and for the other protocol as one at any port.
    """

    def __init__(self) -> None:
        self._folders: dict[tuple[str, ...], _Folders] = {}

    def take(self, repository: RemoteRepository, branch: str, path: str, owner: Owner) -> None:
        """The folder is this owner's."""
        for port in (*_ports(repository), "any"):
            key = (*repository.key, branch, _protocol(repository), port)
            self._folders.setdefault(key, _Folders()).take(path, owner)

    def owners(self, claim: FolderClaim) -> list[Owner]:
        """Owners of folders that overlap with what is claimed."""
        own = _protocol(claim.repository)
        ports = [
            *((own, port) for port in _ports(claim.repository)),
            ("http" if own == "ssh" else "ssh", "any"),
        ]
        known = (self._folders.get((*claim.repository.key, claim.branch, *each)) for each in ports)
        return [owner for folders in known if folders is not None for owner in folders.owners(claim.path)]


def _protocol(repository: RemoteRepository) -> str:
    return "ssh" if repository.scheme == "ssh" else "http"


def _ports(repository: RemoteRepository) -> Iterator[str]:
    yield str(repository.port)
    if repository.port == DEFAULT_PORTS.get(repository.scheme, 0):
        yield "default"


def _rank(
    claim: FolderClaim, proven: Collection[ObjectName], yielding: Collection[ObjectName]
) -> tuple[bool, bool, str, ObjectName]:
    last = not claim.able or claim.config in yielding
    return last, claim.config not in proven, claim.created, claim.config


def _message(claim: FolderClaim, owner: Owner) -> str:
    if owner is None:
        who = "a destination of the daemon's configuration file"
    elif owner.namespace == claim.config.namespace:
        who = f"GitRepoConfig {owner}"
    else:
        who = "another GitRepoConfig"
    folder = f"folder {claim.path}" if claim.path else "the root folder"
    return (
        f"{who} writes to {folder} of this branch, or to a folder around or inside it: "
        "set spec.path or spec.branch to something else"
    )
