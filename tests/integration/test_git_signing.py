"""Signed commits, verified by git itself."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import msgspec
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519, rsa

from reverser.errors import StalledError
from reverser.git.repository import open_repository
from reverser.git.sshsig import load, public_line
from reverser.model.destination import Destination, Signing
from reverser.model.secret import SecretRef
from tests.e2e.remote import Remote, git
from tests.integration.gitsupport import commit, destination
from tests.integration.signing_keys import CURVES, FORM, made


def signing(remote: Remote, key: Path) -> Destination:
    return msgspec.structs.replace(destination(remote.url), signing=Signing(SecretRef(file=str(key))))


def verify(remote: Remote, *keys: bytes) -> None:
    """Every commit of the branch is well signed by one of the keys, and the repository is sound."""
    allowed = remote.path / "allowed_signers"
    lines = [f'reverser@localhost namespaces="git" {public_line(load(key))}\n' for key in keys]
    allowed.write_text("".join(lines))
    git("-C", remote.path, "config", "gpg.ssh.allowedSignersFile", allowed)
    for start in range(0, len(remote.commits()), 100):
        git("-C", remote.path, "verify-commit", *remote.commits()[start : start + 100])
    git("-C", remote.path, "fsck", "--strict")


@pytest.mark.parametrize("kind", ["ed25519", *CURVES])
async def test_git_verifies_every_commit(tmp_path: Path, kind: str) -> None:
    """Few and many at once, odd words and authors, changes that cancel out: all signed, in one chain."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_bytes(made(kind))
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        [one] = await repository.write([commit("ä\n\nbody\n\n  indented", a="1")], "")
        many = [commit(f"change {number}", a=str(number)) for number in range(150)]
        ids = await repository.write([*many, commit("again", a="149")], one)
        assert ids[-1] == ids[-2]
        assert (await repository.push(ids[-1], "")).landed

    verify(remote, key.read_bytes())
    assert len(remote.commits()) == 151
    assert remote.show("a") == "149"


async def test_a_key_is_rotated_without_a_restart(tmp_path: Path) -> None:
    """The next commit has the new signature, the old ones keep theirs."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    old, new = made("ed25519"), made("ed25519")
    key.write_bytes(old)
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        [one] = await repository.write([commit(a="1")], "")
        key.write_bytes(new)
        [two] = await repository.write([commit(a="2")], one)
        await repository.push(two, "")

    verify(remote, old, new)
    with pytest.raises(AssertionError):
        verify(remote, old)


async def test_notes_are_signed_like_commits(tmp_path: Path) -> None:
    """The first of their commits, and those on top of it."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_bytes(made("ed25519"))
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")
        for text in ("first", "second"):
            assert (await repository.annotate({one: text}, "Reverser <reverser@localhost>", 1.0)).landed

    verify(remote, key.read_bytes())
    notes = git("-C", remote.path, "rev-list", "refs/notes/reverser").split()
    assert len(notes) == 2
    git("-C", remote.path, "verify-commit", *notes)
    assert git("-C", remote.path, "notes", "--ref=reverser", "show", one).strip() == "second"


async def test_the_same_commit_twice_is_one(tmp_path: Path) -> None:
    """With ed25519 what is written again after a lost push is the same commit."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_bytes(made("ed25519"))
    ids = []
    for folder in ("one", "two"):
        async with open_repository(tmp_path / folder, signing(remote, key)) as repository:
            ids.append(await repository.write([commit(a="1"), commit(a="2")], ""))

    assert ids[0] == ids[1]


RSA = rsa.generate_private_key(65537, 2048).private_bytes(*FORM)
LOCKED = ed25519.Ed25519PrivateKey.generate().private_bytes(
    serialization.Encoding.PEM,
    serialization.PrivateFormat.PKCS8,
    serialization.BestAvailableEncryption(b"secret"),
)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "empty"),
        (b"nonsense\n", "not a private key"),
        (RSA, "neither an ed25519 key"),
        (LOCKED, "passphrase"),
    ],
)
async def test_a_key_that_cannot_sign_stalls(tmp_path: Path, content: bytes, told: str) -> None:
    """Nothing is written unsigned; with a good key in its place it goes on."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_bytes(content)
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        with pytest.raises(StalledError, match=told):
            await repository.write([commit(a="1")], "")
        key.write_bytes(made("ed25519"))
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")

    verify(remote, key.read_bytes())


def test_a_key_is_made_and_told(tmp_path: Path) -> None:
    """`keys new` makes what ssh-keygen reads, for its owner alone, and never takes the place of another."""
    path = tmp_path / "keys" / "signing"
    command = [sys.executable, "-m", "reverser", "keys", "new", str(path)]
    first = subprocess.run(command, capture_output=True, text=True, check=False)
    second = subprocess.run(command, capture_output=True, text=True, check=False)

    assert first.returncode == 0, first.stderr
    assert path.stat().st_mode & 0o777 == 0o600
    assert first.stdout == path.with_name("signing.pub").read_text()
    assert first.stdout.split()[:2] == public_line(load(path.read_bytes())).split()
    assert second.returncode == 2
    assert "already there" in second.stderr


def test_a_key_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """In a sentence, and no file beside it is harmed."""
    other, path = tmp_path / "signing.new", tmp_path / "signing"
    other.write_text("mine")
    command = [sys.executable, "-m", "reverser", "keys", "new"]
    done = subprocess.run([*command, str(path)], capture_output=True, text=True, check=False)
    refused = subprocess.run([*command, str(path / "below")], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stderr
    assert other.read_text() == "mine"
    assert refused.returncode == 2
    assert "cannot be written" in refused.stderr
    assert "Traceback" not in refused.stderr
