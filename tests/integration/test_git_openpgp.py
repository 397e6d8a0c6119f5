"""Commits signed with OpenPGP keys, verified by git and gpg with somebody else's keyring."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
import trio

from reverser.errors import StalledError, TransientError
from reverser.git import gnupg
from reverser.git.repository import open_repository
from reverser.model.destination import Destination, Signing
from reverser.model.secret import SecretRef
from tests.e2e.remote import Remote, git
from tests.integration.gitsupport import commit, destination, processes
from tests.openpgp import Keyring, keyring, needed


@pytest.fixture
def ring() -> Iterator[Keyring]:
    """Where keys are made and commits are verified."""
    needed()
    with keyring() as made:
        yield made


def signing(remote: Remote, key: Path, passphrase: str = "") -> Destination:
    secret = SecretRef(value=passphrase) if passphrase else None
    return msgspec.structs.replace(destination(remote.url), signing=Signing(SecretRef(file=str(key)), secret))


def left(folder: Path) -> list[Path]:
    """What is there of a home of ours."""
    return [path for path in folder.rglob("*") if gnupg.PREFIX in str(path.relative_to(folder))]


@pytest.mark.parametrize(
    ("algorithm", "passphrase"), [("ed25519", ""), ("rsa3072", ""), ("nistp256", ""), ("ed25519", "öde pass")]
)
async def test_git_verifies_every_commit(
    tmp_path: Path, ring: Keyring, algorithm: str, passphrase: str
) -> None:
    """Few and many at once, odd words: all signed, in one chain, and no home and no agent stays."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(ring.make("signer", algorithm=algorithm, passphrase=passphrase))
    async with open_repository(tmp_path / "ours", signing(remote, key, passphrase)) as repository:
        [one] = await repository.write([commit("ä\n\nbody\n\n  indented", a="1")], "")
        many = [commit(f"change {number}", a=str(number)) for number in range(40)]
        ids = await repository.write(many, one)
        assert (await repository.push(ids[-1], "")).landed
        assert left(tmp_path / "ours")
        assert {path.stat().st_mode & 0o077 for path in (tmp_path / "ours").glob(f"{gnupg.PREFIX}*")} == {0}

    ring.verify(remote)
    git("-C", remote.path, "fsck", "--strict")
    assert len(remote.commits()) == 41
    assert left(tmp_path / "ours") == []
    assert agents(tmp_path / "ours") == []


def agents(folder: Path) -> list[int]:
    """Agents that still run for homes in a folder."""
    return [
        pid for pid in processes(str(folder)) if b"gpg-agent" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]


async def test_a_subkey_signs_alone(tmp_path: Path, ring: Keyring) -> None:
    """A key whose main part stays at home, as people are told to keep it, signs with its subkey."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    ring.make("signer", usage="cert")
    rows = ring.gpg("--with-colons", "--list-secret-keys").splitlines()
    fingerprint = next(row.split(":")[9] for row in rows if row.startswith("fpr:"))
    ring.gpg("--passphrase", "", "--quick-add-key", fingerprint, "ed25519", "sign", "0")
    key.write_text(ring.gpg("--armor", "--export-secret-subkeys", fingerprint))
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")

    ring.verify(remote)


async def test_a_key_is_rotated_without_a_restart(tmp_path: Path, ring: Keyring) -> None:
    """Swapped as Kubernetes swaps a mounted Secret, for another, then for SSH: the next commit has it."""
    remote, mount = Remote(tmp_path / "remote.git"), tmp_path / "mount"
    ssh = ssh_key(tmp_path / "ssh")
    texts = [ring.make("old"), ring.make("new"), ssh.read_text()]
    mount.mkdir()
    (mount / "key").symlink_to("..data/key")
    head = ""
    async with open_repository(tmp_path / "ours", signing(remote, mount / "key")) as repository:
        for number, text in enumerate(texts):
            swap(mount, number, text)
            [head] = await repository.write([commit(a=str(number))], head)
        assert left(tmp_path / "ours") == []
        await repository.push(head, "")

    allowed = tmp_path / "allowed"
    allowed.write_text(f"reverser@localhost {ssh.with_suffix('.pub').read_text()}")
    git("-C", remote.path, "config", "gpg.ssh.allowedSignersFile", allowed)
    ring.verify(remote)
    kinds = [git("-C", remote.path, "cat-file", "commit", each).count("PGP SIG") for each in remote.commits()]
    assert kinds == [2, 2, 0]
    with keyring() as stranger, pytest.raises(AssertionError):
        stranger.verify(remote)


def ssh_key(path: Path) -> Path:
    """A private key, with its public half beside it."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)
    return path


