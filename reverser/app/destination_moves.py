"""When a configuration takes over: what the journal stores of a destination follows its name and location.

Accepted is accepted: a destination that is renamed takes all that is stored of it along, one whose URL is
spelled otherwise keeps it, and one that moved to another repository or branch writes what is pending there.
Which of them was renamed follows from the locations, and only tables of the file can be: a GitRepoConfig
is known by its name, and another one may belong to somebody else, who must not inherit what is pending.
Whether a location that reads otherwise is another one only the branch can tell: the writer finds that out
(`writer.catchup`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from reverser.config import remote_url
from reverser.model.destination import Destination, is_of_resource
from reverser.model.journal import LOCATIONS, Journal

CHUNK = 1000


class Location(msgspec.Struct, frozen=True):
    """Where a destination's files are, and whether they are written."""

    repository: str
    """Host and path of the repository, however the URL is spelled."""
    branch: str
    path: str | None
    """The folder; None: not stored by the release that wrote this."""
    mode: str
    """Of the destination; two locations may be the same in different modes."""

    def is_same_folder(self, other: Location) -> bool:
        """Whether the two are one folder of one branch, as far as they tell."""
        paths = {self.path, other.path} - {None}
        return self.is_same_branch(other) and len(paths) < 2

    def is_same_branch(self, other: Location) -> bool:
        """Whether the two are one branch."""
        return (self.repository, self.branch) == (other.repository, other.branch)


async def follow_moves(journal: Journal, destinations: Sequence[Destination]) -> None:
    """Take over what changed of the destinations' names, locations and modes since the last configuration."""
    wanted = {destination.name: _location(destination) for destination in destinations}
    names = renamed(await _stored(journal), wanted)
    if names:
        await journal.rename_destinations(names)
    stored, unsure, observed = (
        await _stored(journal),
        await _texts(journal, "unsure/"),
        await _texts(journal, "observed/"),
    )
    for name, location in wanted.items():
        before = stored.get(name, location)
        await _store_doubts(journal, name, before, location, unsure.get(name, ""), observed.get(name, ""))
        if stored.get(name) != location:
            await journal.set_setting(f"{LOCATIONS}{name}", msgspec.json.encode(location).decode())


def renamed(stored: Mapping[str, Location], wanted: Mapping[str, Location]) -> dict[str, str]:
    """Old name -> new name of tables of the file that are where another name was, which is there no more."""
    stored = {name: location for name, location in stored.items() if not is_of_resource(name)}
    wanted = {name: location for name, location in wanted.items() if not is_of_resource(name)}
    moved = {
        name: location
        for name, location in stored.items()
        if name not in wanted or not wanted[name].is_same_branch(location)
    }
    names: dict[str, str] = {}
    for name, location in wanted.items():
        if name in stored and stored[name].is_same_branch(location):
            continue
        former = [old for old, other in moved.items() if other.is_same_folder(location) and old not in names]
        if len(former) == 1:
            names[former[0]] = name
    # A name that something is stored of is free only when that goes elsewhere.
    while taken := [old for old, new in names.items() if new in stored and new not in names]:
        for old in taken:
            del names[old]
    return names


def doubts(stored: Location, wanted: Location) -> list[str]:
    """Why the records of a destination need not be what is in its branch."""
    reasons = [] if stored.is_same_branch(wanted) else ["place"]
    return reasons + (["mode"] if stored.mode == "observe" and wanted.mode == "commit" else [])


async def _store_doubts(
    journal: Journal, name: str, before: Location, location: Location, unsure: str, observed: str
) -> None:
    """`unsure` and `observed`: what is stored of the destination under these names."""
    reasons = {*unsure.split(), *doubts(before, location)}
    if location.mode == "observe" and not observed:
        # What was accepted before stays pending, to be written when we write again.
        await journal.set_setting(f"observed/{name}", str(await _last_pending(journal, name)))
    elif location.mode == "commit" and observed:
        reasons.add("mode")
        await journal.set_setting(f"observed/{name}", "")
    if reasons - {*unsure.split()}:
        await journal.set_setting(f"unsure/{name}", " ".join(sorted(reasons)))


async def _last_pending(journal: Journal, name: str) -> int:
    """The number of the last pending entry."""
    last = 0
    while pending := await journal.pending(name, after=last, limit=CHUNK):
        last = pending[-1].seq
    return last


async def _stored(journal: Journal) -> dict[str, Location]:
    return {name: _decoded(text) for name, text in (await _texts(journal, LOCATIONS)).items() if text}


async def _texts(journal: Journal, prefix: str) -> dict[str, str]:
    """Name of a destination -> what is stored of it under `prefix`."""
    settings = await journal.get_settings(prefix)
    return {name.removeprefix(prefix): text for name, text in settings.items()}


def _decoded(text: str) -> Location:
    """A location as it was stored; before format 4 of the journal as URL, branch and mode."""
    if not text.startswith("["):
        return msgspec.json.decode(text, type=Location)
    url, branch, mode = msgspec.json.decode(text, type=tuple[str, str, str])
    return Location(_repository(url), branch, None, mode)


def _location(destination: Destination) -> Location:
    path = destination.path.strip("/")
    return Location(_repository(destination.url), destination.branch, path, destination.mode)


def _repository(url: str) -> str:
    try:
        return remote_url.parse(url).repository
    except ValueError:
        return url
