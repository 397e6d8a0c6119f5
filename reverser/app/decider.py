"""The second process, which decides about objects of large lists (`intake.list_decisions`).

It is started when the first question comes and ended when no list runs any more, or none brings objects, so
that its 50 MiB are taken for minutes only. It reads nothing but what it is sent. Should it end or hang,
everything is decided in this process, as it is on a machine with one processor.

It runs the same modules as this process: an interpreter of its own would look for them in the working folder,
and after an upgrade it finds those of another version, which may decide otherwise. Of the environment, where
credentials may be, it gets what starts an interpreter.
"""

from __future__ import annotations

import fcntl
import os
import struct
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from subprocess import PIPE
from typing import Any

import msgspec
import structlog
import trio

from reverser import __version__
from reverser.config import Config
from reverser.intake.list_decisions import Answers, Question
from reverser.model.destination import Credentials, Destination
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule

log = structlog.get_logger()

SILENCE_SECONDS = 20.0
"""For one batch, which takes a tenth of a second."""
PIPE_BYTES = 1024 * 1024
LENGTH = struct.Struct("!I")
"""Stands before each message, in bytes."""
PROGRAM = "import sys; sys.path[:] = sys.argv[1:]; from reverser.app.decider_program import main; main()"
INHERITED = ("LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "PATH", "TZ")
QUOTA = Path("/sys/fs/cgroup/cpu.max")

encode = msgspec.msgpack.Encoder().encode
_answers = msgspec.msgpack.Decoder(list[Answers]).decode


class Setup(msgspec.Struct, frozen=True):
    """What decisions depend on, beside the object."""

    version: str
    """Of reverser, as this process runs it."""
    rules: tuple[Rule, ...]
    destinations: tuple[Destination, ...]
    sanitize: tuple[SanitizeRule, ...]
    sensitive: tuple[SensitiveRule, ...]
    digest_key: bytes
    disabled: tuple[str, ...]
    """Built-in plugins that are not asked."""


def setup_of(config: Config, digest_key: bytes) -> Setup:
    """The part of a configuration that decides; nobody logs in anywhere with it."""
    destinations = tuple(
        msgspec.structs.replace(each, credentials=Credentials(), signing=None) for each in config.destinations
    )
    return Setup(
        __version__,
        tuple(config.rules),
        destinations,
        tuple(config.sanitize),
        tuple(config.sensitive),
        digest_key,
        tuple(config.plugins.disabled),
    )


def processors(quota: Path = QUOTA) -> float:
    """How many of the machine's processors we may use, by affinity and by the container's limit."""
    # Only Linux tells on which processors a process may run.
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        most, period = quota.read_text().split()
        return allowed if most == "max" else min(allowed, int(most) / int(period))
    except (OSError, ValueError):
        return allowed


class DeciderProcess:
    """The process and the two pipes to it; the next question is sent before the last one is answered."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        """What it decides by."""
        self._process: trio.Process | None = None
        self._failed = False
        self._sending, self._receiving = trio.Lock(), trio.Lock()
        """Both are taken in the order of coming, so that each question gets its answer."""

    async def ask(self, questions: Sequence[Question]) -> Sequence[Answers]:
        """The answers; none where the process fails, whatever is wrong, from then on for good."""
        if self._failed:
            return ()
        try:
            with trio.fail_after(SILENCE_SECONDS):
                return await self._answered(questions)
        except Exception as error:
            if not self._failed:
                log.warning(
                    "second process failed, the daemon decides large lists alone", error=type(error).__name__
                )
            self._failed = True
            return ()

    async def _answered(self, questions: Sequence[Question]) -> Sequence[Answers]:
        try:
            async with self._sending:
                process = await self._started()
                await _send(process, encode(questions))
            async with self._receiving:
                return _answers(await self._next_message(process))
        except BaseException:
            # What its pipe holds, or will, is the answer to a question that nobody waits for.
            await self._end()
            raise

    async def _next_message(self, process: trio.Process) -> bytes:
        if process is not self._process:
            raise EOFError  # it was ended while another question waited for its answer
        return await _received(process)

    async def rest(self) -> None:
        """End the process, after what it was asked; the next question starts it again."""
        with trio.CancelScope(shield=True):
            async with self._sending, self._receiving:
                await self._end()

    async def close(self) -> None:
        """The same for good: a question that waits for its turn must not start the process again."""
        self._failed = True
        await self.rest()

    async def _started(self) -> trio.Process:
        if self._failed:
            raise EOFError
        if self._process is None:
            command = [sys.executable, "-I", "-c", PROGRAM, *sys.path]
            inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
            self._process = await trio.lowlevel.open_process(
                command, stdin=PIPE, stdout=PIPE, start_new_session=True, env=inherited
            )
            for pipe in (self._process.stdin, self._process.stdout):
                _widen(pipe)
            await _send(self._process, encode(self.setup))
        return self._process

    async def _end(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            with trio.CancelScope(shield=True):
                process.kill()
                await process.wait()


def _widen(pipe: Any) -> None:
    # A message then takes one turn of the event loop, not one for each 64 KiB. Whoever has many wide
    # pipes may have no more of them, and it works as it is, too.
    with suppress(OSError, AttributeError):  # it exists on Linux only
        fcntl.fcntl(pipe.fileno(), fcntl.F_SETPIPE_SZ, PIPE_BYTES)


async def _send(process: trio.Process, message: bytes) -> None:
    assert process.stdin is not None
    await process.stdin.send_all(LENGTH.pack(len(message)) + message)


async def _received(process: trio.Process) -> bytes:
    head = await _exactly(process, LENGTH.size)
    return await _exactly(process, *LENGTH.unpack(head))


async def _exactly(process: trio.Process, size: int) -> bytes:
    assert process.stdout is not None
    parts = bytearray()
    while len(parts) < size:
        part = await process.stdout.receive_some(size - len(parts))
        if not part:
            raise EOFError
        parts += part
    return bytes(parts)
