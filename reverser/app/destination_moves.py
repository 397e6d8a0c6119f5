"""At the start of a session: what the journal keeps of each destination is brought in line with its place.

Accepted is accepted: a destination that is renamed takes all that is kept of it along, one whose URL is
spelled otherwise keeps it, and one that moved to another repository or branch writes what is pending there.
Whether a place that reads otherwise is another one the writer finds out, from the branch (`writer.catchup`).
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from reverser.app.destination_identity import Place, doubts, renamed
from reverser.config import remote_url
from reverser.model.destination import Destination
from reverser.model.journal import Journal

CHUNK = 1000


async def settle_places(journal: Journal, destinations: Sequence[Destination]) -> None:
    """Take over what changed of the destinations' names, places and modes since the last session."""
    wanted = {destination.name: place_of(destination) for destination in destinations}
    names = renamed(await _stored(journal), wanted)
    if names:
        await journal.rename_destinations(names)
    stored = await _stored(journal)
    for name, place in wanted.items():
        before = stored.get(name, place)
        await _begin(journal, name, before, place)
        if stored.get(name) != place:
            await journal.set_setting(f"place/{name}", msgspec.json.encode(place).decode())


def place_of(destination: Destination) -> Place:
    """Where a destination is."""
    path = destination.path.strip("/")
    return Place(_repository(destination.url), destination.branch, path, destination.mode)


async def _begin(journal: Journal, name: str, before: Place, place: Place) -> None:
    found = {*(await journal.get_setting(f"unsure/{name}")).split(), *doubts(before, place)}
    observed = await journal.get_setting(f"observed/{name}")
    if place.mode == "observe" and not observed:
        # What was accepted before is kept, to be written when we write again.
        await journal.set_setting(f"observed/{name}", str(await _last(journal, name)))
    elif place.mode == "commit" and observed:
        found.add("mode")
        await journal.set_setting(f"observed/{name}", "")
    if found:
        await journal.set_setting(f"unsure/{name}", " ".join(sorted(found)))


async def _last(journal: Journal, name: str) -> int:
    """The number of the last pending entry."""
    last = 0
    while pending := await journal.pending(name, after=last, limit=CHUNK):
        last = pending[-1].seq
    return last


async def _stored(journal: Journal) -> dict[str, Place]:
    facts = await journal.get_settings("place/")
    return {name.removeprefix("place/"): _decoded(fact) for name, fact in facts.items() if fact}


def _decoded(fact: str) -> Place:
    """A place as it was kept; before format 4 of the journal as URL, branch and mode."""
    if not fact.startswith("["):
        return msgspec.json.decode(fact, type=Place)
    url, branch, mode = msgspec.json.decode(fact, type=tuple[str, str, str])
    return Place(_repository(url), branch, None, mode)


def _repository(url: str) -> str:
    try:
        return remote_url.parse(url).repository
    except ValueError:
        return url