def swap(mount: Path, number: int, text: str) -> None:
    """Put new content under a mounted path: a new folder, and one rename of a link."""
    folder, link = mount / f"..{number}", mount / "..data_tmp"
    folder.mkdir()
    (folder / "key").write_text(text)
    link.symlink_to(folder.name)
    link.rename(mount / "..data")


def broken(ring: Keyring, how: str) -> str:
    """A key that cannot sign."""
    texts = {
        "expired": lambda: ring.make("old", made="20200101", expires="1d"),
        "encrypting": lambda: ring.make("cipher", algorithm="rsa2048", usage="encr"),
        "public": lambda: ring.make("public") and ring.gpg("--armor", "--export"),
        "two": lambda: ring.make("one") and ring.make("two") and ring.gpg("--armor", "--export-secret-keys"),
        "torn": lambda: ring.make("torn")[:120],
        "locked": lambda: ring.make("locked", passphrase="right"),
    }
    return texts[how]()


@pytest.mark.parametrize(
    ("how", "passphrase", "told"),
    [
        ("expired", "", "has expired"),
        ("encrypting", "", "no part that may sign"),
        ("public", "", "is not an OpenPGP secret key"),
        ("two", "", "is 2 secret keys"),
        ("torn", "", "is not an OpenPGP secret key"),
        ("locked", "", "No passphrase given"),
        ("locked", "wrong", "Bad passphrase"),
        ("locked", "two\nlines", "more than one line"),
    ],
)
async def test_a_key_that_cannot_sign_stalls(
    tmp_path: Path, ring: Keyring, how: str, passphrase: str, told: str
) -> None:
    """Nothing is written unsigned, and why is told; with a good key in its place it goes on."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(broken(ring, how))
    async with open_repository(tmp_path / "ours", signing(remote, key, passphrase)) as repository:
        with pytest.raises(StalledError, match=told) as caught:
            await repository.write([commit(a="1")], "")
        assert caught.value.reason == "SigningKeyUnusable"
        assert left(tmp_path / "ours") == []
        key.write_text(ring.make("good", passphrase=passphrase.replace("\n", "")))
        if "\n" not in passphrase:
            [one] = await repository.write([commit(a="1")], "")
            await repository.push(one, "")
            ring.verify(remote)


async def test_an_ssh_key_has_no_passphrase(tmp_path: Path) -> None:
    """A passphrase that would not be used is told, rather than ignored."""
    remote, key = Remote(tmp_path / "remote.git"), ssh_key(tmp_path / "key")
    async with open_repository(tmp_path / "ours", signing(remote, key, "pass")) as repository:
        with pytest.raises(StalledError, match="cannot have a passphrase"):
            await repository.write([commit(a="1")], "")


async def test_without_gpg_it_is_told(tmp_path: Path, ring: Keyring, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a machine without the program the destination stalls with what to install, and later goes on."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(ring.make("signer"))
    path, tools = os.environ["PATH"], tmp_path / "tools"
    tools.mkdir()
    (tools / "git").symlink_to(str(shutil.which("git")))
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        monkeypatch.setenv("PATH", str(tools))
        with pytest.raises(StalledError, match="gpg is not installed") as caught:
            await repository.write([commit(a="1")], "")
        assert (caught.value.reason, "gpg-agent" in caught.value.hint) == ("GpgMissing", True)
        monkeypatch.setenv("PATH", path)
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")

    ring.verify(remote)


async def test_a_gpg_that_hangs_is_ended(
    tmp_path: Path, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that takes too long is an error that is tried again, and its process is gone."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(ring.make("signer"))
    path, tools = os.environ["PATH"], tmp_path / "tools"
    tools.mkdir()
    (tools / "gpg").write_text("#!/bin/sh\nexec sleep 987654\n")
    (tools / "gpg").chmod(0o755)
    monkeypatch.setattr(gnupg, "TIMEOUT_SECONDS", 0.5)
    async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
        monkeypatch.setenv("PATH", f"{tools}:{path}")
        with pytest.raises(TransientError, match="gpg gave no answer"):
            await repository.write([commit(a="1")], "")
        assert processes("987654") == []
        monkeypatch.setenv("PATH", path)
        monkeypatch.setattr(gnupg, "TIMEOUT_SECONDS", 30.0)
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")

    ring.verify(remote)


@pytest.mark.parametrize("size", [106, 107, 108, 200])
async def test_a_deep_folder(tmp_path: Path, ring: Keyring, size: int) -> None:
    """However long the path of an agent's socket would be, all is signed the same."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(ring.make("signer"))
    socket = Path(f"{gnupg.PREFIX}12345678", gnupg.SOCKET)
    deep = tmp_path / ("d" * (size - len(str(tmp_path / "_" / socket)) + 1))
    async with open_repository(deep, signing(remote, key)) as repository:
        [one] = await repository.write([commit(a="1")], "")
        await repository.push(one, "")

    ring.verify(remote)
    assert left(deep) == []


