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
from typing import Any

from reverser.errors import WithheldError

MOST_COLUMNS = 400
"""Deepest indentation: 200 levels. Readers recurse, and give up at a few hundred."""
KEY_CHARACTERS = 1000
"""Readers refuse `key:` above 1,024 characters; longer ones are written as `? key`."""

_TOP = {"apiVersion": 0, "kind": 1, "metadata": 2}
_METADATA = {"name": 0, "namespace": 1}

_WORD = r"[A-Za-z0-9_./@%+=(),;'$-]"
_PLAIN = re.compile(f"(?:/|-{{0,2}}[A-Za-z])(?:{_WORD}++|[: ](?={_WORD}))*+")
_QUANTITY = re.compile(r"[1-9][0-9]*(?:\.[0-9]+)?(?:[KMGTPE]i|[munkMGTPsh%])|0[msh%]")
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
    _entries(content, sorted(content, key=lambda key: (_TOP.get(key, 9), key)), "", "", out)
    try:
        return "".join(out).encode()
    except UnicodeEncodeError:
        raise WithheldError("InvalidText", "a text holds half a surrogate pair") from None


def _entries(content: dict[str, Any], keys: Iterable[str], lead: str, pad: str, out: list[str]) -> None:
    """One mapping whose keys stand at `pad`; the first one follows `lead` on its line."""
    if len(pad) > MOST_COLUMNS:
        raise WithheldError("TooDeep", f"nested deeper than {MOST_COLUMNS // 2} levels")
    for key in keys:
        value = content[key]
        token = one_line(key)
        if len(token) > KEY_CHARACTERS:
            token = f"? {token}\n{pad}"
        _value(value, f"{lead}{token}:", pad, out, metadata=key == "metadata" and not pad)
        lead = pad


def _value(value: Any, start: str, pad: str, out: list[str], *, metadata: bool = False) -> None:
    """What follows `key:`, to the end of its last line."""
    if isinstance(value, str):
        out.append(f"{start} {text_of(value, pad)}\n")
    elif isinstance(value, dict) and value:
        out.append(f"{start}\n")
        order = sorted(value, key=lambda key: (_METADATA.get(key, 9), key)) if metadata else sorted(value)
        _entries(value, order, pad + "  ", pad + "  ", out)
    elif isinstance(value, list) and value:
        out.append(f"{start}\n")
        _items(value, pad, pad, out)
    else:
        out.append(f"{start} {scalar(value)}\n")


def _items(items: list[Any], lead: str, pad: str, out: list[str]) -> None:
    """One list whose dashes stand at `pad`; the first one follows `lead` on its line."""
    inner = pad + "  "
    if len(inner) > MOST_COLUMNS:
        raise WithheldError("TooDeep", f"nested deeper than {MOST_COLUMNS // 2} levels")
    for item in items:
        start = f"{lead}- "
        if isinstance(item, str):
            out.append(f"{start}{text_of(item, pad)}\n")
        elif isinstance(item, dict) and item:
            _entries(item, sorted(item), start, inner, out)
        elif isinstance(item, list) and item:
            _items(item, start, inner, out)
        else:
            out.append(f"{start}{scalar(item)}\n")
        lead = pad


def scalar(value: Any) -> str:
    """A value that is no text and has nothing in it."""
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case float() if value - value == 0:
            return _float(value)
        case dict() | list() if not value:
            return "[]" if isinstance(value, list) else "{}"
    raise WithheldError("UnsupportedValue", f"{type(value).__name__} is not a JSON value")


def _float(value: float) -> str:
    """YAML 1.1 wants a point in the mantissa, where Python writes `1e+16`."""
    mantissa, mark, exponent = repr(value).partition("e")
    return f"{mantissa if '.' in mantissa else mantissa + '.0'}{mark}{exponent}"


def one_line(text: str) -> str:
    """A plain or quoted scalar on one line; object texts repeat so much that a cache pays."""
    return _short(text) if len(text) <= 64 else _one_line(text)


@lru_cache(maxsize=4096)
def _short(text: str) -> str:
    return _one_line(text)


def _one_line(text: str) -> str:
    if _PLAIN.fullmatch(text):
        if text.lower().lstrip("-") not in _TYPED:
            return text
    elif _QUANTITY.fullmatch(text):
        return text
    return quoted(text)


def quoted(text: str) -> str:
    """Between double quotes, with JSON-like escapes."""
    return f'"{_HIDDEN.sub(_escape, text)}"'


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


def _escape(found: re.Match[str]) -> str:
    character = found[0]
    if "\ud800" <= character <= "\udfff":
        return character
    return _SHORT.get(character) or f"\\u{ord(character):04x}"
