"""What one change means for one destination: an edit with its attribution, durable in the journal.

`Entry` is what the journal keeps until it is pushed, numbered by `seq`. `Record` is what it keeps about each
object that has a file: enough to tell change from noise, to sweep, and to move files. `Decision` is what
was decided of a change: an entry with the record that goes with it, an object to withhold, or nothing.

Where a destination encrypts by SOPS, a decision has the document in clear (`Clear`), an `Encrypter` makes the
file of it, and the record keeps that (`Sealed`).
"""

from __future__ import annotations

import hashlib
from typing import Any, Literal, Protocol, TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.model.attribution import UNRESOLVED, Attribution
from reverser.model.change import Operation, Origin
from reverser.model.condition import Suspicion, Withheld
from reverser.model.observed_write import ObservedWrite
from reverser.model.resource import ObjectKey
from reverser.model.rule import Actors

Mark: TypeAlias = Literal["", "anew", "absent"]
"""Empty: the file is, or will be, as recorded. Else the next event is decided anew: `anew`, the file is
another one; `absent`, the object has no file of ours."""


ANY = "*"
"""In the place of a field's path: every field of the object."""
UNSEEN = b"null"
"""In the place of `Record.latest`: a version of the object was not looked at."""


class Along(msgspec.Struct, frozen=True):
    """A field that others had written before, and that reaches Git with a change."""

    path: str
    """As in `Entry.changes`, with all that is below it; `*` for every field."""
    line: str = ""
    """What the commit's body says of it. Never a value of a Secret."""


class Edit(msgspec.Struct, frozen=True):
    """One file to write (`content` is bytes) or to remove (`content` is None)."""

    path: str
    """Relative to the repository's root, proven to be inside the destination's root."""
    content: bytes | None

    @property
    def size(self) -> int:
        """Bytes of content that are held in memory."""
        return len(self.content or b"")


class Entry(msgspec.Struct, frozen=True):
    """One accepted change on its way to Git. Holds sanitized and rendered bytes only."""

    destination: str
    key: ObjectKey
    api_version: str
    kind: str
    operation: Operation
    origin: Origin
    edit: Edit
    changed_at: float
    """Unix seconds: the newest managedFields time, else when the change was seen."""
    changes: tuple[str, ...] = ()
    """What the author changed, one field path a line, for the commit's body. Never a value of a Secret."""
    attribution: Attribution = UNRESOLVED
    previous_path: str = ""
    """Where the object's file was until now, when the layout moved it: removed in the same commit."""
    reason: str = ""
    """Why the file goes though the object lives: for example `no longer selected`."""
    actors: tuple[Actors, ...] = ()
    """What the selecting rules say of who writes; empty when one of them takes everybody's writes."""
    subject: ObservedWrite | None = None
    """What facts are joined with; None where nobody is asked who it was."""
    waits_until: float = 0.0
    """Unix seconds: until then its author may yet be told, and it has no commit. 0: it is final."""
    audit: str = ""
    """Of a replayed audit event: which write of the object it was (`replay.known_writes`)."""
    seq: int = 0
    """Given by the journal; rising, never used twice. 0 before `append`."""
    appended_at: float = 0.0
    """Unix seconds, given by the journal."""
    fields: tuple[str, ...] = ()
    """The paths of all that the author changed; `*` alone when it may be any field."""
    along: tuple[Along, ...] = ()
    """What others had changed since the object's last commit, and is still so."""
    version: str = ""
    """The resourceVersion that the change gave the object, or of the list that lacks it."""
    sealed: str = ""
    """`Sealed.fingerprint` of the document, hexadecimal; empty where nothing is encrypted."""


class Record(msgspec.Struct, frozen=True):
    """What the journal knows about one object that has a file in one destination."""

    destination: str
    key: ObjectKey
    path: str
    digest: bytes
    """Keyed digest of the rendered bytes."""
    content: bytes
    """The sanitized content as JSON: what the file says."""
    sealed: Sealed | None = None
    """Of a document that the destination encrypts."""
    mark: Mark = ""
    """Whether the file is as recorded."""
    selectors: tuple[str, ...] = ()
    """Selectors of rules that the object's labels fulfilled and those of the document alone do not: the
    sanitizer strips some labels."""
    latest: bytes = b""
    """The sanitized content as it was seen last, as JSON, where it differs from `content` and made no commit:
    the left side of the next change's field list. Empty: as `content`; `null`: a version was not seen."""


