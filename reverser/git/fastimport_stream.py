"""The language of `git fast-import`: commits as bytes, correct for any path and any message.

A commit is written to a private ref under a mark; `get-mark` prints its id. Only its first commit
names a parent: the rest of a batch follows on the ref.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from reverser.model.commit import Commit
from reverser.model.entry import Edit

NEWEST = 253_402_300_799
"""Unix seconds at the end of the year 9999. A time beyond ends fast-import, and all commits with it."""
PART_BYTES = 256 * 1024
"""About so much of a large commit is put together at a time."""
UNSAFE_IN_PATHS = re.compile(rb'[\x00-\x1f"\\\x7f]')


def orphan(ref: str) -> bytes:
    """Make the ref point to nothing, so that the next commit has no parent."""
    return f"reset {ref}\n\n".encode()


def commit(ref: str, mark: int, commit: Commit, edits: Iterable[Edit], parent: str = "") -> Iterator[bytes]:
    """One commit on top of `parent`, or of what the ref points to, and the question for its id; in parts."""
    head = (
        f"commit {ref}\nmark :{mark}\n"
        f"author {signature(commit.author, commit.authored_at)}\n"
        f"committer {signature(commit.committer, commit.committed_at)}\n"
    )
    parts = [head.encode("utf-8", "replace"), _data(commit.message.encode("utf-8", "replace"))]
    parts.append(f"from {parent}\n".encode() if parent else b"")
    size = 0
    for edit in edits:
        parts.append(_edit(edit))
        size += len(parts[-1])
        if size > PART_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join([*parts, f"\nget-mark :{mark}\n".encode()])


def notes(ref: str, committer: str, seconds: float, parent: str) -> bytes:
    """The commit on a ref of notes that the `note` lines after it belong to."""
    lines = f"commit {ref}\ncommitter {signature(committer, seconds)}\n"
    message = _data(b"Notes added by reverser\n")
    return lines.encode("utf-8", "replace") + message + (f"from {parent}\n".encode() if parent else b"")


def note(commit: str, text: str) -> bytes:
    """One note at a commit."""
    return b"N inline %s\n%s" % (commit.encode(), _data(text.encode("utf-8", "replace")))


def barrier(word: str) -> bytes:
    """Make everything visible to other processes, then print `progress <word>`."""
    return f"checkpoint\nprogress {word}\n".encode()


def signature(person: str, seconds: float) -> str:
    """`Name <email> <unix> +0000`, without the characters that would end a part of it early."""
    name, _, email = person.rpartition("<")
    name, email = (re.sub(r"[<>\x00-\x1f\x7f]", "", part).strip() for part in (name, email))
    at = int(seconds) if 0 <= seconds <= NEWEST else 0
    return f"{name or 'unknown'} <{email}> {at} +0000"


def quote(path: str) -> bytes:
    """A path in C quotes."""
    raw = path.encode("utf-8", "surrogateescape")
    return b'"%s"' % UNSAFE_IN_PATHS.sub(lambda match: b"\\%03o" % match[0][0], raw)


def _edit(edit: Edit) -> bytes:
    if edit.content is None:
        return b"D %s\n" % quote(edit.path)
    return b"M 100644 inline %s\n%s" % (quote(edit.path), _data(edit.content))


def _data(content: bytes) -> bytes:
    return b"data %d\n%s\n" % (len(content), content)
