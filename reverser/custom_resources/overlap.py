"""Which of several GitRepoConfigs may write where their folders overlap on one branch of one repository.

Two that write into one folder would undo each other's commits, so one of them waits. Destinations of the
configuration file always win. Then come configs whose pushes were taken at least once, so that nobody can
occupy a repository by naming it without a right to push there; then those that may try; last those that
cannot log in, or whom the remote refused. Among equals the older wins, then the one whose name sorts first.

The loser hears the name of the other only where both are in one namespace.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

import msgspec

from reverser.config.destination_checks import folders_overlap
from reverser.custom_resources import remote_urls
from reverser.custom_resources.model import Name
from reverser.custom_resources.remote_urls import Repository
from reverser.model.destination import Destination


class Claim(msgspec.Struct, frozen=True):
    """A folder that a GitRepoConfig wants to write to."""

    config: Name
    repository: Repository
    branch: str
    path: str
    created: str
    """`metadata.creationTimestamp`."""
    able: bool
    """Whether it can log in, as far as its Secret tells."""


class _Taken(msgspec.Struct, frozen=True):
    repository: Repository
    path: str
    owner: Name | None
    """None: a table of the configuration file."""


def refused(
    claims: Iterable[Claim],
    proven: Collection[Name],
    yielding: Collection[Name],
    destinations: Sequence[Destination] = (),
) -> Mapping[Name, str]:
    """The configs that must wait, each with a sentence."""
    taken: dict[tuple[str, str, str], list[_Taken]] = {}
    for table in destinations:
        repository = remote_urls.of_configuration(table.url)
        if repository is not None:
            taken.setdefault(_key(repository, table.branch), []).append(_Taken(repository, table.path, None))
    messages: dict[Name, str] = {}
    for claim in sorted(claims, key=lambda each: _rank(each, proven, yielding)):
        others = taken.setdefault(_key(claim.repository, claim.branch), [])
        other = next((each for each in others if _collide(each, claim)), None)
        if other is None:
            others.append(_Taken(claim.repository, claim.path, claim.config))
        else:
            messages[claim.config] = _message(claim, other)
    return messages


def _key(repository: Repository, branch: str) -> tuple[str, str, str]:
    return (*repository.key, branch)


def _rank(claim: Claim, proven: Collection[Name], yielding: Collection[Name]) -> tuple[bool, bool, str, Name]:
    last = not claim.able or claim.config in yielding
    return claim.config not in proven, last, claim.created, claim.config


def _collide(other: _Taken, claim: Claim) -> bool:
    return other.repository.may_equal(claim.repository) and folders_overlap(other.path, claim.path)


def _message(claim: Claim, other: _Taken) -> str:
    if other.owner is None:
        who = "a destination of the daemon's configuration file"
    elif other.owner.namespace == claim.config.namespace:
        who = f"GitRepoConfig {other.owner}"
    else:
        who = "another GitRepoConfig"
    folder = f"folder {claim.path}" if claim.path else "the root folder"
    return (
        f"{who} writes to {folder} of this branch, or to a folder around or inside it: "
        "set spec.path or spec.branch to something else"
    )
