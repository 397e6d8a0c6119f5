"""Git notes: what became known of a commit after it was pushed.

Notes have a ref of their own, `refs/notes/reverser`, so that no commit changes. Whoever writes to the
same branch may write notes too: what is on the remote is fetched first, and a lost race is run again.
"""

from __future__ import annotations

from collections.abc import Mapping

import trio

from reverser.git.errors import translate
from reverser.git.fastimport import note, notes
from reverser.git.remote import Remote, interpret
from reverser.git.signing import Signer
from reverser.model.commit import PushOutcome, PushResult

REF = "refs/notes/reverser"
RACES_MOST = 5


async def annotate(
    remote: Remote,
    texts: Mapping[str, str],
    committer: str,
    now: float,
    signer: Signer | None,
    writing: trio.Lock,
) -> PushResult:
    """Put a note at each of these commits, in place of an older one, and push.

    `committer` is `Name <email>`, `now` Unix seconds; with a `signer` the commit is signed. `writing` is
    held while objects are written that no ref reaches yet. Raises TransientError or StalledError.
    """
    result = PushResult(PushOutcome.STALE)
    for _ in range(RACES_MOST):
        head = await _fetch(remote)
        stream = notes(REF, committer, now, head) + b"".join(note(*each) for each in texts.items())
        async with writing:
            new = await _write(remote, stream, head, signer)
        result = interpret(await remote.push(REF, new, head), "")
        if result.outcome is not PushOutcome.STALE:
            break
    return result


async def _write(remote: Remote, stream: bytes, parent: str, signer: Signer | None) -> str:
    await remote.git.output("fast-import", "--quiet", stdin=stream)
    new = await _head(remote)
    if signer is not None:
        [new] = await signer.signed([new], parent)
        await remote.git.output("update-ref", REF, new)
    return new


async def _fetch(remote: Remote) -> str:
    """Take over what the remote has; "" when it has none."""
    done = await remote.run(
        "fetch", "--no-tags", "--no-write-fetch-head", "--progress", "origin", f"+{REF}:{REF}"
    )
    if done.code == 0:
        return await _head(remote)
    if f"couldn't find remote ref {REF}" not in done.stderr:
        raise translate(done.stderr)
    await remote.git.run("update-ref", "-d", REF)
    return ""


async def _head(remote: Remote) -> str:
    return (await remote.git.output("rev-parse", "--verify", REF)).decode().strip()
