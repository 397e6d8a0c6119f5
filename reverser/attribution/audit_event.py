"""One event of `audit.k8s.io/v1`: the parts of it that describe a write.

The bodies stay raw until a part of them is needed. A user can send a patch with half a surrogate pair, or
with a field of a thousand levels that the API server prunes; the event repeats both. Such a text is mended
and such a field cut, so that nobody can make his own event unreadable. Of an event that still cannot be
read, `audit_unreadable` finds the object.

The parameters of the request are read as the API server reads them, by the rules of Go's `url.ParseQuery`: a
pair with a semicolon or a wrong escape is left out, there are no fragments, and of a repeated parameter the
first counts, even an empty one. Else a client could name a field manager here that the API server did not
see, and rule its own request out.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

import msgspec

from reverser.attribution.payloads import (
    ABSENT,
    ObjectHead,
    ObjectMetadata,
    UndecodableError,
    UserInfo,
    read,
    read_or,
)
from reverser.model.nesting import shallow

_WRONG = re.compile(r";|%(?![0-9a-fA-F]{2})")


def parameters(request_uri: str) -> dict[str, str]:
    """Name -> value."""
    values: dict[str, str] = {}
    for pair in request_uri.partition("?")[2].split("&"):
        if pair and not _WRONG.search(pair):
            name, _, value = pair.partition("=")
            values.setdefault(unquote_plus(name), unquote_plus(value))
    return values


API_VERSION = "audit.k8s.io/v1"
TRUNCATED = "audit.k8s.io/truncated"

_ESCAPE = re.compile(r"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|(?P<half>u[dD][89a-fA-F][0-9a-fA-F]{2})|.)", re.DOTALL)  # fmt: skip  # noqa: E501


class ObjectReference(msgspec.Struct, frozen=True, rename="camel"):
    """The object of the request. A create with `generateName` has no name here."""

    resource: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    api_group: str = ""
    resource_version: str = ""
    """The one in the request's own body, where it is an object."""
    subresource: str = ""


class Details(msgspec.Struct, frozen=True):
    """Of a deletion that is answered by a Status, at every level: what was deleted."""

    uid: str = ""


class ResponseStatus(msgspec.Struct, frozen=True):
    """How the request ended."""

    code: int = 0
    message: str = ""
    details: Details | None = None


class AuditEvent(msgspec.Struct, frozen=True, rename="camel"):
    """A request at one stage."""

    audit_id: str = msgspec.field(name="auditID")
    stage: str
    verb: str
    level: str = ""
    request_uri: str = msgspec.field(name="requestURI", default="")
    user: UserInfo = UserInfo()
    impersonated_user: UserInfo | None = None
    user_agent: str = ""
    object_ref: ObjectReference | None = None
    response_status: ResponseStatus | None = None
    request_object: msgspec.Raw = ABSENT
    response_object: msgspec.Raw = ABSENT
    request_received_timestamp: str = ""
    stage_timestamp: str = ""
    annotations: dict[str, str] | None = None

    @property
    def truncated(self) -> bool:
        """Whether the API server left the bodies out because they were too large."""
        return (self.annotations or {}).get(TRUNCATED) == "true"

    @property
    def code(self) -> int:
        """The status of the response; 0 when there is none."""
        return self.response_status.code if self.response_status else 0

    @property
    def deleted_uid(self) -> str:
        """What was deleted, where a Status says so."""
        status = self.response_status
        return status.details.uid if status and status.details else ""

    @property
    def query(self) -> dict[str, str]:
        """The parameters of the request; of a repeated one the first."""
        return parameters(self.request_uri)


class _Row(msgspec.Struct, frozen=True):
    object: ObjectHead = ObjectHead()


class _Table(msgspec.Struct, frozen=True):
    rows: list[_Row] | None = None


class _List(msgspec.Struct, frozen=True):
    items: list[ObjectHead] | None = None


def decode_event(raw: bytes | msgspec.Raw) -> AuditEvent:
    """One event, for example a line of an audit log. Raises UndecodableError, and nothing else."""
    try:
        return read(raw, AuditEvent)
    except UndecodableError:
        return read(shallow(mended(bytes(raw))), AuditEvent)


def stored_metadata(event: AuditEvent) -> ObjectMetadata:
    """Metadata of the object as stored after the request; empty when the response was not recorded.

    A client may ask for its answer as a Table.
    """
    head = read_or(event.response_object, ObjectHead, ObjectHead())
    if head.kind == "Table":
        rows = read_or(event.response_object, _Table, _Table()).rows or []
        return rows[0].object.metadata if len(rows) == 1 else ObjectMetadata()
    return head.metadata if head.kind != "Status" else ObjectMetadata()


def items_of(event: AuditEvent) -> list[ObjectHead] | None:
    """What a collection's response names; None when it was not recorded."""
    head = read_or(event.response_object, ObjectHead, ObjectHead())
    if head.kind == "Table":
        table = read_or(event.response_object, _Table, None)
        return None if table is None else [row.object for row in table.rows or ()]
    answer = read_or(event.response_object, _List, None) if head.kind.endswith("List") else None
    return None if answer is None else answer.items or []


def collected(event: AuditEvent) -> frozenset[str] | None:
    """The uids of a collection's response, which may be none; None when it was not recorded."""
    heads = items_of(event)
    return None if heads is None else frozenset(each.metadata.uid for each in heads if each.metadata.uid)


def mended(raw: bytes) -> bytes:
    """The text with a mark for each half of a surrogate pair, and for bytes that are no UTF-8."""
    text = raw.decode("utf-8", "replace")
    return _ESCAPE.sub(lambda match: "\\ufffd" if match["half"] else match[0], text).encode()
