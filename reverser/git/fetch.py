"""Learns what the remote branch has become.

Only our branch, no tags. The fetch is complete, neither shallow nor without blobs: exactly-once
rests on reading the whole history's trailers, and a repository with promised blobs asks the network
for them one by one in the middle of local work, with credentials that are not there. A fetch that is
broken off begins again from nothing, so that it goes on for as long as it makes progress.
"""

from __future__ import annotations

from reverser.git.errors import translate
from reverser.git.remote import TRACKING, Remote


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
