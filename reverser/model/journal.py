"""What the drivers (`intake`, `writer`) need from the journal, as a protocol; `journal.sqlite` implements it.

The conformance tests are written against the protocol, so that another implementation can follow.

A cluster is identified by the uid of its namespace `kube-system`: positions of another cluster mean nothing.
A cluster that was restored from a backup keeps its uid and uses versions a second time, for other contents.
So facts from before the restore must not be joined with changes after it, not even after a restart of
reverser.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

import msgspec

from reverser.errors import WithheldError
from reverser.model.attribution import Attribution
from reverser.model.change import StartedOver, Stream
from reverser.model.condition import Withheld
from reverser.model.entry import Append, Entry, KnownRecords, Record, RecordKey, Staged
from reverser.model.fact import Fact
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import BUG

DESTINATION_SETTINGS = (
    "place",
    "head",
    "touched",
    "companions",
    "others",
    "followed",
    "unsure",
    "observed",
    "proven",
    "owner",
    "resume",
    "landed",
)
"""Kinds of settings that are stored of a destination, under `<kind>/<name of the destination>`."""
LOCATIONS = "place/"
"""Prefix of the settings that say where each destination is; an empty text: it is no more."""

RESUME = "resume/"
"""Prefix of the settings of destinations whose branch is still to be read before their streams go on."""
LANDED = "landed/"
"""Prefix of the settings that say which versions a destination's branch had then: `object_text` -> number."""


def object_text(key: ObjectKey) -> str:
    """An object in what is stored of versions."""
    return f"{key.cluster} {key}"


class Backlog(msgspec.Struct, frozen=True):
    """How far a destination lags behind."""

    entries: int
    oldest_at: float
    """Unix seconds of the oldest pending entry's append; 0 when none is pending."""


class Standing(msgspec.Struct, frozen=True):
    """How far everything has come, at one moment."""

    last_seq: int
    """The highest number that was given out."""
    oldest: dict[str, int]
    """Destination -> number of its oldest pending entry, where there is one."""
    positions: dict[str, tuple[str, str]]
    """Stream id -> (resourceVersion, coverage)."""
    withheld: tuple[ObjectKey, ...]
    settings: dict[str, str]


class SealedFile(msgspec.Struct, frozen=True, array_like=True):
    """What tells that a file is the encrypted form of a document."""

    fingerprint: str
    """Keyed digest of the document with its values, and of the recipients; hexadecimal."""
    digest: str
    """Keyed digest of the file; hexadecimal."""


class UnstorableError(WithheldError):
    """Rows of these objects cannot be stored; nothing of the append was."""

    def __init__(self, reasons: Mapping[tuple[str, ObjectKey], str]) -> None:
        """`reasons`: (destination, key) -> why, as a sentence without a value of the object."""
        super().__init__(BUG, f"{len(reasons)} objects cannot be stored")
        self.reasons = reasons


