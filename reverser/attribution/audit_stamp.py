"""What a request will have left in the object's managed fields, as far as its audit event tells.

The API server stamps each write with a field manager, the way (an apply, or any other) and the second. So
a stamp that is not a request's says that somebody else wrote. But a body may hold managed fields, too, and
the API server takes them for a start: whoever sends some is not ruled out by what the object then says.
"""

from __future__ import annotations

from reverser.attribution.audit_event import Event
from reverser.attribution.payloads import Head, read_or

MANAGER_MOST = 128
"""Bytes of a field manager."""
WORD, ESCAPE = b"managedFields", b"\\u00"


def manager(event: Event) -> str:
    """The field manager; empty when it is not known for certain.

    Without one the API server takes the user agent up to the first slash, what is printable of it.
    """
    given = event.query.get("fieldManager", "")
    if given:
        return given
    program = event.user_agent.partition("/")[0]
    return program[:MANAGER_MOST] if program.isascii() and program.isprintable() else ""


def applied(event: Event) -> bool | None:
    """False when it was no server-side apply: that has a patch with a kind, and says its manager."""
    if event.verb != "patch" or not event.query.get("fieldManager"):
        return False
    return None if read_or(event.request_object, Head, Head()).kind else False


def restamps(event: Event) -> bool:
    """Whether the request's body may have changed managed fields: it names them, or is a list of operations.

    An operation may copy a map that holds them, an escape may spell their name.
    """
    body = bytes(event.request_object).strip()
    return body.startswith(b"[") or WORD in body or ESCAPE in body
