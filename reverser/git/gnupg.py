"""A GNUPGHOME of our own, for as long as it is open: never the user's, readable by nobody else.

It is beside the objects of the repository, where `housekeeping` finds and sweeps what a killed process has
left; an agent whose home is removed ends by itself. Where the path of its socket would be longer than the
kernel allows, programs get a short link to the home instead.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
from functools import partial
from pathlib import Path

import trio

from reverser.errors import StalledError, TransientError
from reverser.git.process import Finished, environment
from reverser.subprocesses import end_group

PREFIX = "gnupg-"
"""Of the folders; what a killed process has left is swept by `housekeeping`."""
SOCKET = "S.gpg-agent.browser"
"""The longest of an agent's sockets."""
SOCKET_BYTES_MOST = 106
"""The kernel takes 107; libassuan, by which gpg talks to its agent, wants one byte more to spare."""
TIMEOUT_SECONDS = 30.0

AGENT = "s2k-count 65536\ndisable-scdaemon\n"
"""A key with a passphrase is opened anew for each signature: by default the agent makes that take a tenth
of a second or more. The passphrase is as near at hand as the key, so that a slow way to it protects
nothing."""


class Home:
    """Made by `make`; whoever has one closes it."""

    def __init__(self, folder: Path, link: Path | None) -> None:
        self._folder = folder
        self._link = link
        self._path = link or folder

    @classmethod
    def make(cls, beside: Path) -> Home:
        """A new, empty home in a folder. StalledError when there is no place for it."""
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=beside))
            (folder / "gpg-agent.conf").write_text(AGENT)
            return cls(folder, None if _fits(folder) else _link(folder))
        except OSError as error:
            message = f"no place for a GnuPG home in {beside}: {error.strerror}"
            raise StalledError(
                "DataDirectoryUnusable", message, hint="check data_dir and its owner"
            ) from error

    async def gpg(self, *arguments: str, stdin: bytes = b"") -> Finished:
        """Run gpg to its end; nothing is ever asked. TransientError when it takes too long."""
        return await self._run("gpg", "--batch", "--no-tty", *arguments, stdin=stdin)

    async def close(self) -> None:
        """End the agent, and remove all."""
        agent = await self._agent()
        if agent:
            _end(agent)
        if self._link is not None:
            shutil.rmtree(self._link.parent, ignore_errors=True)
        shutil.rmtree(self._folder, ignore_errors=True)

    async def _run(self, *command: str, stdin: bytes = b"") -> Finished:
        runner = partial(
            trio.run_process,
            command,
            stdin=stdin,
            capture_stdout=True,
            capture_stderr=True,
            check=False,
            deliver_cancel=end_group,
            start_new_session=True,
            env=environment(variables={"GNUPGHOME": str(self._path)}),
        )
        with trio.move_on_after(TIMEOUT_SECONDS):
            try:
                done: subprocess.CompletedProcess[bytes] = await runner()
            except FileNotFoundError as error:
                hint = "install GnuPG 2.2 or newer (Debian: gpg and gpg-agent)"
                raise StalledError("GpgMissing", f"{command[0]} is not installed", hint=hint) from error
            except OSError as error:
                raise TransientError(f"{command[0]} cannot be started: {error.strerror or error}") from error
            return Finished(done.returncode, done.stdout, done.stderr.decode(errors="replace"))
        raise TransientError(f"{command[0]} gave no answer within {TIMEOUT_SECONDS:g} s")

    async def _agent(self) -> int:
        """The process of the agent that gpg has started; 0 when there is none, or it does not answer."""
        try:
            done = await self._run("gpg-connect-agent", "--no-autostart", "GETINFO pid", "/bye")
        except (StalledError, TransientError):
            return 0
        first, _, pid = done.stdout.decode(errors="replace").partition("\n")[0].partition(" ")
        return int(pid) if first == "D" and pid.isdecimal() else 0


def _fits(home: Path) -> bool:
    return len(os.fsencode(home / SOCKET)) <= SOCKET_BYTES_MOST


def _link(home: Path) -> Path:
    link = Path(tempfile.mkdtemp(prefix="reverser-")) / "g"
    link.symlink_to(home)
    if _fits(link):
        return link
    shutil.rmtree(link.parent)
    shutil.rmtree(home)
    message = f"the path of {home} is too long for the socket of gpg-agent"
    raise StalledError(
        "DataDirectoryUnusable", message, hint="choose a shorter data_dir, or a shorter TMPDIR"
    )


def _end(agent: int) -> None:
    """The agent is nobody's child, but ours in a container whose first process we are: then it is reaped."""
    with contextlib.suppress(ProcessLookupError, ChildProcessError):
        os.kill(agent, signal.SIGKILL)
        os.waitpid(agent, 0)