class Journal(Protocol):
    """The durable queue between the cluster and Git, and the memory of what was written.

    Every method may raise `TransientError` (disk full, database locked): nothing was changed then.
    """

    @property
    def id(self) -> str:
        """A random id made at each start; half of every `Reverser-Entry` trailer.

        A data directory that was restored from a backup gives the same numbers out again, but never
        under the same id. Whoever has `key` can tell it from those of other data directories.
        """

    def knows(self, journal: str) -> bool:
        """Whether this is the id of this start, or of one with the same `key`: of an earlier one, or of one
        after the backup that this data directory was restored from."""

    def is_own(self, journal: str) -> bool:
        """Whether this is the id of this start, or of an earlier one of this very journal."""

    def issued(self, journal: str, seq: int) -> bool:
        """Whether the number was given out under this id, as far as this journal knows."""

    @property
    def key(self) -> bytes:
        """32 random bytes for keyed digests; they never leave the data directory."""

    async def append(self, batch: Append) -> list[Entry]:
        """Make one transaction durable; its `entries` come back with `seq` and `appended_at`.

        Raises UnstorableError when rows of some objects cannot be stored, whatever the disk is like.
        """

    async def stage(self, listing: str, staged: Staged) -> None:
        """Put aside what a list has brought. Nothing of it counts before the append that names the list,
        and a process that ends takes it along.

        Raises UnstorableError when rows of some objects cannot be stored; nothing was put aside then.
        """

    async def discard(self, listing: str) -> None:
        """Forget what was staged of a list."""

    async def discard_all(self) -> None:
        """Forget what was staged of all lists."""

    async def pending(self, destination: str, *, after: int = 0, limit: int = 1000) -> list[Entry]:
        """Entries that are neither acknowledged nor withheld, by `seq`, above `after`.

        At least one where there is one; a journal may stop before `limit` where they are large.
        """

    async def wait(self, destination: str, *, after: int = 0, waiting: Collection[int] = ()) -> None:
        """Return as soon as an entry above `after` is pending, or one of `waiting` waits no more."""

    async def set_attributions(self, attributions: Mapping[int, Attribution]) -> None:
        """Give entries their final attribution, by `seq`; one that is not pending is left out."""

    async def attributed_entries(self, seqs: Collection[int]) -> list[Entry]:
        """Those of these entries that wait for no author, by `seq`."""

    async def awaiting_author(self) -> list[Entry]:
        """Entries of all destinations that wait for their author, by `seq`."""

    async def save_facts(self, facts: Sequence[Fact], now: float) -> None:
        """Make facts durable that arrived at `now`, for as long as they can be of use."""

    async def load_facts(self) -> list[tuple[float, Fact]]:
        """Facts that were saved, with the time of their arrival, oldest first."""

    async def ack(self, destination: str, seqs: Iterable[int | range], head: str) -> None:
        """These entries are in the remote branch, whose head is `head` now.

        A range costs what entries of it are pending, however many numbers it has: somebody else may have
        written it. Numbers that were never given out mean nothing.
        """

    async def head(self, destination: str) -> str:
        """The remote head of the last `ack` (or `set_head`); empty when there was none."""

    async def set_head(self, destination: str, head: str) -> None:
        """The remote branch was seen at `head`, and all of our entries in it are acknowledged."""

    async def withhold(self, seq: int, withheld: Withheld, file: str = "") -> None:
        """Take one entry out of the queue for good; show it until its object is written again.

        `file`: where our file of the object stands now; empty: it has none. The object's record says so from
        now on, and its next event is decided anew; one that was forgotten with a removal comes back.
        """

    async def withheld(self) -> list[Withheld]:
        """What is withheld now, oldest first."""

    async def records(self, destination: str, keys: Sequence[ObjectKey]) -> dict[ObjectKey, Record]:
        """The records of these objects; absent ones are left out."""

    async def known(self, record_keys: Collection[RecordKey]) -> KnownRecords:
        """The records of these objects, whatever destinations they are of; absent ones are left out."""

    async def keys(
        self,
        destinations: Collection[str],
        stream: Stream,
        after: RecordKey | None = None,
        limit: int = 1000,
    ) -> list[RecordKey]:
        """Keys of these destinations' records in the scope of a stream (its type; its namespace if it has
        one), sorted."""

    async def some_records(self, destination: str, after: ObjectKey | None, limit: int) -> list[Record]:
        """Records of a destination behind a key, by key, without `content` (left empty)."""

    async def paths(self, destination: str) -> set[str]:
        """The paths of all records of a destination."""

    async def position(self, stream: Stream) -> tuple[str, str]:
        """(resourceVersion, coverage) up to which the stream is in the journal; ("", "") at first."""

    async def forget_destination(self, destination: str) -> None:
        """The destination is a new place: drop its records, its pending entries, its head and all
        positions (every stream lists again)."""

    async def rename_destinations(self, names: Mapping[str, str]) -> None:
        """Destinations have other names (old -> new): all that is stored of each goes along."""

    async def get_setting(self, name: str) -> str:
        """A small text stored under a name, for example where a destination is; empty at first."""

    async def get_settings(self, prefix: str) -> dict[str, str]:
        """All texts whose names begin so."""

    async def set_setting(self, name: str, value: str) -> None:
        """Store a small text under a name."""

    async def standing(self) -> Standing:
        """How far everything has come; all of it read at one moment."""

    async def sealed(self) -> dict[str, dict[str, SealedFile]]:
        """Destination -> path -> what tells that the file recorded there is an encrypted document."""

    async def selected_by_lost_labels(self) -> set[tuple[str, str]]:
        """(cluster, full name) of types of which some object's file lacks a label that selects the object."""

    async def begin_anew(self, positions: Mapping[str, tuple[str, str]], settings: Mapping[str, str]) -> None:
        """Forget everything, in one transaction, and go on under a new id from what another journal told.

        `positions`: stream id -> (resourceVersion, coverage). Numbers of entries go on rising.
        """

    async def backlog(self, destination: str) -> Backlog:
        """How far the destination lags behind."""

    async def backlogs(self, destinations: Iterable[str]) -> Mapping[str, Backlog]:
        """How far each of these destinations lags behind, in one reading."""

    async def shrink(self) -> None:
        """Give the room back that entries took, a part at a time; nothing while entries are pending."""


HISTORIES = "history/"


def cluster_uid_setting(cluster: str) -> str:
    """Name of the setting with the uid of the cluster that the positions are of."""
    return f"uid/{cluster}"


def history_settings(started: StartedOver) -> dict[str, str]:
    """Since when the history of a type is another one, as settings."""
    type_ = started.stream.type
    return {_name(started.stream.cluster, type_.group, type_.resource): str(started.seen_at)}


def joinable(fact: Fact, arrived_at: float, histories: Mapping[str, str]) -> bool:
    """Whether a fact is of the history of today; `histories` are all settings that begin with HISTORIES."""
    return arrived_at > float(histories.get(_name(fact.cluster, fact.group, fact.resource), 0))


def _name(cluster: str, group: str, resource: str) -> str:
    return f"{HISTORIES}{cluster}/{group}/{resource}"
