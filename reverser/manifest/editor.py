"""Edits a file that a person wrote: one document of it says what it should, all else stays as it stands.

Bytes in, bytes out. The document is patched where it differs (`byte_edits`), all other documents, a byte
order mark and line ends stay. What cannot be edited to say just that is withheld, never replaced.
"""

from __future__ import annotations

from typing import Any

from reverser.errors import WithheldError
from reverser.manifest import canonical
from reverser.manifest.byte_edits import patched
from reverser.manifest.emitter import render
from reverser.manifest.nodes import UnreadableError, compose
from reverser.manifest.placeholders import has_placeholder
from reverser.manifest.quantity import spelled_as
from reverser.manifest.scanner import documents
from reverser.model.entry import is_sealed

MARK = "\ufeff"


def parse(content: bytes) -> Any:
    """One document as plain data, as kubectl reads it. Raises WithheldError when it cannot be read."""
    document = canonical.read(content)
    return _parsed(_text(content).removeprefix(MARK)) if document is None else document


def edit(existing: bytes, index: int, content: dict[str, Any]) -> bytes:
    """The file with document `index` saying what `content` says. Raises WithheldError."""
    mark, parts = _parts(existing)
    if is_sealed(content):
        return _sealed(parts, index, content)
    before = _parsed(parts[index])
    if isinstance(before, dict) and is_sealed(before):
        raise WithheldError("Encrypted", "the file is encrypted by SOPS")
    content = _with_own_namespace(content, before)
    edited = patched(parts[index], spelled_as(content, before))
    if edited == parts[index]:
        return existing
    parts[index] = edited
    return (mark + "".join(parts)).encode()


def remove(existing: bytes, index: int) -> bytes | None:
    """The file without document `index`; None when no document with content is left."""
    mark, parts = _parts(existing)
    if has_placeholder(parts[index]):
        raise WithheldError("Templated", "the file is a template")
    del parts[index]
    rest = "".join(parts)
    return None if _blank(rest) else (mark + rest).encode()


def _with_own_namespace(content: dict[str, Any], before: Any) -> dict[str, Any]:
    """The content without the namespace where the document leaves that to whoever applies it."""
    metadata, own_metadata = (
        content.get("metadata"),
        before.get("metadata") if isinstance(before, dict) else None,
    )
    if not isinstance(metadata, dict) or not isinstance(own_metadata, dict) or "namespace" not in metadata:
        return content
    rest = {key: value for key, value in metadata.items() if key != "namespace"}
    own = {"namespace": own_metadata["namespace"]} if "namespace" in own_metadata else {}
    return content | {"metadata": rest | own}


def _sealed(parts: list[str], index: int, content: dict[str, Any]) -> bytes:
    """The encrypted document in place of the old one, whole: SOPS vouches for the order of its values.

    Beside other documents it could not be decrypted: SOPS takes a file for one thing.
    """
    others = [part for number, part in enumerate(parts) if number != index]
    if any(not _blank(part) for part in others):
        raise WithheldError("UneditableFile", "an encrypted document cannot share a file with others")
    first, newline, _ = parts[index].partition("\n")
    opening = first + newline if first.startswith("---") else ""
    return opening.encode() + render(content)


def _parts(existing: bytes) -> tuple[str, list[str]]:
    """(the byte order mark, if there is one; the documents)."""
    text = _text(existing)
    mark = MARK if text.startswith(MARK) else ""
    return mark, documents(text.removeprefix(MARK))


def _text(content: bytes) -> str:
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise WithheldError("UneditableFile", "the file is not UTF-8") from None


def _parsed(text: str) -> Any:
    try:
        node = compose(text)
    except UnreadableError as error:
        reason = "Templated" if has_placeholder(text) else "UneditableFile"
        raise WithheldError(reason, f"the file cannot be read: {error}") from error
    return None if node is None else node.data


def _blank(text: str) -> bool:
    return all(not line.strip() or line.startswith(("#", "---")) for line in text.splitlines())
