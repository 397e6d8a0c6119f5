"""Tells writes that were replayed already from new ones.

Of each object the newest write that was taken is known. A write that is not newer is skipped. Two writes that
are near each other in time are ordered by their versions, whichever API server logged them. Writes further
apart are ordered by time, since versions go back when etcd is restored from a backup. The same knowledge is
in the journal and, as the trailer `Reverser-Audit`, in the branch: either one is enough to continue from.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import msgspec

from reverser.model.attribution import bounded
from reverser.replay.write import MICROSECONDS, Emptied, Form, Gap, Told, Write
from reverser.text import visible

NEAR = 600 * MICROSECONDS
"""Writes that are further apart are told apart by time alone. Clocks of API servers differ by less."""
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_TRAILER = re.compile(
    r"\S+; kind=(?P<kind>\S*); uid=(?P<uid>\S*); version=(?P<version>\d{1,18}); at=(?P<at>[0-9T:.+-]+Z)"
    r"(?P<gone>; gone)?(?:; path=(?P<path>[^; ]*))?; object=(?P<object>.+)",
    re.ASCII,
)


class Seen(msgspec.Struct, frozen=True):
    """The newest write of an object that was taken."""

    at: int
    """Microseconds since 1970."""
    version: int = 0
    uid: str = ""
    former: str = ""
    """The uid of the object that had the name before."""
    gone: bool = False
    others: tuple[str, ...] = ()
    """Users whose writes since then could not be replayed."""
    marks: tuple[str, ...] = ()
    """See `replay.missing_writes`."""


def place(namespace: str, type_name: str, name: str) -> str:
    """Names an object in journal and trailer: `shop/deployments.apps/web`."""
    return visible(f"{namespace or '_cluster'}/{type_name}/{name}")


def place_of(told: Told) -> str:
    """The place of the object that a write is of; of a namespace, one that no object has."""
    if isinstance(told, Emptied):
        return place(told.namespace, "", "")
    return place(told.namespace, told.type.name, told.name)


def known(seen: Seen | None, write: Write | Gap) -> bool:
    """Whether the write was taken already."""
    return seen is not None and _known(seen, _told(write))


def after(seen: Seen | None, write: Write) -> Seen:
    """The knowledge after taking a write."""
    found = _after(seen, _told(write))
    partial = seen is not None and write.form in (Form.PATCH, Form.REPLICAS)
    return msgspec.structs.replace(found, others=seen.others) if seen and partial else found


def later(seen: Seen | None, told: Seen) -> Seen:
    """The knowledge after reading a commit of the branch."""
    return seen if seen is not None and _known(seen, told) else _after(seen, told)


def _told(write: Write | Gap) -> Seen:
    gone = isinstance(write, Write) and write.form is Form.GONE
    return Seen(write.at, write.version, write.uid, gone=gone)


def _known(seen: Seen, told: Seen) -> bool:
    if told.uid and (told.uid == seen.former or (seen.gone and told.uid == seen.uid)):
        return True
    if not (told.version and seen.version) or abs(told.at - seen.at) > NEAR:
        return told.at <= seen.at
    ends = told.gone and not seen.gone
    return told.version < seen.version if ends else told.version <= seen.version


def _after(seen: Seen | None, told: Seen) -> Seen:
    if seen is None:
        return told
    uid = told.uid or seen.uid
    former = seen.uid if seen.uid not in ("", uid) else seen.former
    version = told.version or (seen.version if told.at - seen.at <= NEAR else 0)
    return Seen(max(told.at, seen.at), version, uid, former, told.gone)


def trailer(write: Write, kind: str, path: str = "") -> str:
    """The value of `Reverser-Audit`: the audit event, and which write of which object it was.

    `path` is the destination's: what one destination knows, another one in the same branch does not.
    """
    at = (EPOCH + timedelta(microseconds=write.at)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    audit_id = "".join(bounded(write.audit_id).split()) or "-"
    kind = "".join(kind.split())
    gone = "; gone" if write.form is Form.GONE else ""
    known_as = f"kind={kind}; uid={write.uid}; version={write.version}; at={at}{gone}"
    return f"{audit_id}; {known_as}; path={quote(path)}; object={place_of(write)}"


def trailer_path(value: str) -> str | None:
    """The destination's path in a trailer; None where an earlier release left it out, or for no trailer."""
    found = _TRAILER.fullmatch(value)
    return None if found is None or found["path"] is None else unquote(found["path"])


def parse_trailer(value: str) -> tuple[str, str, Seen] | None:
    """(object, kind, what was seen of it); None for what is no trailer of ours."""
    found = _TRAILER.fullmatch(value)
    if found is None:
        return None
    try:
        at = round((datetime.fromisoformat(found["at"]) - EPOCH) / timedelta(microseconds=1))
    except (ValueError, OverflowError):
        return None
    seen = Seen(at, int(found["version"]), found["uid"], gone=bool(found["gone"]))
    return found["object"], found["kind"], seen
