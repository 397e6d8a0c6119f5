"""Paths inside a repository: what is safe, and how an overlong segment is shortened.

Every path that is ever written passes `check`, wherever it came from: a layout, a template or a
plugin. What git itself refuses to check out (`.git` in all its disguises on NTFS and HFS) is
refused here too, so that no clone of the destination can be harmed by the name of an object.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator

from reverser.errors import WithheldError

SEGMENT_BYTES = 255
"""What ext4, XFS, APFS and NTFS allow."""

_PLAIN = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}+(?:/[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}+)*+")
"""What nearly all paths are: nothing in them can be amiss."""
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_HFS_IGNORES = re.compile("[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]")
_DOTGIT = re.compile(r"(?:\.git|git~1)[ .]*(?::.*)?", re.IGNORECASE | re.DOTALL)


def check(path: str, root: str = "") -> None:
    """Raise WithheldError(UnsafePath) unless `path` is safe to write and inside `root` ("": anywhere)."""
    problem = _problem(path, root)
    if problem:
        raise WithheldError("UnsafePath", f"the path {path!a} {problem}")


def shortened(path: str) -> str:
    """The path with each segment as `shorten` leaves it."""
    return path if len(path) <= SEGMENT_BYTES // 4 else "/".join(map(shorten, path.split("/")))


def shorten(segment: str) -> str:
    """The segment itself, or where it exceeds 255 bytes, its beginning, `%`, and a hash of it all.

    The ending (`.yaml`) stays. No name of a Kubernetes object contains `%`, so that a shortened
    segment never equals another object's.
    """
    if len(segment) <= SEGMENT_BYTES // 4:  # UTF-8 takes four bytes for a character at most
        return segment
    data = segment.encode("utf-8", "surrogatepass")
    if len(data) <= SEGMENT_BYTES:
        return segment
    stem, dot, ending = segment.rpartition(".")
    tail = f"%{hashlib.blake2b(data, digest_size=16).hexdigest()}"
    if stem and len(ending) <= len("yaml"):
        tail += dot + ending
    return data[: SEGMENT_BYTES - len(tail.encode())].decode("utf-8", "ignore") + tail


def folders(path: str) -> Iterator[str]:
    """`a` and `a/b` of `a/b/c`."""
    end = path.find("/")
    while end >= 0:
        yield path[:end]
        end = path.find("/", end + 1)


def _problem(path: str, root: str) -> str:
    if _PLAIN.fullmatch(path) and (not root or path.startswith(f"{root}/")):
        return ""
    if _CONTROL.search(path):
        return "contains a control character"
    if root and not path.startswith(f"{root}/"):
        return f"is not inside {root}"
    for segment in path.split("/"):
        if segment in ("", ".", ".."):
            return "is not a plain relative path"
        if len(segment.encode()) > SEGMENT_BYTES:
            return f"has a segment of more than {SEGMENT_BYTES} bytes"
        if _reserved_by_git(segment):
            return "has a segment that git keeps for itself"
    return ""


def _reserved_by_git(segment: str) -> bool:
    if segment.isascii() and "git" not in segment.lower():
        return False
    return any(_DOTGIT.fullmatch(_HFS_IGNORES.sub("", part)) for part in segment.split("\\"))
