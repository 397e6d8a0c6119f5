"""ssh remotes: keys and host keys, and never a host that nobody vouched for."""

from __future__ import annotations

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
