"""Where a destination is, compared with where it was: renamed, elsewhere, or only spelled otherwise. Pure.

The journal keeps a place for each destination. Which of them was renamed is told by the place; whether a
place that reads otherwise is another one only the branch can tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec


class Place(msgspec.Struct, frozen=True):
    """Where a destination's files are."""

    repository: str
    """Host and path of the repository, however the URL is spelled."""
    branch: str
    path: str | None
    """The folder; None: not kept by the release that wrote this."""
    mode: str
    """Of the destination; no part of the place."""

    def meets(self, other: Place) -> bool:
        """Whether the two are one folder of one branch, as far as they tell."""
        paths = {self.path, other.path} - {None}
        return self.branches(other) and len(paths) < 2

    def branches(self, other: Place) -> bool:
        """Whether the two are one branch."""
        return (self.repository, self.branch) == (other.repository, other.branch)


def renamed(stored: Mapping[str, Place], wanted: Mapping[str, Place]) -> dict[str, str]:
    """Old name -> new name of destinations that are where another name was, which is there no more."""
    left = {name: place for name, place in stored.items() if not _stays(name, place, wanted)}
    names: dict[str, str] = {}
    for name, place in wanted.items():
        if name in stored and stored[name].branches(place):
            continue
        found = [old for old, other in left.items() if other.meets(place) and old not in names]
        if len(found) == 1:
            names[found[0]] = name
    # A name that something is kept of is free only when that goes elsewhere.
    while taken := [old for old, new in names.items() if new in stored and new not in names]:
        for old in taken:
            del names[old]
    return names


def doubts(stored: Place, wanted: Place) -> list[str]:
    """Why the records of a destination need not be what is in its branch."""
    found = [] if stored.branches(wanted) else ["place"]
    return found + (["mode"] if stored.mode == "observe" and wanted.mode == "commit" else [])


def _stays(name: str, place: Place, wanted: Mapping[str, Place]) -> bool:
    return name in wanted and wanted[name].branches(place)
