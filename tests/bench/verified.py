"""Whether git verifies every commit of a long signed run: snapshot, changes, a sweep, changes again."""

from __future__ import annotations

import os
import random
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import trio
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from reverser.git.sshsig import public_line
from reverser.model.destination import Destination, Signing
from reverser.model.secret import SecretRef
from tests.bench.options import Options, say
from tests.bench.pipeline import open_pipeline
from tests.bench.result import Row
from tests.e2e.remote import Remote, git

FILES = 1000
SWEPT = 50
BATCH = 200


def measure(options: Options) -> list[Row]:
    """All commits of the run are good; a single one that is not fails the measurement."""
    key = ed25519.Ed25519PrivateKey.generate()
    text = key.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption()).decode()
    remote = Remote(options.folder / "verified.git")
    trio.run(_run, options, remote, text)
    allowed = options.folder / "allowed_signers"
    allowed.write_text(f'reverser@localhost namespaces="git" {public_line(key)}\n')
    git("-C", remote.path, "config", "gpg.ssh.allowedSignersFile", allowed)
    commits, began = remote.commits(), time.perf_counter()
    say(f"verified: {len(commits):,} commits to verify")
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda some: git("-C", remote.path, "verify-commit", *some), _batches(commits)))
    seconds = time.perf_counter() - began
    return [
        Row("signed commits (SSH) that git verify-commit takes", f"{len(commits):,} of {len(commits):,}"),
        Row("time of git verify-commit for each", f"{seconds / len(commits) * 1000:.1f} ms"),
    ]


def _batches(commits: list[str]) -> Iterator[list[str]]:
    for start in range(0, len(commits), BATCH):
        yield commits[start : start + BATCH]


async def _run(options: Options, remote: Remote, key: str) -> None:
    changes, dice = 500 if options.quick else 5000, random.Random(7)
    live = Destination("live", remote.url, signing=Signing(SecretRef(value=key)))
    async with open_pipeline(options.folder / "verified", live) as pipeline:
        await pipeline.snapshot(FILES)
        await pipeline.live(dice.choices(range(FILES), k=changes))
        await pipeline.snapshot(FILES - SWEPT)
        assert len(remote.paths()) == FILES - SWEPT
        await pipeline.live(dice.choices(range(FILES - SWEPT), k=changes))
    assert len(remote.commits()) > 2 * changes
