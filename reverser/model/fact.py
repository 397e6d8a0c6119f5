"""What the API server told about one request: who asked for what, on which version of the object.

A fact is evidence, not yet an attribution: the request may have lost a race, changed nothing, or
been refused by somebody else after we saw it. It holds no body, only a keyed digest of the
content.
"""

from __future__ import annotations

import enum
import hashlib

import msgspec

from reverser.model.attribution import Actor
from reverser.model.change import Operation

FACT_SECONDS = 600.0
MOST_FACTS = 100_000
"""How long after its arrival a fact may still join a change, and how many are held."""


class Source(enum.Enum):
    """Which webhook brought the fact."""

    ADMISSION = "admission"
    """Asked before the request is stored: it may still fail, lose or be retried."""
    AUDIT = "audit"
    """Told after the response: the request succeeded, though it may have changed nothing."""


class Fact(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One request that may have made a change, seen from one side."""

    id: str
    """Admission: the request's uid, which the API server makes; audit: `auditID/stage`, which a client may
    choose. What makes repeats harmless is `identity`."""
    cluster: str
    source: Source
    group: str
    resource: str
    """Lower-case plural, without a subresource."""
    subresource: str = ""
    """`scale`, `resize`, …; facts about `status` are refused, since a status is no content."""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    """The object's; empty only for a collection."""
    operation: Operation
    """Audit: a response code of 201 is a CREATE, whatever the verb (server-side apply patches)."""
    previous_version: str = ""
    """Admission UPDATE and DELETE: the resourceVersion stored before. Audit: the one that the request's own
    body names, where it does; equal to `version`, the request changed nothing."""
    version: str = ""
    """Audit: the resourceVersion of the response's object; empty for a deletion answered by a Status."""
    digest: bytes = b""
    """Keyed, of the content; empty: not comparable (a subresource, another served version, a body
    that is too large). Deletions need none."""
    replicas: int | None = None
    """`spec.replicas` of a Scale body."""
    manager: str = ""
    """The request's field manager, where it is known for certain; empty rules nothing out."""
    applied: bool | None = None
    """Audit: False when it is certain that it was no server-side apply; None: not known."""
    restamps: bool = False
    """The request may have written managed fields itself: the object's stamps do not rule it out."""
    actor: Actor
    """The effective user: with impersonation, the one who is impersonated."""
    impersonator: str = ""
    """Audit: the user behind an impersonation."""
    user_agent: str = ""
    at: float
    """Unix seconds. Admission: when the call came, by our clock; audit: when the API server received it."""
    completed_at: float = 0.0
    """Audit: when the API server had answered, by its clock; 0: not known."""
    clock: str = ""
    """Audit: whose times these are; those of one clock can be compared exactly. Empty: not known."""
    owners: tuple[str, ...] = ()
    """Admission DELETE: the uids in the object's ownerReferences."""
    dry_run: bool = False
    code: int = 200
    """Audit: the response's status."""
    collection: bool = False
    """Audit: a `deletecollection`; `namespace` (empty: all) and `selector` tell of what."""
    uids: frozenset[str] = frozenset()
    """Collection: the objects of the response; empty: the response was not recorded."""
    selector: str = ""
    """Collection: the label selector, in kubectl's syntax; empty: everything."""
    gap: bool = False
    """Audit: something was written, and the event does not tell which version it made. It names nobody, and
    whoever may only have repeated that write is in doubt."""

    @property
    def identity(self) -> str:
        """By what a fact is known: equal when the same event is told again, over whatever connection.

        Nothing that a client chooses can make two requests one: it is all that counts of the request. A
        journal keeps facts under it: who changes it must migrate them (`reverser.journal.schema`).
        """
        if self.source is Source.ADMISSION:
            return self.id
        where = (self.group, self.resource, self.subresource, self.namespace, self.name, self.uid)
        what = (self.operation, self.previous_version, self.version, self.code, self.selector)
        who = (self.actor.name, self.impersonator, self.at, self.completed_at)
        packed = msgspec.msgpack.encode((self.id, *where, *what, *who, sorted(self.uids)))
        return hashlib.blake2b(packed, digest_size=16).hexdigest()
