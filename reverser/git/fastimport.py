"""One long-lived `git fast-import`, and its language: bytes in, ids out, everything on disk at the barrier.

Objects and refs are invisible to other processes before a checkpoint, and the `progress` that
follows it is the only sign that it is done. Leaving an exchange half-way would desynchronise the
stream, so it is shielded from cancellation, ended when it makes no progress, and a child about which
there is any doubt is killed: the next exchange starts a new one. Nothing is lost by that, since whoever
writes has not been told that it is written.

stdin is written while stdout is read, else both sides could wait for the other's full pipe.

Commits are written as bytes that are correct for any path and any message. Each goes to a private ref
under a mark, and `get-mark` prints its id. Only the first commit names a parent: the rest of a batch
follows on the ref.
"""

from __future__ import annotations

import re
import secrets
import signal
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import trio

from reverser.errors import TransientError
from reverser.git.process import Git, ProgressTimeout, Settings, environment, git_installed
from reverser.model.commit import Commit
from reverser.model.entry import Edit
from reverser.subprocesses import signal_group

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


SETTINGS: Settings = (("fastimport.unpackLimit", "1"), ("pack.compression", "1"))
"""Packs as they are, since taking them apart halves the speed; zlib's best is slower and hardly smaller."""

SILENT_SECONDS = 120.0
SENT_BYTES = 1024 * 1024
CLOSE_SECONDS = 10.0
MOST_RUNNING = 32
"""Children of all repositories: one beyond ends that which was unused for the longest time."""

_children: dict[FastImport, None] = {}
"""Those with a child, the one used last at the end."""


class FastImport:
    """The child and its two pipes; starts at the first use."""

    def __init__(self, git: Git) -> None:
        self._git = git
        self._busy = trio.Lock()
        self._process: trio.Process | None = None
        self._complaints: Path = git.folder / "fast-import.stderr"

    async def exchange(self, chunks: Iterable[bytes]) -> list[str]:
        """Send commands; the lines that they print, once all of their objects are durable.

        TransientError: the child died or hung, nothing may be taken for written.
        """
        lines: list[str] = []
        async with self._busy:
            with trio.CancelScope(shield=True):
                try:
                    lines = await self._converse(chunks)
                except BaseException:
                    await self.kill()
                    raise
            _children.pop(self, None)
            _children[self] = None
        await _end_unused()
        return lines

    async def close(self) -> None:
        """End the child in good order; the next exchange starts a new one."""
        _children.pop(self, None)
        with trio.CancelScope(shield=True):
            async with self._busy:
                await self._close()

    @property
    def is_busy(self) -> bool:
        """Whether an exchange is going on."""
        return self._busy.locked()

    async def _close(self) -> None:
        if self._process is not None:
            with trio.move_on_after(CLOSE_SECONDS):
                await _stdin(self._process).aclose()
                await self._process.wait()
            await self.kill()

    async def kill(self) -> None:
        """End the child at once."""
        process, self._process = self._process, None
        _children.pop(self, None)
        if process is not None:
            with trio.CancelScope(shield=True):
                signal_group(process.pid, signal.SIGKILL)
                await process.wait()
                await _stdin(process).aclose()
                await _stdout(process).aclose()

    async def _converse(self, chunks: Iterable[bytes]) -> list[str]:
        process, word = await self._running(), secrets.token_hex(8)
        lines: list[str] | None = None
        timeout = ProgressTimeout(SILENT_SECONDS)
        with timeout.scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_send, _stdin(process), chunks, barrier(word), timeout)
                lines = await _receive(_stdout(process), f"progress {word}\n".encode(), timeout)
                nursery.cancel_scope.cancel()
        if lines is None:
            raise TransientError(f"git fast-import ended early: {self._complaint()}")
        return lines

    async def _running(self) -> trio.Process:
        if self._process is not None and self._process.poll() is not None:
            await self.kill()
        if self._process is None:
            self._process = await self._start()
        return self._process

    async def _start(self) -> trio.Process:
        with git_installed(), self._complaints.open("wb") as complaints:
            return await trio.lowlevel.open_process(
                self._git.command("fast-import", "--quiet", "--force"),
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=complaints,
                start_new_session=True,
                env=environment(SETTINGS),
            )

    def _complaint(self) -> str:
        lines = self._complaints.read_text(errors="replace").splitlines()
        return next(
            (line for line in lines if line.startswith(("fatal:", "error:"))), "it was killed, or hung"
        )


async def _end_unused() -> None:
    while len(_children) > MOST_RUNNING:
        oldest = next((each for each in _children if not each.is_busy), None)
        if oldest is None:
            return
        await oldest.close()


async def _send(
    stdin: trio.abc.SendStream, chunks: Iterable[bytes], last: bytes, timeout: ProgressTimeout
) -> None:
    try:
        for chunk in chunks:
            for start in range(0, len(chunk), SENT_BYTES):
                await stdin.send_all(memoryview(chunk)[start : start + SENT_BYTES])
                timeout.progressed()
        await stdin.send_all(last)
    except trio.BrokenResourceError:
        return


async def _receive(stdout: trio.abc.ReceiveStream, end: bytes, timeout: ProgressTimeout) -> list[str] | None:
    """The lines before `end`; None when the child ended without it."""
    received = bytearray()
    while not received.endswith(end):
        data = await stdout.receive_some()
        if not data:
            return None
        timeout.progressed()
        received += data
    return received.decode().splitlines()[:-1]


def _stdin(process: trio.Process) -> trio.abc.SendStream:
    assert process.stdin is not None
    return process.stdin


def _stdout(process: trio.Process) -> trio.abc.ReceiveStream:
    assert process.stdout is not None
    return process.stdout