async def test_a_kill_is_swept(tmp_path: Path, ring: Keyring) -> None:
    """After kill -9 the key lies in the data directory; the next start removes it and its agent ends."""
    remote, key, ours = Remote(tmp_path / "remote.git"), tmp_path / "key", tmp_path / "ours"
    key.write_text(ring.make("signer"))
    killed = await trio.run_process(
        [sys.executable, "-c", KILLED, str(ours), str(key)],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        check=False,
    )
    assert killed.returncode == -signal.SIGKILL
    assert left(ours)
    assert agents(ours)

    async with open_repository(ours, signing(remote, key)):
        assert left(ours) == []
        with trio.fail_after(10):
            while agents(ours):
                await trio.sleep(0.05)


KILLED = """
import os, signal, sys, trio, msgspec
from pathlib import Path
from tests.integration.gitsupport import commit, destination
from reverser.git.repository import open_repository
from reverser.model.destination import Signing
from reverser.model.secret import SecretRef

async def main():
    signing = Signing(SecretRef(file=sys.argv[2]))
    live = msgspec.structs.replace(destination("file:///nowhere"), signing=signing)
    async with open_repository(Path(sys.argv[1]), live) as repository:
        await repository.write([commit(a="1")], "")
        os.kill(os.getpid(), signal.SIGKILL)

trio.run(main)
"""


async def test_the_users_keyring_is_left_alone(
    tmp_path: Path, ring: Keyring, monkeypatch: pytest.MonkeyPatch
) -> None:
    """GNUPGHOME of whoever starts us is neither read nor written."""
    remote, key = Remote(tmp_path / "remote.git"), tmp_path / "key"
    key.write_text(ring.make("signer"))
    with keyring() as users:
        monkeypatch.setenv("GNUPGHOME", str(users.home))
        async with open_repository(tmp_path / "ours", signing(remote, key)) as repository:
            [one] = await repository.write([commit(a="1")], "")
            await repository.push(one, "")
        assert [path.name for path in users.home.iterdir()] == ["gpg-agent.conf"]

    ring.verify(remote)
