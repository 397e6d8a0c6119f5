"""Reads the lines of one audit log, with their positions, and reports a damaged file.

The first bytes tell whether a file is compressed, standard input too. A position is an offset in the
uncompressed text with a checksum of all before it. So reading continues in a log that was compressed,
renamed or has grown since, and another log with the same beginning is not taken for it.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

import msgspec

from reverser.errors import StalledError

Bytes: TypeAlias = gzip.GzipFile | io.BufferedReader

STANDARD_INPUT = "-"
MOST_BYTES = 64 * 1024 * 1024
"""A longer line is no event: an API server takes bodies of three megabytes."""
CHUNK_BYTES = 1024 * 1024
IDENTITY_BYTES = 64 * 1024


class LogPosition(msgspec.Struct, frozen=True):
    """How far a log was read."""

    offset: int = 0
    checksum: int = 0

    def after(self, data: bytes) -> LogPosition:
        return LogPosition(self.offset + len(data), zlib.crc32(data, self.checksum))


class Line(msgspec.Struct, frozen=True):
    """A line that holds something, and where it begins."""

    text: bytes
    start: LogPosition
    complete: bool
    """Whether a line feed ends it."""


class AuditLog:
    """An open log, as lines; it does not decode them."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.position = LogPosition()
        self.damage = ""
        """Why it ends before its end; empty when it does not."""
        self.too_long = 0
        self.size = 0 if path == STANDARD_INPUT else Path(path).stat().st_size
        self._file, self._raw = _open(path)
        self._buffer = b""
        self.identity = self._identify()

    @property
    def part(self) -> float:
        """How much of the file has been read, from 0 to 1; 0 for standard input."""
        return min(1.0, self._raw.tell() / self.size) if self.size else 0.0

    def seek(self, position: LogPosition) -> None:
        """Go on from a position, if it is one of this log; else from the beginning."""
        while self.position.offset < position.offset:
            data = self._skip(min(CHUNK_BYTES, position.offset - self.position.offset))
            if not data:
                break
            self.position = self.position.after(data)
        if self.position != position:
            self.close()
            self._file, self._raw = _open(self.path)
            self._buffer, self.position, self.damage = b"", LogPosition(), ""

    def lines(self, most: int, most_bytes: float = float("inf")) -> list[Line]:
        """The next lines, at most so many, and at most one beyond so many bytes; none at the end."""
        lines: list[Line] = []
        size = 0
        while len(lines) < most and size < most_bytes and (line := self._line()) is not None:
            if line.text.strip():
                lines.append(line)
                size += len(line.text)
        return lines

    def close(self) -> None:
        self._file.close()
        self._raw.close()

    def _identify(self) -> str:
        """By its first line, which no other log has; of a long one, by its beginning.

        Only a log that can be read again has a name.
        """
        if self.path == STANDARD_INPUT:
            return ""
        while b"\n" not in self._buffer and len(self._buffer) < IDENTITY_BYTES:
            data = self._read(IDENTITY_BYTES)
            if not data:
                break
            self._buffer += data
        first, feed, _ = self._buffer.partition(b"\n")
        whole = bool(first and feed) or len(first) >= IDENTITY_BYTES
        return hashlib.blake2b(first[:IDENTITY_BYTES], digest_size=16).hexdigest() if whole else ""

    def _line(self) -> Line | None:
        start, text = self.position, self._until_feed()
        if len(text) > MOST_BYTES:
            self.too_long += 1
            return Line(b"", start, complete=True)
        return Line(text, start, text.endswith(b"\n")) if text else None

    def _until_feed(self) -> bytes:
        """Of a line that is too long only its beginning, though all of it is read."""
        text = b""
        while data := self._feed(MOST_BYTES):
            self.position = self.position.after(data)
            text += data if len(text) <= MOST_BYTES else b""
            if data.endswith(b"\n"):
                break
        return text

    def _feed(self, most: int) -> bytes:
        if self._buffer:
            head, feed, self._buffer = self._buffer.partition(b"\n")
            return head + feed
        return self._read_or_damage(self._file.readline, most)

    def _skip(self, most: int) -> bytes:
        if self._buffer:
            data, self._buffer = self._buffer[:most], self._buffer[most:]
            return data
        return self._read(most)

    def _read(self, most: int) -> bytes:
        return self._read_or_damage(self._file.read1, most)

    def _read_or_damage(self, read: Callable[[int], bytes], most: int) -> bytes:
        """A compressed file that was cut off, or is followed by something else, ends there."""
        if self.damage:
            return b""
        try:
            data = read(most)
        except EOFError:
            self.damage = "the compressed file is cut off"
        except (gzip.BadGzipFile, zlib.error):
            self.damage = "the compressed file is damaged"
        except OSError as error:
            raise _unreadable(self.path, error) from error
        else:
            return data
        return b""


def _open(path: str) -> tuple[Bytes, io.BufferedReader]:
    """(uncompressed, as it is)."""
    try:
        raw = open(0 if path == STANDARD_INPUT else path, "rb", closefd=path != STANDARD_INPUT)  # noqa: SIM115
        compressed = raw.peek(2)[:2] == b"\x1f\x8b"
    except OSError as error:
        raise _unreadable(path, error) from error
    return (gzip.GzipFile(fileobj=raw), raw) if compressed else (raw, raw)


def _unreadable(path: str, error: OSError) -> StalledError:
    return StalledError("LogUnreadable", f"{path} cannot be read: {error.strerror or error}")
