"""Runs git, one command at a time, against one bare repository.

- Every child has a session of its own: Ctrl-C in a terminal does not reach it, and when we end it, whatever
  it started (ssh, git-remote-https) ends too.
- A command ends when it makes no progress for too long, not when it takes long: a first push of gigabytes
  over a slow line may take hours. Whatever a command reads or prints counts as progress. Commands that
  speak to a remote print their progress, and `without_progress` takes it out of what they print to people.
- The environment is ours without the `GIT_*` variables that would lead git elsewhere or make it print
  headers. Settings and credentials are `GIT_CONFIG_*` variables, never arguments, which other users of the
  machine can read. Output is in English (`LC_ALL=C`), since `errors` and `push` read it.
- The user's own Git configuration is not read; `user_config` copies the part of it that holds.
- Redirects are not followed, since credentials would go along to whatever host is named.
"""

from __future__ import annotations

import contextlib
import os
import re
import subprocess
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec
import trio

from reverser.errors import StalledError, TransientError, unwrap_group
from reverser.subprocesses import end_group
from reverser.turns import Turns

_PROGRESS = re.compile(
    r"(remote: *)?((Enumerating|Counting|Compressing|Writing|Receiving|Unpacking|Resolving|Checking|Updating)"
    r" (objects|deltas|connectivity|files|references): .*|Total \d+ \(delta .*|Delta compression using .*)"
)


class ProgressTimeout:
    """Ends `scope` when nothing has progressed for so many seconds."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.scope = trio.CancelScope(deadline=trio.current_time() + seconds)

    def progressed(self) -> None:
        """Put the end off."""
        self.scope.deadline = trio.current_time() + self._seconds


def without_progress(stderr: str) -> str:
    """What a command printed without its progress and the lines that it has overwritten."""
    lines = (line.rstrip() for line in re.split(r"[\r\n]+", stderr))
    return "".join(f"{line}\n" for line in lines if line and not _PROGRESS.fullmatch(line))


Settings: TypeAlias = Sequence[tuple[str, str]]

INHERITED = {"GIT_EXEC_PATH", "GIT_SSL_CAINFO"}
USERS_OWN = ("GIT_CONFIG_GLOBAL", "GIT_CONFIG_NOSYSTEM", "GIT_CONFIG_SYSTEM")
"""Where the user's configuration is; for the one command that reads it."""

SETTINGS: Settings = (
    ("core.hooksPath", os.devnull),
    ("credential.helper", ""),
    ("gc.auto", "0"),
    ("http.followRedirects", "false"),
    ("maintenance.auto", "false"),
)

FIXED = {
    "GIT_ASKPASS": "",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_TERMINAL_PROMPT": "0",
    "LC_ALL": "C",
}


AT_ONCE = 8
MOST_SECONDS = 20.0
"""A command that runs for longer goes on, and another one may begin."""
local = Turns(AT_ONCE, MOST_SECONDS)
"""Commands that speak to no remote, of all repositories."""

SILENT_SECONDS = 600.0
PIPED_BYTES = 64 * 1024


class Finished(msgspec.Struct, frozen=True):
    """The exit code and the output of a command."""

    code: int
    stdout: bytes
    stderr: str


class Git:
    """Commands against one bare repository; arguments name no other place."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    def command(self, *arguments: str) -> list[str]:
        """The argv of a git command here."""
        return ["git", f"--git-dir={self.folder}", *arguments]

    async def run(
        self,
        *arguments: str,
        stdin: bytes = b"",
        settings: Settings = (),
        variables: Mapping[str, str] | None = None,
        silent_seconds: float = SILENT_SECONDS,
        linger_seconds: float = 0.0,
        users_own: bool = False,
        turns: Turns = local,
    ) -> Finished:
        """Run one command to its end; TransientError when it makes no progress for too long.

        `silent_seconds`: how long it may read and print nothing.
        `linger_seconds`: how long it may go on when it is cancelled, or is silent, before it is ended.
        `users_own`: under the user's configuration.
        `turns`: among which commands it waits for its turn; those that speak to no remote.
        """
        runner = partial(
            trio.run_process,
            self.command(*arguments),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            check=False,
            deliver_cancel=partial(end_group, linger_seconds=linger_seconds),
            start_new_session=True,
            env=_users_own() if users_own else environment(settings, variables),
        )
        async with turns.turn():
            timeout = ProgressTimeout(silent_seconds)
            with timeout.scope, git_installed():
                return await _finished(runner, stdin, timeout)
        raise TransientError(
            f"git {arguments[0]} gave no answer and made no progress for {silent_seconds:g} s"
        )

    async def output(self, *arguments: str, stdin: bytes = b"", settings: Settings = ()) -> bytes:
        """Standard output of a local command that has no reason to fail."""
        done = await self.run(*arguments, stdin=stdin, settings=settings)
        if done.code:
            raise TransientError(f"git {arguments[0]} failed: {done.stderr.strip()}")
        return done.stdout


async def _finished(
    runner: Callable[..., Awaitable[object]], stdin: bytes, timeout: ProgressTimeout
) -> Finished:
    stdout, stderr = bytearray(), bytearray()
    try:
        async with trio.open_nursery() as nursery:
            process: trio.Process = await nursery.start(runner)
            assert process.stdin is not None
            assert process.stdout is not None
            assert process.stderr is not None
            nursery.start_soon(_feed, process.stdin, stdin, timeout)
            nursery.start_soon(_drain, process.stdout, stdout, timeout)
            nursery.start_soon(_drain, process.stderr, stderr, timeout)
    except BaseExceptionGroup as group:
        raise unwrap_group(group, OSError) from None
    return Finished(process.returncode or 0, bytes(stdout), stderr.decode(errors="replace"))


async def _feed(stream: trio.abc.SendStream, content: bytes, timeout: ProgressTimeout) -> None:
    async with stream:
        for start in range(0, len(content), PIPED_BYTES):
            try:
                await stream.send_all(memoryview(content)[start : start + PIPED_BYTES])
            except trio.BrokenResourceError:
                return  # it reads no more; what it thinks of that it tells
            timeout.progressed()


async def _drain(stream: trio.abc.ReceiveStream, into: bytearray, timeout: ProgressTimeout) -> None:
    async with stream:
        async for data in stream:
            into += data
            timeout.progressed()


def environment(settings: Settings = (), variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """The environment of a git command."""
    inherited = {name: value for name, value in os.environ.items() if _is_inherited(name)}
    rows = (*SETTINGS, *settings)
    keys = {f"GIT_CONFIG_KEY_{number}": key for number, (key, _) in enumerate(rows)}
    values = {f"GIT_CONFIG_VALUE_{number}": value for number, (_, value) in enumerate(rows)}
    return inherited | FIXED | {"GIT_CONFIG_COUNT": str(len(rows))} | keys | values | dict(variables or {})


def _users_own() -> dict[str, str]:
    there = {name: os.environ[name] for name in USERS_OWN if name in os.environ}
    return {name: value for name, value in environment().items() if name not in USERS_OWN} | there


@contextlib.contextmanager
def git_installed() -> Iterator[None]:
    """Translate what keeps git from being started into a sentence for a person."""
    try:
        yield
    except FileNotFoundError as error:
        raise StalledError("GitMissing", "git is not installed", hint="install git 2.39 or newer") from error
    except OSError as error:
        raise TransientError(f"git cannot be started: {error.strerror or error}") from error


def _is_inherited(name: str) -> bool:
    return name in INHERITED or not name.startswith(("GIT_", "SSH_ASKPASS", "LC_", "LANG"))
