"""Sustained commits a second when each is signed, and whether git takes all of the signatures."""

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
from tests.openpgp import keyring

FILES = 1000
GOAL = 400


def measure(options: Options) -> list[Row]:
    """The rate in a branch of 1,000 files, with an SSH key."""
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    key = ed25519.Ed25519PrivateKey.generate().private_bytes(*form).decode()
    remote, changes = Remote(options.folder / "signed.git"), 500 if options.quick else 5000
    rate = trio.run(_rate, options, remote, key, changes)
    return [at_least(f"signed commits (SSH, ed25519), {FILES:,} files", rate, GOAL, "a second")]


def measure_openpgp(options: Options) -> list[Row]:
    """The same with an OpenPGP key; gpg is called once a commit, so there is no goal but the truth."""
    remote, changes = Remote(options.folder / "openpgp.git"), 50 if options.quick else 500
    with keyring() as ring:
        rate = trio.run(_rate, options, remote, ring.make("bench"), changes)
        ring.verify(remote)
    return [Row(f"signed commits (OpenPGP, ed25519), {FILES:,} files", f"{rate:,.0f} a second")]


async def _rate(options: Options, remote: Remote, key: str, changes: int) -> float:
    rates = []
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
