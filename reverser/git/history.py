"""Reads what landed on the remote branch: which commits, whose entries, which files.

One `git log` answers all. A record begins with a word that is random in each run, since neither
file names nor trailers can know it; fields end with NUL, which neither can hold. A merge counts for
the files in which it differs from all its parents: the others belong to the commits it merges.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator

import trio

from reverser.errors import TransientError
from reverser.git.objects import text
from reverser.git.process import Git
from reverser.model.repository import Landed

TRAILERS = "%x00".join(
    f"%(trailers:key={name},valueonly,unfold)"
    for name in ("Reverser-Entry", "Kubernetes-Cluster", "Reverser-Audit", "Reverser-Version")
)

OPTIONS = (
    "--reverse",
    "--topo-order",
    "-z",
    "--name-status",
    "--diff-merges=combined",
    "--no-renames",
    "--no-show-signature",
    "--no-notes",
    "--no-ext-diff",
    "--no-color",
)


async def is_ancestor(git: Git, old: str, head: str) -> bool:
    """Whether `head` contains `old`; an unknown commit is no ancestor.

    A command that failed (killed, a damaged object) has not answered: TransientError.
    """
    done = await git.run("merge-base", "--is-ancestor", f"{old}^{{commit}}", head)
    if done.code in (0, 1):
        return done.code == 0
    if await _missing(git, old) and not await _missing(git, head):
        return False
    hint = "if it lasts, stop the process and delete the bare repository in data_dir: it is fetched again"
    raise TransientError(f"git merge-base failed ({done.code}): {done.stderr.strip()}", hint=hint)


async def _missing(git: Git, commit: str) -> bool:
    """Whether git has looked, and has no such object; one that is damaged is there."""
    done = await git.run("cat-file", "-e", commit)
    return done.code == 1 and not done.stderr.strip()


async def landed(git: Git, since: str, head: str) -> list[Landed]:
    """Commits reachable from `head` but not from `since`, oldest first; all when it is no ancestor."""
    known = bool(since) and await is_ancestor(git, since, head)
    nonce = secrets.token_hex(16)
    output = await git.output(
        "log",
        *OPTIONS,
        f"--format={nonce}%H%x00{TRAILERS}%x00",
        head,
        *([f"^{since}"] if known else []),
        "--",
        settings=(("log.showRoot", "true"),),
    )
    return await trio.to_thread.run_sync(_parse, output, nonce.encode())


def _parse(output: bytes, nonce: bytes) -> list[Landed]:
    # The paths of a history repeat themselves: each is kept once.
    known: dict[bytes, str] = {}
    return [_commit(record, known) for record in _records(output, nonce)]


def _records(output: bytes, nonce: bytes) -> Iterator[bytes]:
    """One at a time: a second copy of a long history would take as much memory again."""
    start = output.find(nonce)
    while start >= 0:
        start += len(nonce)
        end = output.find(nonce, start)
        yield output[start : end if end >= 0 else None]
        start = end


def _commit(record: bytes, known: dict[bytes, str]) -> Landed:
    commit, entries, clusters, audits, versions, names = record.split(b"\0", 5)
    fields = [field for field in names.removeprefix(b"\0").removeprefix(b"\n").split(b"\0") if field]
    # A status and a path in turn; of a merge the status has a letter for each parent.
    changed = [(status, _path(path, known)) for status, path in zip(fields[::2], fields[1::2], strict=True)]
    return Landed(
        commit.decode(),
        tuple(filter(None, text(entries).splitlines())),
        tuple(path for _, path in changed),
        next(iter(text(clusters).splitlines()), ""),
        tuple(filter(None, text(audits).split("\n"))),
        tuple(path for status, path in changed if not status.strip(b"D")),
        tuple(path for status, path in changed if not status.strip(b"A")),
        tuple(filter(None, text(versions).split("\n"))),
    )


def _path(path: bytes, known: dict[bytes, str]) -> str:
    decoded = known.get(path)
    if decoded is None:
        decoded = known[path] = text(path)
    return decoded
