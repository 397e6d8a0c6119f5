"""ssh remotes: keys and host keys, and never a host that nobody vouched for."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from reverser.errors import StalledError
from reverser.git.remote_check import check_remote
from reverser.git.repository import open_repository
from reverser.model.commit import PushOutcome
from reverser.model.destination import Credentials, Destination
from reverser.model.secret import SecretRef
from tests.integration.gitserver import SSHD, GitServer, SshServer, make_key, serving, serving_ssh
from tests.integration.gitsupport import commit, destination

pytestmark = pytest.mark.skipif(not SSHD, reason="needs sshd (openssh-server)")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
def ssh(tmp_path: Path, server: GitServer) -> Iterator[SshServer]:
    with serving_ssh(tmp_path / "ssh", server) as ssh:
        yield ssh


def with_key(ssh: SshServer, key: SecretRef, hosts: SecretRef | None) -> Destination:
    return destination(ssh.url, credentials=Credentials(ssh_key=key, known_hosts=hosts))


@pytest.mark.parametrize("kind", ["file", "open file", "value"])
async def test_ssh(tmp_path: Path, server: GitServer, ssh: SshServer, kind: str) -> None:
    """A key from a private file, from one that all may read, and from a value all log in."""
    if kind == "open file":
        ssh.key.chmod(0o644)
    value = SecretRef(value=ssh.key.read_text().rstrip("\n"))
    key = value if kind == "value" else SecretRef(file=str(ssh.key))
    target = with_key(ssh, key, SecretRef(file=str(ssh.known_hosts)))
    async with open_repository(tmp_path / "our files", target) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        assert (await repository.push(head, "")).landed
        assert await repository.fetch() == head
        assert not list((tmp_path / "our files").glob("login-*"))
    assert server.files() == {"a": b"1"}
    assert (await check_remote(target)).push_allowed


def lock(key: Path, passphrase: str, form: str, before: str = "") -> None:
    """Give a private key a passphrase; `form`: OpenSSH, or one of ssh-keygen's PEM formats."""
    more = [] if form == "OpenSSH" else ["-m", form]
    subprocess.run(["ssh-keygen", "-q", "-p", "-P", before, "-N", passphrase, *more, "-f", key], check=True)


def with_passphrase(ssh: SshServer, key: SecretRef, passphrase: SecretRef | None) -> Destination:
    hosts = SecretRef(file=str(ssh.known_hosts))
    credentials = Credentials(ssh_key=key, ssh_passphrase=passphrase, known_hosts=hosts)
    return destination(ssh.url, credentials=credentials)


@pytest.mark.parametrize(("type_", "form"), [("ed25519", "OpenSSH"), ("rsa", "PEM"), ("ecdsa", "PKCS8")])
async def test_a_key_with_a_passphrase(
    tmp_path: Path, server: GitServer, ssh: SshServer, type_: str, form: str
) -> None:
    """It logs in, for fetch and push and `check`, and what ssh read is gone afterwards."""
    key = tmp_path / "locked"
    make_key(key, type_)
    shutil.copy(tmp_path / "locked.pub", ssh.key.parent / "authorized_keys")
    lock(key, "correct horse", form)
    target = with_passphrase(ssh, SecretRef(file=str(key)), SecretRef(value="correct horse\n"))
    async with open_repository(tmp_path / "ours", target) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        assert (await repository.push(head, "")).landed
        assert not list((tmp_path / "ours").glob("login-*"))
    assert server.files() == {"a": b"1"}
    assert (await check_remote(target)).push_allowed


async def test_a_rotated_passphrase_needs_no_restart(tmp_path: Path, ssh: SshServer) -> None:
    """Key and passphrase are read at each use."""
    passphrase = tmp_path / "passphrase"
    passphrase.write_text("one")
    lock(ssh.key, "one", "OpenSSH")
    target = with_passphrase(ssh, SecretRef(file=str(ssh.key)), SecretRef(file=str(passphrase)))
    async with open_repository(tmp_path / "ours", target) as repository:
        assert await repository.fetch() == ""
        lock(ssh.key, "two", "OpenSSH", before="one")
        with pytest.raises(StalledError):
            await repository.fetch()
        passphrase.write_text("two\n")
        assert await repository.fetch() == ""


WRONG = SecretRef(value="battery staple")
NEEDED = "an SSH key with a passphrase needs ssh_passphrase"
OTHER = "ssh_passphrase is not the passphrase of the SSH key"


