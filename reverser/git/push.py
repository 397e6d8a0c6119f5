"""Moves the remote branch, and turns git's answer into a `PushResult`.

A push is a compare-and-swap: it lands if the remote's ref is at exactly the commit that ours was built
on (`--force-with-lease=<ref>:<parent>`), else not at all. Without the parent git would push onto any
ancestor too, and bring back what somebody has just rewound. Ours always descends from that parent, so
that a remote that refuses forced pushes takes it.

`git push --porcelain` prints one line a ref: flag, refs, and a summary whose words tell a race (STALE)
from a policy (REFUSED). The remote's own words are `remote:` lines on stderr.

| flag | summary | outcome |
|---|---|---|
| blank, `*` | | PUSHED |
| `=` | | UP_TO_DATE |
| `!` | `[rejected]`; or the ref moved between the remote's offer and our update | STALE |
| `!` | the remote could not store it | UNREACHABLE |
| `!` | any other `[remote rejected]` | REFUSED |
| none | by the words on stderr | DENIED or UNREACHABLE |
"""

from __future__ import annotations

import re

from reverser.errors import ReverserError, StalledError, TransientError
from reverser.git.errors import translate
from reverser.git.process import Finished, Settings
from reverser.git.remote import Remote
from reverser.model.commit import PushOutcome, PushResult

REJECTED = re.compile(r"\[rejected\]|incorrect old value|\(reference (already exists|does not exist)\)")

NOT_STORED = re.compile(
    r"\[remote failure\]|unpacker error|failed to update ref|cannot lock ref|migrate objects"
)

MOVED = re.compile(r"cannot lock ref (?:(?!cannot lock ref ).)*?(?:but expected|reference already exists)")

IMPOSSIBLE = re.compile(r"exists; cannot create")
"""A branch `main/x` stands where `main` should be: a person must choose another name."""

FLAGS = {" ": PushOutcome.PUSHED, "*": PushOutcome.PUSHED, "=": PushOutcome.UP_TO_DATE}


MANY = 50

AS_WRITTEN: Settings = (("pack.window", "0"),)
"""Send objects as fast-import left them: many commits leave in 0.6 of the time, as twice the bytes."""


async def push(remote: Remote, head: str, parent: str, commits: int = 1) -> PushResult:
    """Move the remote branch from `parent` ("" = it is missing) to `head`, which descends from it.

    `commits`: about so many of them are new.
    """
    settings = AS_WRITTEN if commits >= MANY else ()
    try:
        done = await remote.push(remote.ref, head, parent, settings=settings)
    except (StalledError, TransientError) as error:
        return _failed(error)
    return interpret(done, head)


def interpret(done: Finished, head: str) -> PushResult:
    """What the answer of `git push --porcelain` of one ref means."""
    for line in done.stdout.decode(errors="replace").splitlines():
        flag, _, rest = line.partition("\t")
        if rest and flag in FLAGS and done.code == 0:
            return PushResult(FLAGS[flag], head)
        if rest and flag == "!":
            summary = rest.partition("\t")[2]
            return PushResult(_refusal(summary, done.stderr), message=_message(summary, done.stderr))
    return _failed(translate(done.stderr))


def _refusal(summary: str, stderr: str) -> PushOutcome:
    if REJECTED.search(summary):
        return PushOutcome.STALE
    if not NOT_STORED.search(summary) or IMPOSSIBLE.search(summary + stderr):
        return PushOutcome.REFUSED
    return PushOutcome.STALE if MOVED.search(summary + stderr) else PushOutcome.UNREACHABLE


def _message(summary: str, stderr: str) -> str:
    lines = [
        line.removeprefix("remote:").strip() for line in stderr.splitlines() if line.startswith("remote:")
    ]
    return "; ".join([summary, *filter(None, lines)])[:1000]


def _failed(error: ReverserError) -> PushResult:
    outcome = PushOutcome.DENIED if isinstance(error, StalledError) else PushOutcome.UNREACHABLE
    hint = f" ({error.hint})" if error.hint else ""
    return PushResult(outcome, message=f"{error.message}{hint}")
