"""How to log in, out of the data of a Secret."""

from __future__ import annotations

import base64
import json
import subprocess
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources import remote_urls
from reverser.custom_resources.model import ObjectName
from reverser.custom_resources.secret_keys import SecretRefusal, command, read
from reverser.model.destination import Credentials
from reverser.model.secret import SecretRef
from tests.cluster_states import HOST_KEYS, SSH_KEY

SECRET = ObjectName("shop", "git-creds")
SSH = remote_urls.read("git@git.example.com:acme/live.git")
HTTPS = remote_urls.read("https://git.example.com/acme/live")
KEY, HOSTS = SSH_KEY.decode().removesuffix("\n"), HOST_KEYS.decode().removesuffix("\n")
WITH_HOSTS = {"known_hosts": HOST_KEYS}
BOTH = {"ssh-privatekey": SSH_KEY, **WITH_HOSTS, "username": b"bot", "password": b"pw"}


def ssh(passphrase: str = "", key: str = KEY, hosts: str = HOSTS) -> Credentials:
    return Credentials(
        ssh_key=SecretRef(value=key),
        ssh_passphrase=SecretRef(value=passphrase) if passphrase else None,
        known_hosts=SecretRef(value=hosts),
    )


def basic(user: str, password: str) -> Credentials:
    return Credentials(username=user, password=SecretRef(value=password))


@pytest.mark.parametrize(
    ("repository", "data", "expected"),
    [
        (SSH, {"ssh-privatekey": SSH_KEY, **WITH_HOSTS}, ssh()),
        (SSH, {"identity": SSH_KEY, **WITH_HOSTS}, ssh()),
        (SSH, {"sshPrivateKey": SSH_KEY, **WITH_HOSTS}, ssh()),
        (SSH, {"ssh-privatekey": SSH_KEY, "identity": b"other", **WITH_HOSTS}, ssh()),
        (SSH, {"ssh-privatekey": SSH_KEY, "ssh-password": b"pw\n", **WITH_HOSTS}, ssh("pw")),
        (SSH, {"identity": SSH_KEY, "password": b"pw", **WITH_HOSTS}, ssh("pw")),
        (SSH, BOTH, ssh()),
        (HTTPS, BOTH, basic("bot", "pw")),
        (HTTPS, {"username": b"bot\n", "password": b"pw\n"}, basic("bot", "pw")),
        (HTTPS, {"password": b"pw"}, basic("git", "pw")),
        (HTTPS, {"bearerToken": b"t"}, Credentials(token=SecretRef(value="t"))),
        (HTTPS, {"username": b"a", "password": b"b", "bearerToken": b"t"}, basic("a", "b")),
        (HTTPS, {"password": b"${HOME}"}, basic("git", "${HOME}")),
    ],
)
def test_both_families_of_keys_are_read(
    repository: remote_urls.RemoteRepository, data: dict[str, bytes], expected: Credentials
) -> None:
    """Each way to spell a login gives the credentials that fit the URL, with values as they are."""
    assert read(SECRET, data, repository) == expected


@pytest.mark.parametrize(
    ("repository", "data", "sentence"),
    [
        (SSH, {}, "lacks ssh-privatekey, which an ssh URL needs (it is empty)"),
        (SSH, {"username": b"a", "password": b"b"}, "(it has password, username)"),
        (SSH, {"ssh-privatekey": b"\xff", **WITH_HOSTS}, "has no text under ssh-privatekey"),
        (SSH, {"ssh-privatekey": b"\n", **WITH_HOSTS}, "has nothing under ssh-privatekey"),
        (SSH, {"identity": b"ssh-ed25519 AAAA me", **WITH_HOSTS}, "has no private key under identity"),
        (SSH, {"ssh-privatekey": SSH_KEY, "known_hosts": b"# none"}, "has no host key under known_hosts"),
        (SSH, {"ssh-privatekey": SSH_KEY + b"\0", **WITH_HOSTS}, "holds a zero byte"),
        (HTTPS, {"ssh-privatekey": SSH_KEY}, "lacks username and password, password alone, or bearerToken"),
        (HTTPS, {"username": b"a"}, "has username without password (it has username)"),
        (HTTPS, {"username": b"a:b", "password": b"c"}, "has a colon under username"),
        (HTTPS, {"password": b"a\nb"}, "has a line break or a control character under password"),
        (HTTPS, {"bearerToken": b"a\r\nHost: x"}, "under bearerToken"),
        (HTTPS, {"token": b"t"}, "(it has token)"),
    ],
)
def test_a_malformed_secret_says_what_is_there_and_what_is_missing(
    repository: remote_urls.RemoteRepository, data: dict[str, bytes], sentence: str
) -> None:
    """The refusal has the seed's reason and names keys."""
    answer = read(SECRET, data, repository)

    assert isinstance(answer, SecretRefusal)
    assert (answer.reason, answer.stalled) == ("SecretMalformed", "SecretMalformed")
    assert answer.message.startswith("Secret shop/git-creds ")
    assert sentence in answer.message


