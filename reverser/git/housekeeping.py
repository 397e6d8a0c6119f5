"""Sets up the bare repository, sweeps and repacks it, and drops commits that were written and never pushed.

Each checkpoint leaves a small pack, and look-ups slow down with their number: about every hundred packs are
joined by a geometric repack in the background, never two at once. Git's own automatic maintenance is off,
since it would run at any time and drop objects that no staging ref holds yet.

A batch whose parent is no longer the remote's head is written anew on another, and a signature can differ
each time. Git keeps what nobody reaches in its packs for ever, and a geometric repack only joins packs. So we
count what is written and does not land, and from a certain size on have git leave it out. Nothing else
writes meanwhile: git would take an object that is just being dropped for one that is there.

A process that was killed leaves locks, temporary packs, crash reports, keys and its staging ref. Its
fast-import may outlive it for a moment, so each process names its own staging ref.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec
import structlog
import trio

from reverser.errors import StalledError, TransientError
from reverser.git import credentials, gnupg
from reverser.git.process import Git, environment, git_installed
from reverser.model.commit import Commit
from reverser.subprocesses import signal_group

log = structlog.get_logger()

STAGING = "refs/reverser/staging/"

LEFTOVERS = (
    "*.lock",
    "refs/**/*.lock",
    "objects/info/**/*.lock",
    "objects/pack/tmp_*",
    "objects/pack/.tmp-*",
    "fast_import_crash_*",
    "user.????????",
)

CHECKPOINTS = 100


class Prepared(msgspec.Struct, frozen=True):
    """A repository that can be used."""

    staging: str
    """The name of this process's staging ref."""
    leftover: bool
    """Whether an earlier process wrote commits that are not in the remote."""


async def prepare(git: Git) -> Prepared:
    """Make or sweep the repository."""
    try:
        await trio.to_thread.run_sync(_make, git)
    except OSError as error:
        message = f"cannot use {git.folder}: {error.strerror}"
        raise StalledError("DataDirectoryUnusable", message, hint="check data_dir and its owner") from error
    done = await git.run("init", "--bare", "--quiet", "--template=", "--initial-branch=main")
    if done.code:
        message = f"cannot use the repository {git.folder}: {done.stderr.strip()}"
        raise StalledError(
            "RepositoryUnusable", message, hint="it may be deleted: it is rebuilt from the remote"
        )
    refs = (await git.output("for-each-ref", "--format=%(refname)", STAGING)).decode().split()
    leftover = bool(refs) and not await _reached(git, refs)
    if refs:
        await git.output("update-ref", "--stdin", stdin="".join(f"delete {ref}\n" for ref in refs).encode())
    return Prepared(f"{STAGING}{os.getpid()}-{secrets.token_hex(4)}", leftover)


async def _reached(git: Git, refs: Sequence[str]) -> bool:
    """Whether all that these hold is in the remote's branch, as far as it was seen."""
    done = await git.run("rev-list", "--max-count=1", *refs, "--not", "--remotes")
    return done.code == 0 and not done.stdout


def _make(git: Git) -> None:
    git.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for pattern in LEFTOVERS:
        for leftover in git.folder.glob(pattern):
            leftover.unlink()
    for folder in git.folder.glob(f"{credentials.PREFIX}*"):
        shutil.rmtree(folder)
    for home in git.folder.glob(f"{gnupg.PREFIX}*"):
        # Its agent, if it still runs, ends now and removes its sockets at the same time.
        shutil.rmtree(home, ignore_errors=True)


class Repacker:
    """Counts checkpoints and starts a repack when there are enough."""

    def __init__(self, git: Git, observe: Callable[[str, float, bool], None]) -> None:
        self._git = git
        self._observe = observe
        self._checkpoints = 0
        self._started_at = 0.0
        self._process: trio.Process | None = None

    async def checkpoint(self) -> bool:
        """Count one checkpoint; True when a repack has just begun."""
        self._checkpoints += 1
        if self._checkpoints < CHECKPOINTS or self._running():
            return False
        self._checkpoints = 0
        self._started_at = trio.current_time()
        with git_installed():
            self._process = await trio.lowlevel.open_process(
                self._git.command("repack", "-d", "-n", "-q", "--geometric=2"),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment(),
            )
        return True

    async def close(self) -> None:
        """End a repack that is going on; what it has made so far is swept at the next start."""
        if self._process is not None and self._process.poll() is None:
            signal_group(self._process.pid, signal.SIGTERM)
            await self._process.wait()

    def _running(self) -> bool:
        if self._process is None:
            return False
        code = self._process.poll()
        if code is None:
            return True
        self._process = None
        self._observe("repack", trio.current_time() - self._started_at, code == 0)
        if code:
            log.warning("git repack failed", folder=str(self._git.folder), exit_code=code)
        return False


UNREACHABLE_BYTES_MOST = 32 * 1024 * 1024
"""Of content and commits that did not land, before git compresses them."""
COMMIT_BYTES = 1500
"""About what a commit and its trees take."""
KEPT_PACK_BYTES = 256 * 1024 * 1024
"""A larger pack is left as it is: to write it anew costs more than it gives back."""
LOOSE_EXPIRE = "1.hour.ago"
"""Younger files may be of a fetch that is going on."""
SILENT_SECONDS = 3600.0


class UnreachableObjects:
    """What the local repository holds and the remote will never have, by size."""

    def __init__(self, git: Git, *, leftover: bool) -> None:
        """`leftover`: an earlier process has left some."""
        self._git = git
        self._waiting: dict[str, int] = {}
        """Size of each batch that was written and has not landed, by its newest commit."""
        self._lost = UNREACHABLE_BYTES_MOST if leftover else 0

    def written(self, head: str, commits: Iterable[Commit]) -> None:
        """A batch is in the local repository; when it is written again as the same commits it counts once."""
        sizes = (COMMIT_BYTES + sum(edit.size for edit in each.edits) for each in commits)
        self._waiting[head] = sum(sizes)

    def landed(self, head: str) -> None:
        """The batch is in the remote's branch."""
        self._waiting.pop(head, None)

    def copied(self, commits: int) -> None:
        """So many commits were copied, and are not needed any more."""
        self._lost += commits * COMMIT_BYTES // 4

    @property
    def many(self) -> bool:
        """Whether it is worth the effort to drop them."""
        return self._lost + sum(self._waiting.values()) >= UNREACHABLE_BYTES_MOST

    async def drop(self) -> bool:
        """Have git leave out what no ref reaches; False when it could not."""
        self._waiting.clear()
        self._lost = 0
        try:
            await self._run("repack", "-a", "-d", "-q", "--threads=1", *self._large_packs())
            await self._run("prune", f"--expire={LOOSE_EXPIRE}")
        except TransientError as error:
            log.warning(
                "unreachable Git objects cannot be removed", folder=str(self._git.folder), error=str(error)
            )
            return False
        return True

    async def _run(self, *arguments: str) -> None:
        settings = (("repack.writeBitmaps", "false"),)
        done = await self._git.run(*arguments, settings=settings, silent_seconds=SILENT_SECONDS)
        if done.code:
            raise TransientError(done.stderr.strip() or f"git {arguments[0]} failed")

    def _large_packs(self) -> list[str]:
        packs = (self._git.folder / "objects" / "pack").glob("*.pack")
        return [f"--keep-pack={pack.name}" for pack in packs if _size(pack) > KEPT_PACK_BYTES]


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
