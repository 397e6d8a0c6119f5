"""Edits a file that a person wrote: what differs in meaning changes, all else stays as it stands.

ruamel's round-trip mode keeps comments, order and quotes. What comes out is read back and compared
with what was asked for; a file that cannot be edited to say just that is withheld, never replaced.
"""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString

from reverser.errors import WithheldError
from reverser.stages.equality import same
from reverser.stages.manifest import documents
from reverser.stages.quantity import spelled_as
from reverser.stages.sops import is_sealed
from reverser.stages.yaml import render

MERGE_KEYS = ("name", "containerPort", "mountPath", "key", "port", "ip")


def parse(content: bytes) -> Any:
    """One document as plain data. Raises WithheldError when it cannot be read."""
    try:
        return YAML(typ="safe", pure=True).load(content)
    except Exception as error:  # ruamel raises whatever its tags and its recursion come to
        raise WithheldError("UneditableFile", "the file is no YAML that can be read") from error


def edit(existing: bytes, index: int, content: dict[str, Any]) -> bytes:
    """The file with document `index` saying what `content` says. Raises WithheldError."""
    parts = documents(existing.decode())
    if is_sealed(content):
        return _sealed(parts, index, content)
    before = parse(parts[index].encode())
    content = spelled_as(content, before)
    if same(before, content):
        return existing
    edited = _edited(parts[index], content)
    if not same(parse(edited.encode()), content):
        raise WithheldError("UneditableFile", "the file cannot be edited without changing its meaning")
    parts[index] = edited
    return "".join(parts).encode()


def _sealed(parts: list[str], index: int, content: dict[str, Any]) -> bytes:
    """The encrypted document in place of the old one, whole: SOPS vouches for the order of its values.

    Beside other documents it could not be decrypted: SOPS takes a file for one thing.
    """
    others = [part for number, part in enumerate(parts) if number != index]
    if any(not _blank(part) for part in others):
        raise WithheldError("UneditableFile", "an encrypted document cannot share a file with others")
    opening, _ = _opening(parts[index])
    return opening.encode() + render(content)


def remove(existing: bytes, index: int) -> bytes | None:
    """The file without document `index`; None when no document with content is left."""
    parts = documents(existing.decode())
    del parts[index]
    rest = "".join(parts)
    return None if _blank(rest) else rest.encode()


def _blank(text: str) -> bool:
    return all(not line.strip() or line.startswith(("#", "---")) for line in text.splitlines())


def _edited(text: str, content: dict[str, Any]) -> str:
    yaml = YAML(typ="rt")
    yaml.preserve_quotes = True
    yaml.width = 2**30
    yaml.explicit_start = False
    mapping, sequence, offset = _indentation(text)
    yaml.indent(mapping=mapping, sequence=sequence, offset=offset)
    opening, body = _opening(text)
    try:
        tree = yaml.load(body)
        _merge(tree, content)
        out = io.StringIO()
        yaml.dump(tree, out)
    except Exception as error:
        raise WithheldError("UneditableFile", "the file cannot be edited") from error
    return opening + out.getvalue()


def _opening(text: str) -> tuple[str, str]:
    """The line that opens the document, and the rest of it."""
    first, newline, rest = text.partition("\n")
    return (first + newline, rest) if first.startswith("---") else ("", text)


def _indentation(text: str) -> tuple[int, int, int]:
    """(mapping, sequence, offset) as the file has them; kubectl's where it does not tell."""
    mapping, offset = 0, -1
    above: int | None = None
    for line in text.splitlines():
        rest = line.lstrip()
        if not rest or rest.startswith("#"):
            continue
        indent = len(line) - len(rest)
        if above is not None:
            if rest.startswith("- ") and offset < 0:
                offset = max(indent - above, 0)
            elif not mapping:
                mapping = max(indent - above, 0)
        above = indent if not rest.startswith("-") and _opens(rest) else None
    return mapping or 2, max(offset, 0) + 2, max(offset, 0)


def _opens(line: str) -> bool:
    """Whether a line's value stands below it."""
    _, colon, value = line.partition(":")
    return bool(colon) and (not value.strip() or value.lstrip().startswith("#"))


def _merge(old: Any, new: dict[str, Any]) -> None:
    for key in [key for key in old if key not in new]:
        del old[key]
    for key, value in new.items():
        if key not in old:
            old[key] = _fresh(value)
        else:
            old[key] = _merged(old[key], value)


def _merged(old: Any, new: Any) -> Any:
    if isinstance(old, dict) and isinstance(new, dict):
        _merge(old, new)
        return old
    if isinstance(old, list) and isinstance(new, list):
        return _merged_list(old, new)
    return old if same(_plain(old), new) else _fresh(new)


def _merged_list(old: Any, new: list[Any]) -> Any:
    """Items keep their places and comments where they can be told apart; else the list is replaced."""
    by_key = {_key(item): item for item in old}
    if [_key(item) for item in old] == [_key(item) for item in new]:
        for position, item in enumerate(new):
            old[position] = _merged(old[position], item)
        return old
    items = [_merged(by_key[_key(item)], item) if _key(item) in by_key else _fresh(item) for item in new]
    del old[:]
    old.extend(items)
    return old


def _key(item: Any) -> Any:
    if isinstance(item, dict):
        named = [(name, item[name]) for name in MERGE_KEYS if name in item]
        return named[0] if named and not isinstance(named[0][1], (dict, list)) else None
    return item if not isinstance(item, list) else None


def _plain(value: Any) -> Any:
    return str(value) if isinstance(value, str) else value


def _fresh(value: Any) -> Any:
    """New data in a style that every YAML reader takes for what it is."""
    if isinstance(value, dict):
        return {key: _fresh(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_fresh(item) for item in value]
    if not isinstance(value, str):
        return value
    spelled = render({"v": value}).decode()[len("v: ") : -1]
    if spelled == value:
        return value
    return LiteralScalarString(value) if spelled.startswith("|") else DoubleQuotedScalarString(value)