def test_host_keys_of_the_installation_stand_in() -> None:
    """Without `known_hosts` the Secret uses those of the whole installation, and its own come first."""
    without = {"ssh-privatekey": SSH_KEY}
    more = HOST_KEYS + HOST_KEYS.replace(b"git.example.com", b"other.example.com")

    assert read(SECRET, without, SSH, more) == ssh(hosts=more.decode())
    assert read(SECRET, without | WITH_HOSTS, SSH, more) == ssh()


@pytest.mark.parametrize(
    "installed", [b"", b"# nothing yet\n", HOST_KEYS.replace(b"git.example", b"other.example")]
)
def test_without_host_keys_the_host_is_not_trusted(installed: bytes) -> None:
    """KnownHostsMissing comes with the command that adds them."""
    answer = read(SECRET, {"ssh-privatekey": SSH_KEY}, SSH, installed)

    assert isinstance(answer, SecretRefusal)
    assert (answer.reason, answer.stalled) == ("SecretMalformed", "KnownHostsMissing")
    assert "ssh-keyscan git.example.com" in answer.message
    assert "kubectl -n shop patch secret git-creds" in answer.message


def test_the_command_patches_the_secret_with_what_ssh_keyscan_prints(tmp_path: Path) -> None:
    """Run by a shell, the command gives kubectl a patch of known_hosts alone, so that the key stays."""
    tools = {
        "ssh-keyscan": 'echo "# $*" >&2; echo "[git.example.com]:2222 ssh-ed25519 AAAA $*"',
        "kubectl": 'printf "%s\\n" "$@"',
    }
    for name, script in tools.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    line = command(SECRET, remote_urls.read("ssh://git@git.example.com:2222/acme/live"))

    done = subprocess.run(
        ["sh", "-c", line.partition("then run: ")[2]],
        env={"PATH": f"{tmp_path}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )

    *head, patch = done.stdout.splitlines()
    assert head == ["-n", "shop", "patch", "secret", "git-creds", "-p"]
    assert list(json.loads(patch)["data"]) == ["known_hosts"]
    assert "-p 2222 git.example.com" in read_back(json.loads(patch)["data"]["known_hosts"])


def read_back(text: str) -> str:
    return base64.b64decode(text).decode()


VALUES = st.sampled_from([b"", b"\xff", b"hunter2", b"a:b", b"x\ny", SSH_KEY, HOST_KEYS])
NAMES = ["ssh-privatekey", "identity", "known_hosts", "ssh-password", "username", "password", "bearerToken"]


@given(st.dictionaries(st.sampled_from(NAMES), VALUES), st.sampled_from([SSH, HTTPS]))
def test_no_secret_raises_and_none_is_quoted(
    data: dict[str, bytes], repository: remote_urls.RemoteRepository
) -> None:
    """Whatever a Secret holds, the answer is credentials or a refusal without any of its values."""
    answer = read(SECRET, data, repository)

    if isinstance(answer, SecretRefusal):
        assert not any(text in answer.message for text in ("hunter2", "a:b", "bm90IGEga2V5"))
    else:
        assert "hunter2" not in repr(msgspec.structs.replace(answer, username=""))
        assert (answer.ssh_key is not None) is (repository is SSH)
        assert answer.ssh_key is None or answer.known_hosts is not None