@pytest.mark.parametrize(
    ("form", "passphrase", "words"),
    [("OpenSSH", None, NEEDED), ("OpenSSH", WRONG, OTHER), ("PEM", WRONG, OTHER)],
)
async def test_a_passphrase_that_does_not_fit(
    tmp_path: Path, ssh: SshServer, form: str, passphrase: SecretRef | None, words: str
) -> None:
    """Missing or wrong, it is told as such, with a hint, and never shown."""
    key = tmp_path / "locked"
    make_key(key, "ed25519" if form == "OpenSSH" else "ecdsa")
    lock(key, "correct horse", form)
    async with open_repository(
        tmp_path / "ours", with_passphrase(ssh, SecretRef(file=str(key)), passphrase)
    ) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    error = caught.value
    assert (error.reason, words in error.message, bool(error.hint)) == ("KeyUnusable", True, True)
    assert not any(secret in f"{error.message}{error.hint}" for secret in ("correct", "battery"))


@pytest.mark.parametrize(
    ("kind", "form", "locked"),
    [
        ("file", "CRLF", False),
        ("value", "CRLF", True),
        ("value", "CR", False),
        ("file", "no line end", False),
        ("value", "no line end", True),
    ],
)
async def test_line_ends_of_keys(tmp_path: Path, ssh: SshServer, kind: str, form: str, locked: bool) -> None:
    """Keys and host keys work as editors and Secrets have them, with any line ends and without the last."""
    ends = {"CRLF": "\r\n", "CR": "\r", "no line end": "\n"}
    if locked:
        lock(ssh.key, "secret", "OpenSSH")
    for path in (ssh.key, ssh.known_hosts):
        lines = path.read_text().splitlines()
        end = "" if form == "no line end" else ends[form]
        path.write_bytes((ends[form].join(lines) + end).encode())
    key, hosts = (
        SecretRef(file=str(path)) if kind == "file" else SecretRef(value=path.read_bytes().decode())
        for path in (ssh.key, ssh.known_hosts)
    )
    passphrase = SecretRef(value="secret\r\n") if locked else None
    credentials = Credentials(ssh_key=key, ssh_passphrase=passphrase, known_hosts=hosts)
    async with open_repository(
        tmp_path / "ours", destination(ssh.url, credentials=credentials)
    ) as repository:
        assert await repository.fetch() == ""


async def test_no_known_hosts(tmp_path: Path, ssh: SshServer) -> None:
    """Without known_hosts an ssh remote is refused."""
    target = with_key(ssh, SecretRef(file=str(ssh.key)), None)
    async with open_repository(tmp_path / "ours", target) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).outcome is PushOutcome.DENIED
    assert (caught.value.reason, bool(caught.value.hint)) == ("HostKeyMissing", True)


@pytest.mark.parametrize(("hosts", "reason"), [("other", "HostKeyChanged"), ("none", "HostKeyUnknown")])
async def test_strange_host(tmp_path: Path, ssh: SshServer, hosts: str, reason: str) -> None:
    """A host with another key, or one that known_hosts does not name, is refused."""
    make_key(tmp_path / "other")
    place = ssh.known_hosts.read_text().split()[0] if hosts == "other" else "example.com"
    known = SecretRef(value=f"{place} {(tmp_path / 'other.pub').read_text()}")
    async with open_repository(
        tmp_path / "ours", with_key(ssh, SecretRef(file=str(ssh.key)), known)
    ) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    assert caught.value.reason == reason


@pytest.mark.parametrize("kind", ["stranger", "garbage"])
async def test_wrong_key(tmp_path: Path, server: GitServer, ssh: SshServer, kind: str) -> None:
    """A key that the server does not know, and a file that is no key, are told apart."""
    make_key(tmp_path / "stranger")
    (tmp_path / "garbage").write_text("no key\n")
    target = with_key(ssh, SecretRef(file=str(tmp_path / kind)), SecretRef(file=str(ssh.known_hosts)))
    async with open_repository(tmp_path / "ours", target) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    assert caught.value.reason == {"stranger": "AuthenticationFailed", "garbage": "KeyUnusable"}[kind]
    assert server.head == ""


async def test_missing_repository(tmp_path: Path, ssh: SshServer) -> None:
    """A path that holds no repository is told as such."""
    target = with_key(ssh, SecretRef(file=str(ssh.key)), SecretRef(file=str(ssh.known_hosts)))
    gone = Destination("live", ssh.url + "x", credentials=target.credentials)
    async with open_repository(tmp_path / "ours", gone) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    assert caught.value.reason == "RepositoryNotFound"
