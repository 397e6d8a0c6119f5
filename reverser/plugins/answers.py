"""What may be an answer of each hook; anything else counts as a failure of the plugin. Pure.

A type alone says little: a message may hold a generator, a text half a character, and both would fail
where nobody knows any more whose they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, TypeAlias

from reverser.model.message import Message

Fault: TypeAlias = Callable[[Any], str]
"""What is wrong with an answer other than None; "" when nothing is. Quotes nothing of it."""

AUTHOR = re.compile(r"[^<>\x00-\x1f\x7f\ud800-\udfff]{1,200} <[^<>\s\x00-\x1f\x7f\ud800-\udfff]{1,200}>")
TEXT_MOST = 4096
MESSAGE_MOST = 64 * 1024
COMPANIONS_MOST = 32 * 1024 * 1024
"""Characters."""


def text(answer: Any) -> str:
    """A reason, a path."""
    return _text(answer, TEXT_MOST)


def author(answer: Any) -> str:
    """`Name <email>`."""
    if not isinstance(answer, str):
        return _other(answer)
    return "" if AUTHOR.fullmatch(answer) else "answered with something other than `Name <email>`"


def content(answer: Any) -> str:
    """What is in it, `guard` looks at."""
    return "" if isinstance(answer, dict) else _other(answer)


def words(answer: Any) -> str:
    """A message whose parts are what they must be."""
    if not isinstance(answer, Message):
        return _other(answer)
    pairs = answer.trailers
    if not (
        _texts((answer.subject,))
        and _texts(answer.body)
        and isinstance(pairs, tuple | list)
        and all(map(_pair, pairs))
    ):
        return "answered with a Message that holds something other than texts"
    size = len(answer.subject) + sum(map(len, answer.body)) + sum(len(value) for _, value in pairs)
    return "" if size <= MESSAGE_MOST else f"answered with a Message of more than {MESSAGE_MOST} characters"


def companions(answer: Any) -> str:
    """Path -> text, or None."""
    if not isinstance(answer, dict):
        return _other(answer)
    left = COMPANIONS_MOST
    for path, written in answer.items():
        if told := _text(path, TEXT_MOST) or (_text(written, left) if written is not None else ""):
            return told
        left -= len(written or "")
    return ""


def _texts(found: Any) -> bool:
    return isinstance(found, tuple | list) and all(isinstance(each, str) for each in found)


def _pair(found: Any) -> bool:
    return _texts(found) and len(found) == 2


def _text(answer: Any, most: int) -> str:
    if not isinstance(answer, str):
        return _other(answer)
    if len(answer) > most:
        return f"answered with more than {most} characters"
    try:
        answer.encode()
    except UnicodeEncodeError:
        return "answered with half of a surrogate pair"
    return ""


def _other(answer: Any) -> str:
    return f"answered with {type(answer).__name__}"


FAULTS: dict[str, Fault] = {
    "reverser_exclude_type": text,
    "reverser_select": text,
    "reverser_sanitize": content,
    "reverser_layout": text,
    "reverser_identity": author,
    "reverser_message": words,
    "reverser_companions": companions,
}
"""By hook."""
