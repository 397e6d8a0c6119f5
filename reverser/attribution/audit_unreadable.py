"""Reads from a broken audit event which object it is about, and who asked for what.

An API server writes all of this before the bodies, and the times after them. Quotes inside a text are
escaped, so a user cannot put another object's name there. What remains is an event without level and bodies:
it says that something changed, but not into what.
"""

from __future__ import annotations

import re

import msgspec

from reverser.attribution.audit_event import AuditEvent, ObjectReference, ResponseStatus, mended
from reverser.attribution.payloads import UserInfo, read_or

UNREADABLE = ""
"""The level of such an event."""
DONE = ResponseStatus(200)
"""The answer that is assumed where it cannot be read."""

_REFERENCE = re.compile(rb'"objectRef":\s*(\{[^{}]*\})')
_TEXT = rb'"%s":\s*"([^"\\]*)"'
_TEXTS = {name: re.compile(_TEXT % name) for name in (b"auditID", b"stage", b"verb", b"requestURI")}
_USERS = {
    name: re.compile(rb'"%s":\s*\{\s*"username":\s*("(?:[^"\\]|\\.)*+")' % name)
    for name in (b"user", b"impersonatedUser")
}
_STATUS, _CODE = b'"responseStatus":', re.compile(rb'"code":\s*(\d{3})\b')
_TIMES = {name: re.compile(_TEXT % name) for name in (b"requestReceivedTimestamp", b"stageTimestamp")}
_BODIES = re.compile(rb'"(?:requestObject|responseObject)":')


def remains(raw: bytes | msgspec.Raw) -> AuditEvent | None:
    """The readable rest of the event; None when not even its object can be read."""
    text = mended(bytes(raw))
    bodies = _BODIES.search(text)
    head = text[: bodies.start()] if bodies else text
    reference = _REFERENCE.search(head)
    ref = read_or(reference[1], ObjectReference, None) if reference else None
    texts = {name: _text(pattern, head) for name, pattern in _TEXTS.items()}
    if ref is None or not texts[b"verb"]:
        return None
    answer = _CODE.search(head, head.find(_STATUS)) if _STATUS in head else None
    return AuditEvent(
        audit_id=texts[b"auditID"],
        stage=texts[b"stage"],
        verb=texts[b"verb"],
        level=UNREADABLE,
        request_uri=texts[b"requestURI"],
        user=_user(b"user", head) or UserInfo(),
        impersonated_user=_user(b"impersonatedUser", head),
        object_ref=ref,
        response_status=ResponseStatus(int(answer[1])) if answer else DONE,
        request_received_timestamp=_time(b"requestReceivedTimestamp", text),
        stage_timestamp=_time(b"stageTimestamp", text),
    )


def _text(pattern: re.Pattern[bytes], text: bytes) -> str:
    match = pattern.search(text)
    return match[1].decode() if match else ""


def _time(name: bytes, text: bytes) -> str:
    """The last one of this name: a body may hold some, too."""
    start = text.rfind(b'"%s":' % name)
    return _text(_TIMES[name], text[start:]) if start >= 0 else ""


def _user(name: bytes, text: bytes) -> UserInfo | None:
    match = _USERS[name].search(text)
    return UserInfo(read_or(match[1], str, "")) if match else None
