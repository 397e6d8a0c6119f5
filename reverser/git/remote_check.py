"""Checks a remote for `reverser check`: can the branch be read, may we push? It leaves nothing behind."""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.git.errors import translate
from reverser.git.housekeeping import prepare
from reverser.git.process import Git
from reverser.git.remote import Ask, Remote, check_creation
from reverser.model.destination import Destination

AUTHOR = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "reverser"), ("EMAIL", "reverser@localhost"), ("DATE", "0 +0000"))
}


class RemoteReport(msgspec.Struct, frozen=True):
    """What a remote answered; `reason` is empty when all is well."""

    reachable: bool
    head: str = ""
    """The commit of the branch; empty when the branch is missing: the first push makes it if it may."""
    push_allowed: bool = False
    reason: str = ""
    """One CamelCase word: what is wrong."""
    message: str = ""
    """The remote's words, free of credentials."""
    hint: str = ""


async def check_remote(
    destination: Destination, login: Ask | None = None, *, silent_seconds: float = 30.0
) -> RemoteReport:
    """Read the branch, then push a scratch commit as a dry run.

    A dry run proves that the credentials may push to the repository at all. It does not ask the
    remote's hooks and branch protection, which still may refuse the real push.
    """
    with tempfile.TemporaryDirectory(prefix="reverser-probe-") as folder:
        remote = Remote(Git(Path(folder)), destination, silent_seconds, login)
        try:
            await prepare(remote.git)
            head = await _head(remote)
        except (StalledError, TransientError) as error:
            return _failed(error, RemoteReport(reachable=False))
        try:
            if not head:
                await check_creation(remote)
            await _try_push(remote)
        except (StalledError, TransientError) as error:
            return _failed(error, RemoteReport(reachable=True, head=head))
        return RemoteReport(reachable=True, head=head, push_allowed=True)


async def _head(remote: Remote) -> str:
    done = await remote.run("ls-remote", "--quiet", "origin", remote.ref)
    if done.code:
        raise translate(done.stderr)
    return done.stdout.decode().partition("\t")[0]


async def _try_push(remote: Remote) -> None:
    tree = (await remote.git.output("hash-object", "-w", "-t", "tree", "--stdin")).decode().strip()
    done = await remote.git.run("commit-tree", "-m", "probe", tree, variables=AUTHOR)
    scratch = done.stdout.decode().strip()
    done = await remote.run("push", "--dry-run", "--porcelain", "origin", f"{scratch}:refs/reverser/probe")
    if done.code:
        raise translate(done.stderr)


def _failed(error: ReverserError, report: RemoteReport) -> RemoteReport:
    reason = error.reason if isinstance(error, StalledError) else "Unreachable"
    return msgspec.structs.replace(report, reason=reason, message=error.message, hint=error.hint)
