"""Learns what the remote branch has become.

Only our branch, no tags. The fetch is complete, neither shallow nor without blobs: exactly-once
rests on reading the whole history's trailers, and a repository with promised blobs asks the network
for them one by one in the middle of local work, with credentials that are not there.
"""

from __future__ import annotations

from reverser.git.complaint import translate
from reverser.git.remote import TRACKING, Remote

PATIENCE = 10.0
"""A first fetch moves the whole history; it may take this many times as long as a push."""


async def fetch(remote: Remote) -> str:
    """Fetch the remote branch, even if its history was rewritten; its head, or "" when it is missing."""
    done = await remote.run(
        "fetch",
        "--no-tags",
        "--no-write-fetch-head",
        "--no-recurse-submodules",
        "--quiet",
        "origin",
        patience=PATIENCE,
    )
    if done.code == 0:
        return (await remote.git.output("rev-parse", "--verify", TRACKING)).decode().strip()
    if f"couldn't find remote ref {remote.ref}" in done.stderr:
        return ""
    raise translate(done.stderr)
