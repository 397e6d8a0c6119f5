"""The remote of a destination: git commands that speak to it, logged in, and ended when they hang.

URL and refspec are given with each command and are not in the repository's configuration, so that a
destination whose URL or branch changes leaves nothing behind. Both fetch and push move `TRACKING`, which
has the remote's head of the last time.

A fetch reads our branch and no tags. It is complete, neither shallow nor without blobs: that each entry
lands exactly once rests on the trailers of the whole history, and a repository without blobs would ask the
network for them one by one in the middle of local work, without our credentials. A fetch that breaks off
begins again from nothing, so it goes on for as long as it makes progress.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TypeAlias

import msgspec

from reverser.errors import TransientError
from reverser.git.credentials import login
from reverser.git.errors import translate
from reverser.git.process import Finished, Git, Settings, without_progress
from reverser.git.user_config import take
from reverser.model.destination import Credentials, Destination

Ask: TypeAlias = Callable[[Destination], Awaitable[Credentials]]
"""How to log in now. Raises StalledError."""

TRACKING = "refs/remotes/origin/branch"
PUSH_LINGER_SECONDS = 2.0
"""A push that is ended in the middle may leave a lock behind, in a remote on the same disk too, where
nobody would ever take it away. Most are done sooner than this."""

REDIRECTED = re.compile(r"returned error: 30\d")
TRACE = {"GIT_TRACE_CURL": "1", "GIT_TRACE_CURL_NO_DATA": "1"}
"""Prints the headers of requests and answers; git leaves our credentials out."""
LOCATION = re.compile(
    r"<= Recv header: location: *(\S+?)(?:/info/refs)?(?:\?\S*)?$", re.IGNORECASE | re.MULTILINE
)


class Remote:
    """One remote branch, spoken to through one bare repository."""

    def __init__(
        self, git: Git, destination: Destination, silent_seconds: float, login: Ask | None = None
    ) -> None:
        """`login` returns the credentials for each command, in place of the destination's."""
        self._ask_login = login
        self.git = git
        self.ref = f"refs/heads/{destination.branch}"
        self.silent_seconds = silent_seconds
        self._destination = destination
        self._config: Path | None = None
        self._settings = (
            ("remote.origin.url", destination.url),
            ("remote.origin.fetch", f"+{self.ref}:{TRACKING}"),
        )

    async def push(self, ref: str, new: str, old: str, *, settings: Settings = ()) -> Finished:
        """Move one ref of the remote from `old` ("" = none) to `new`, which descends from it, or not at all.

        Answered for `push.interpret`; as `run`, but a cancelled one may end by itself.
        """
        return await self.run(
            "push",
            "--porcelain",
            "--progress",
            "--no-follow-tags",
            "--no-signed",
            "--recurse-submodules=no",
            f"--force-with-lease={ref}:{old}",
            "origin",
            f"{new}:{ref}",
            settings=settings,
            linger_seconds=PUSH_LINGER_SECONDS,
        )

    async def run(self, *arguments: str, settings: Settings = (), linger_seconds: float = 0.0) -> Finished:
        """Run a command that speaks to `origin`; what it says comes back free of secrets.

        StalledError: the credentials cannot be read. TransientError: it made no progress.
        """
        try:
            if self._config is None or arguments[0] != "push":
                self._config = await take(self.git)
            with login(await self._with_credentials(), self.git.folder) as access:
                command = partial(
                    self.git.run,
                    settings=(*self._settings, *access.settings, *settings),
                    silent_seconds=self.silent_seconds,
                    linger_seconds=linger_seconds,
                )
                variables = access.variables | {"GIT_CONFIG_GLOBAL": str(self._config)}
                done = await command(*arguments, variables=variables)
                if done.code and REDIRECTED.search(done.stderr):
                    traced = await command("ls-remote", "origin", variables=variables | TRACE)
                    done = msgspec.structs.replace(done, stderr=done.stderr + _moved(traced.stderr))
        except OSError as error:
            message = f"the login cannot be prepared: {error.strerror or error}"
            raise TransientError(message, hint="free some space on the disk of data_dir") from error
        return msgspec.structs.replace(done, stderr=access.redact(without_progress(done.stderr)))

    async def _with_credentials(self) -> Destination:
        """The destination with the credentials of now."""
        if self._ask_login is None:
            return self._destination
        credentials = await self._ask_login(self._destination)
        return msgspec.structs.replace(self._destination, credentials=credentials)


def _moved(trace: str) -> str:
    """Where a redirect leads to, in a line like one of the remote's own."""
    match = LOCATION.search(trace)
    return f"\nremote: it redirects to {match[1]}\n" if match else ""


async def fetch(remote: Remote) -> str:
    """Fetch the remote branch, even if its history was rewritten; its head, or "" when it is missing."""
    done = await remote.run(
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--progress",
        "origin",
    )
    if done.code == 0:
        return (await remote.git.output("rev-parse", "--verify", TRACKING)).decode().strip()
    if f"couldn't find remote ref {remote.ref}" in done.stderr:
        return ""
    raise translate(done.stderr)
