"""Tells writes that were replayed already from new ones.

Of each object the newest replayed write is known, and a write that is not newer is skipped. Two writes that
are close in time are ordered by their versions, whichever API server logged them. Writes further apart are
ordered by time, since versions go back when etcd is restored from a backup. The same knowledge is in the
journal and, as the trailer `Reverser-Audit`, in the branch: either one is enough to continue from.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import msgspec

from reverser.model.attribution import bounded
from reverser.replay.write import MICROSECONDS, EmptiedNamespace, Form, Gap, LogRecord, Write
from reverser.text import visible

NEAR = 600 * MICROSECONDS
"""Writes that are further apart are ordered by time alone. Clocks of API servers differ by less."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TRAILER = re.compile(
    r"\S+; kind=(?P<kind>\S*); uid=(?P<uid>\S*); version=(?P<version>\d{1,18}); at=(?P<at>[0-9T:.+-]+Z)"
    r"(?P<gone>; gone)?(?:; path=(?P<path>[^; ]*))?; object=(?P<object>.+)",
    re.ASCII,
)


class NewestWrite(msgspec.Struct, frozen=True):
    """The newest replayed write of an object."""

    at: int
    """Microseconds since 1970."""
    version: int = 0
    uid: str = ""
    former: str = ""
    """The uid of the object that had the name before."""
    removed: bool = msgspec.field(name="gone", default=False)
    """In the journal `gone`."""
    others: tuple[str, ...] = ()
    """Users whose writes since then could not be replayed."""
    marks: tuple[str, ...] = ()
    """See `replay.missing_writes`."""


def object_id(namespace: str, type_name: str, name: str) -> str:
    """Names an object in journal and trailer: `shop/deployments.apps/web`."""
    return visible(f"{namespace or '_cluster'}/{type_name}/{name}")


def object_id_of(record: LogRecord) -> str:
    """The place of the object that a write is of; of a namespace, one that no object has."""
    if isinstance(record, EmptiedNamespace):
        return object_id(record.namespace, "", "")
    return object_id(record.namespace, record.type.name, record.name)


def known(seen: NewestWrite | None, write: Write | Gap) -> bool:
    """Whether the write was replayed already."""
    return seen is not None and _known(seen, _seen(write))


def after(seen: NewestWrite | None, write: Write) -> NewestWrite:
    """The newest write after this one was replayed."""
    newest = _after(seen, _seen(write))
    partial = seen is not None and write.form in (Form.PATCH, Form.REPLICAS)
    return msgspec.structs.replace(newest, others=seen.others) if seen and partial else newest


def later(seen: NewestWrite | None, other: NewestWrite) -> NewestWrite:
    """The newest write after reading a commit of the branch."""
    return seen if seen is not None and _known(seen, other) else _after(seen, other)


def _seen(write: Write | Gap) -> NewestWrite:
    removed = isinstance(write, Write) and write.form is Form.REMOVED
    return NewestWrite(write.at, write.version, write.uid, removed=removed)


def _known(seen: NewestWrite, other: NewestWrite) -> bool:
    if other.uid and (other.uid == seen.former or (seen.removed and other.uid == seen.uid)):
        return True
    if not (other.version and seen.version) or abs(other.at - seen.at) > NEAR:
        return other.at <= seen.at
    ends = other.removed and not seen.removed
    return other.version < seen.version if ends else other.version <= seen.version


def _after(seen: NewestWrite | None, other: NewestWrite) -> NewestWrite:
    if seen is None:
        return other
    uid = other.uid or seen.uid
    former = seen.uid if seen.uid not in ("", uid) else seen.former
    version = other.version or (seen.version if other.at - seen.at <= NEAR else 0)
    return NewestWrite(max(other.at, seen.at), version, uid, former, other.removed)


def trailer(write: Write, kind: str, path: str = "") -> str:
    """The value of `Reverser-Audit`: the audit event, and which write of which object it was.

    `path` is the destination's: what one destination knows, another one in the same branch does not.
    """
    at = (EPOCH + timedelta(microseconds=write.at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    audit_id = "".join(bounded(write.audit_id).split()) or "-"
    kind = "".join(kind.split())
    removed = "; gone" if write.form is Form.REMOVED else ""
    known_as = f"kind={kind}; uid={write.uid}; version={write.version}; at={at}{removed}"
    return f"{audit_id}; {known_as}; path={quote(path)}; object={object_id_of(write)}"


def trailer_path(value: str) -> str | None:
    """The destination's path in a trailer; None where an earlier release left it out, or for no trailer."""
    match = _TRAILER.fullmatch(value)
    return None if match is None or match["path"] is None else unquote(match["path"])


def parse_trailer(value: str) -> tuple[str, str, NewestWrite] | None:
    """(object, kind, what was seen of it); None for what is no trailer of ours."""
    match = _TRAILER.fullmatch(value)
    if match is None:
        return None
    try:
        at = round((datetime.fromisoformat(match["at"]) - EPOCH) / timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None
    seen = NewestWrite(at, int(match["version"]), match["uid"], removed=bool(match["gone"]))
    return match["object"], match["kind"], seen
