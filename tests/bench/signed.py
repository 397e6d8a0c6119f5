"""Sustained commits a second when each is signed with an SSH key."""

from __future__ import annotations

import random
import statistics

import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from reverser.model.destination import Destination, Signing
from reverser.model.secret import SecretRef
from tests.bench.options import Options, say
from tests.bench.pipeline import open_pipeline
from tests.bench.result import Row, at_least
from tests.e2e.remote import Remote

FILES = 1000
GOAL = 400


def measure(options: Options) -> list[Row]:
    """The rate in a branch of 1,000 files."""
    rate = trio.run(_rate, options)
    return [at_least(f"signed commits (SSH, ed25519), {FILES:,} files", rate, GOAL, "a second")]


async def _rate(options: Options) -> float:
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(*form).decode()
    remote, rates = Remote(options.folder / "signed.git"), []
    changes = 500 if options.quick else 5000
    live = Destination("live", remote.url, signing=Signing(SecretRef(value=key)))
    async with open_pipeline(options.folder / "signed", live) as pipeline:
        await pipeline.snapshot(FILES)
        for turn in range(options.repeat):
            before = remote.head()
            seconds = await pipeline.live(random.Random(turn).choices(range(FILES), k=changes))
            assert len(remote.commits(before)) == changes
            rates.append(changes / seconds)
            say(f"signed: {rates[-1]:,.0f} a second")
    return statistics.median(rates)