class Append(msgspec.Struct):
    """One transaction of the journal: all of it becomes durable, or nothing."""

    entries: list[Entry] = []
    records: list[Record] = []
    """Written or replaced."""
    forgotten: list[tuple[str, ObjectKey]] = []
    """(destination, key) of records to drop."""
    withheld: list[Withheld] = []
    """Shown until a record of the same object is written or forgotten."""
    dropped: list[int] = []
    """`seq` of pending entries that need no commit any more."""
    relist: bool = False
    """Drop all positions, so that every stream lists again, after a crash too."""
    positions: dict[str, str] = {}
    """Stream id -> resourceVersion up to which everything is in the journal."""
    coverages: dict[str, str] = {}
    """Stream id -> fingerprint of the selection its position is valid for."""
    settings: dict[str, str] = {}
    """Small texts under their names; an empty one is dropped."""
    listing: str = ""
    """A list that is complete: what was staged of it (`Journal.stage`) comes before everything else here."""
    marks: dict[tuple[str, ObjectKey], Mark] = {}
    """(destination, key) of records whose files are not as recorded."""
    restored: list[tuple[Entry, bytes]] = []
    """(entry, digest): appended like the others, but only while the object's record has this digest."""


class Outcome(msgspec.Struct, frozen=True):
    """What one object of a list means for one destination."""

    destination: str
    key: ObjectKey
    entry: Entry
    record: Record | None
    """What the journal will know of the object; None: it has no file any more."""


class Staged(msgspec.Struct, frozen=True):
    """One addition to what a list has brought: nothing of it counts before the list is complete."""

    void: tuple[ObjectKey, ...] = ()
    """Objects of which nothing counts any more that was put aside before."""
    outcomes: tuple[Outcome, ...] = ()


RecordKey: TypeAlias = tuple[str, ObjectKey]
"""(destination, key): an object, as one destination has it."""
KnownRecords: TypeAlias = dict[RecordKey, Record]
"""What the journal knows of some objects."""


Result: TypeAlias = Literal["written", "removed", "unchanged", "unselected", "excluded", "withheld"]


class Decision(msgspec.Struct, frozen=True):
    """What one change means for one destination."""

    result: Result
    entry: Entry | None = None
    record: Record | None = None
    """Replaces what the journal knows of the object; None leaves it as it is."""
    forget: bool = False
    """The object has no file any more."""
    withheld: Withheld | None = None
    suspicions: tuple[Suspicion, ...] | None = None
    """What in the file looks like a secret; None: whatever was known of it still holds."""
    clear: Clear | None = None
    """What `encrypted` makes the file of; until then entry and record hold the values as digests."""


def withhold(destination: str, key: ObjectKey, error: WithheldError, at: float) -> Decision:
    """The object is withheld, for the reason of the error."""
    return Decision("withheld", withheld=Withheld(destination, key, error.reason, error.message, at))


def digest(content: bytes, key: bytes) -> bytes:
    """Keyed, since content may be worth guessing at."""
    return hashlib.blake2b(content, key=key, digest_size=16).digest()


def encrypted(decision: Decision, file: bytes, key: bytes) -> Decision:
    """The decision with the encrypted file in place of the values."""
    entry, record = decision.entry, decision.record
    if entry is None or record is None or record.sealed is None:
        return decision
    entry = msgspec.structs.replace(entry, edit=Edit(entry.edit.path, file))
    sealed = Sealed(record.sealed.fingerprint, file)
    record = msgspec.structs.replace(record, digest=digest(file, key), sealed=sealed)
    return msgspec.structs.replace(decision, entry=entry, record=record, clear=None)


class Clear(msgspec.Struct, frozen=True):
    """A document with its values, for the one who encrypts it and nobody else.

    Held in memory only: no struct that is stored, shown or handed to a plugin has a field for it.
    """

    content: dict[str, Any]
    keys: tuple[str, ...]
    """Names of the fields whose values are encrypted, wherever they stand."""

    def __repr__(self) -> str:
        return "Clear(…)"


class Sealed(msgspec.Struct, frozen=True):
    """Kept of a document that a destination encrypts: encrypting it again would make another file."""

    fingerprint: bytes
    """Keyed digest of the document with its values, and of the recipients."""
    content: bytes
    """The encrypted file; empty when the document has no value to encrypt, and is written as it is."""


RECIPIENTS_IN_FILES = {"age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "key_groups"}
"""Where SOPS notes for whom it encrypted."""
METADATA = "sops"
"""The field that SOPS adds, and that a document must not have already."""


def is_sealed(content: dict[str, Any]) -> bool:
    """Whether a document is one that SOPS has encrypted for somebody."""
    metadata = content.get(METADATA)
    return isinstance(metadata, dict) and "mac" in metadata and bool(metadata.keys() & RECIPIENTS_IN_FILES)


class Encrypter(Protocol):
    """Encrypts documents for the recipients of one destination."""

    async def encrypt(self, clear: Clear) -> bytes:
        """The encrypted file.

        Raises WithheldError when it is for this document alone, StalledError or TransientError when
        no other could be encrypted either. No error ever shows a value.
        """

    async def probe(self) -> None:
        """Return when a document could be encrypted now. Raises StalledError or TransientError."""
