"""What may be an answer of each hook; anything else counts as a failure of the plugin. Pure.

A type alone says little: a message may hold a generator, a text half a character, and both would fail
where nobody knows any more whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import msgspec

from reverser.model.message import Message

Fault: TypeAlias = Callable[[Any], str]
"""What is wrong with an answer other than None; "" when nothing is. Quotes nothing of it."""

AUTHOR = re.compile(r"[^<>\x00-\x1f\x7f\ud800-\udfff]{1,200} <[^<>\s\x00-\x1f\x7f\ud800-\udfff]{1,200}>")
MessageParts: TypeAlias = tuple[str, tuple[str, ...], tuple[tuple[str, str], ...]]
TEXT_MOST = 4096
MESSAGE_MOST = 64 * 1024
COMPANIONS_MOST = 32 * 1024 * 1024
"""Characters."""


def text(answer: Any, most: int = TEXT_MOST) -> str:
    """A reason, a path."""
    if not isinstance(answer, str):
        return _wrong_type(answer)
    if len(answer) > most:
        return f"answered with more than {most} characters"
    try:
        answer.encode()
    except UnicodeEncodeError:
        return "answered with half of a surrogate pair"
    return ""


def author(answer: Any) -> str:
    """`Name <email>`."""
    if not isinstance(answer, str):
        return _wrong_type(answer)
    return "" if AUTHOR.fullmatch(answer) else "answered with something other than `Name <email>`"


def content(answer: Any) -> str:
    """What is in it, `guard` looks at."""
    return "" if isinstance(answer, dict) else _wrong_type(answer)


def message(answer: Any) -> str:
    """A message whose parts are texts."""
    if not isinstance(answer, Message):
        return _wrong_type(answer)
    subject, body, trailers = parts = answer.subject, answer.body, answer.trailers
    try:
        msgspec.convert(parts, MessageParts)
    except msgspec.ValidationError:
        return "answered with a Message that holds something other than texts"
    size = len(subject) + sum(map(len, body)) + sum(len(value) for _, value in trailers)
    return "" if size <= MESSAGE_MOST else f"answered with a Message of more than {MESSAGE_MOST} characters"


def companions(answer: Any) -> str:
    """Path -> text, or None."""
    if not isinstance(answer, dict):
        return _wrong_type(answer)
    room = COMPANIONS_MOST
    for path, written in answer.items():
        if fault := text(path) or (text(written, room) if written is not None else ""):
            return fault
        room -= len(written or "")
    return ""


def _wrong_type(answer: Any) -> str:
    return f"answered with {type(answer).__name__}"


FAULTS: dict[str, Fault] = {
    "reverser_exclude_type": text,
    "reverser_select": text,
    "reverser_sanitize": content,
    "reverser_layout": text,
    "reverser_identity": author,
    "reverser_message": message,
    "reverser_companions": companions,
}
"""By hook."""
