"""JSON data in, YAML bytes out: clean for people, read alike by every YAML 1.1 and 1.2 reader.

Block style, `- ` at its parent's indentation as kubectl writes it, `apiVersion`, `kind`,
`metadata` first, other keys sorted, `|` for text of several lines, no folding, no anchors.
A string stands plain only where no reader could take it for anything else; all others are double
quoted with JSON-like escapes. Which characters are escaped is a fixed table, not Python's idea of
"printable": that changes with the Unicode version, and would change files nobody touched.

An emitter of our own, since all others (ruamel, PyYAML, Rust) leave some string bare that one of
six readers misreads, and ruamel is 150 times slower.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Any, TypeAlias

import msgspec

from reverser.errors import WithheldError

MOST_COLUMNS = 400
"""Deepest indentation: 200 levels. Readers recurse, and give up at a few hundred."""
KEY_CHARACTERS = 1000
"""Readers refuse `key:` above 1,024 characters; longer ones are written as `? key`."""
SHORT = 64
"""Texts of so many characters are remembered as they are written."""
SHAPES, SHAPE_KEYS = 4096, 16
"""How many sets of keys are remembered, and of how many keys: those of larger maps are hardly seen twice."""

Key: TypeAlias = tuple[str, str]
"""A key, and how it is written with its colon."""


class First(msgspec.Struct, frozen=True):
    """Which keys of some maps come first, all others after them by the alphabet."""

    ranks: dict[str, int]
    shapes: dict[tuple[str, ...], tuple[Key, ...]] = {}
    """Keys of maps that were seen, as they stand there -> as they are written."""


_TOP = First({"apiVersion": 0, "kind": 1, "metadata": 2})
_METADATA = First({"name": 0, "namespace": 1})
_OTHER = First({})


_WORD = r"[A-Za-z0-9_./@%+=(),;'$-]"
_FIRST = re.compile("/|-{0,2}[A-Za-z]")
_MORE = re.compile(f"(?:{_WORD}++|[: ](?={_WORD})){{1,10000}}+")
_QUANTITY = re.compile(r"[1-9][0-9]*(?:\.[0-9]+)?(?:[KMGTPE]i|[munkMGTPsh%])|0[msh%]")
PART = 64 * 1024
"""Characters looked at in one go: an expression holds up all other threads until it is through."""
_TYPED = frozenset(("y", "n", "yes", "no", "on", "off", "true", "false", "null", "nan", "inf", "infinity"))

# What may stand unescaped: printable in every YAML version, no line break to anyone, and nothing
# that turns the direction of the text or hides (bidi controls, byte order mark, NEL, U+2028).
_CLEAR = "\x20-\x7e\xa0-\u200d\u2010-\u2027\u202f-\u2065\u206a-\ufefe\uff00-\ufffd\U00010000-\U0010ffff"
_TEXT = re.compile(f"[\\t\\n{_CLEAR}]*")
_HIDDEN = re.compile(f'[^{_CLEAR}]|["\\\\]')
_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\0": "\\0"}


def render(content: dict[str, Any]) -> bytes:
    """The document as YAML, UTF-8, ending in a newline; parsing it gives `content` back.

    Raises WithheldError for what YAML readers cannot be trusted with: lone surrogates, nesting
    deeper than 200 levels, and values that are not JSON.
    """
    out: list[str] = []
    if not content:
        return b"{}\n"
    _entries(content, _ordered(content, _TOP), "", "", out)
    try:
        return "".join(out).encode()
    except UnicodeEncodeError:
        raise WithheldError("InvalidText", "a text holds half a surrogate pair") from None


def _entries(content: dict[str, Any], keys: Iterable[Key], lead: str, pad: str, out: list[str]) -> None:
    """One mapping whose keys stand at `pad`; the first one follows `lead` on its line."""
    if len(pad) > MOST_COLUMNS:
        raise WithheldError("TooDeep", f"nested deeper than {MOST_COLUMNS // 2} levels")
    for key, token in keys:
        value = content[key]
        shown = token or f"? {one_line(key)}\n{pad}:"
        # Most values are short texts: this saves them all calls but one that is answered from a cache.
        if type(value) is str and len(value) <= SHORT and (text := _inline(value)):
            out.append(f"{lead}{shown} {text}\n")
        else:
            _value(value, f"{lead}{shown}", pad, out, metadata=key == "metadata" and not pad)
        lead = pad


def _ordered(content: dict[str, Any], first: First) -> Iterable[Key]:
    """The keys in order. Objects have so few shapes that to sort and write their keys once pays."""
    shape = tuple(content)
    keys = first.shapes.get(shape)
    return _sorted(shape, first) if keys is None else keys


def _sorted(shape: tuple[str, ...], first: First) -> Iterable[Key]:
    order = sorted(shape, key=lambda key: (first.ranks.get(key, 9), key)) if first.ranks else sorted(shape)
    keys = tuple((key, _key(key)) for key in order)
    if len(shape) <= SHAPE_KEYS and all(len(key) <= SHORT for key in shape):
        if len(first.shapes) >= SHAPES:
            first.shapes.clear()
        first.shapes[shape] = keys
    return keys


def _key(key: str) -> str:
    """The key as it is written; "" for one that is too long to stand before its value."""
    token = one_line(key)
    return f"{token}:" if len(token) <= KEY_CHARACTERS else ""


def _value(value: Any, start: str, pad: str, out: list[str], *, metadata: bool) -> None:
    """What follows `key:`, to the end of its last line."""
    if isinstance(value, dict) and value:
        out.append(f"{start}\n")
        inner = pad + "  "
        _entries(value, _ordered(value, _METADATA if metadata else _OTHER), inner, inner, out)
    elif isinstance(value, list) and value:
        out.append(f"{start}\n")
        _items(value, pad, pad, out)
    elif isinstance(value, str):
        out.append(f"{start} {text_of(value, pad)}\n")
    else:
        out.append(f"{start} {scalar(value)}\n")


def _items(items: list[Any], lead: str, pad: str, out: list[str]) -> None:
    """One list whose dashes stand at `pad`; the first one follows `lead` on its line."""
    inner = pad + "  "
    if len(inner) > MOST_COLUMNS:
        raise WithheldError("TooDeep", f"nested deeper than {MOST_COLUMNS // 2} levels")
    for item in items:
        start = f"{lead}- "
        if isinstance(item, dict) and item:
            _entries(item, _ordered(item, _OTHER), start, inner, out)
        elif isinstance(item, str):
            out.append(f"{start}{text_of(item, pad)}\n")
        elif isinstance(item, list) and item:
            _items(item, start, inner, out)
        else:
            out.append(f"{start}{scalar(item)}\n")
        lead = pad


def scalar(value: Any) -> str:
    """A value that is no text and has nothing in it."""
    kind = type(value)
    if kind is bool:
        return "true" if value else "false"
    if kind is int:
        return str(value)
    if value is None:
        return "null"
    if kind is float and value - value == 0:
        return _float(value)
    if not value and kind in (dict, list):
        return "[]" if kind is list else "{}"
    raise WithheldError("UnsupportedValue", f"{kind.__name__} is not a JSON value")


def _float(value: float) -> str:
    """YAML 1.1 wants a point in the mantissa, where Python writes `1e+16`."""
    mantissa, mark, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{mark}{exponent}"


def one_line(text: str) -> str:
    """A plain or quoted scalar on one line; object texts repeat so much that a cache pays."""
    return _short(text) if len(text) <= SHORT else _one_line(text)


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    return _one_line(text)


@lru_cache(maxsize=4096)
def _inline(text: str) -> str:
    """A text as it stands behind its key; "" for one of several lines."""
    return "" if "\n" in text else _one_line(text)


def _one_line(text: str) -> str:
    if _plain(text):
        if text.lower().lstrip("-") not in _TYPED:
            return text
    elif _QUANTITY.fullmatch(text):
        return text
    return quoted(text)


def _plain(text: str) -> bool:
    """Whether all of it may stand without quotes; in parts, so that other threads get their turns."""
    match = _FIRST.match(text)
    while match is not None and match.end() < len(text):
        match = _MORE.match(text, match.end())
    return match is not None


def quoted(text: str) -> str:
    """Between double quotes, with JSON-like escapes; in parts, for the same reason."""
    parts = (text[start : start + PART] for start in range(0, len(text), PART))
    return f'"{"".join(_HIDDEN.sub(_escape, part) for part in parts)}"'


def text_of(text: str, pad: str) -> str:
    """Text of several lines as a literal block, other text on one line."""
    if "\n" not in text:
        return one_line(text)
    body = text.rstrip("\n")
    if not body or not _TEXT.fullmatch(text):
        return _one_line(text)
    chomp = "-" if body == text else "" if len(text) == len(body) + 1 else "+"
    hint = "2" if text[0] in " \t\n" else ""
    lines = text[: len(text) - (chomp != "-")].split("\n")
    return f"|{hint}{chomp}\n" + "\n".join(f"{pad}  {line}" if line else "" for line in lines)


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    if "\ud800" <= character <= "\udfff":
        return character
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
