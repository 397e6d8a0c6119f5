"""The data of a Secret -> how to log in to a repository: two families of keys, SSH first.

| URL | keys |
|---|---|
| ssh | `ssh-privatekey`, `identity` or `sshPrivateKey`; `known_hosts`; `ssh-password` for its passphrase |
| https, http | `username` and `password`; `password` alone, with the user name git; `bearerToken` |

Without `ssh-password`, and without a `username`, `password` is the passphrase of the SSH key.

A Secret may hold both families; the URL decides. Host keys are always checked: without `known_hosts`, neither
in the Secret nor for the whole installation, the answer is KnownHostsMissing with the command that adds it.

A refusal names keys that are there and what is missing, never a value.
"""

from __future__ import annotations

import re

import msgspec

from reverser.custom_resources import known_hosts_file
from reverser.custom_resources.model import ObjectName, SecretData
from reverser.custom_resources.remote_urls import RemoteRepository
from reverser.model.destination import Credentials
from reverser.model.secret import SecretRef
from reverser.text import cut, visible

SSH_KEYS = ("ssh-privatekey", "identity", "sshPrivateKey")
KNOWN_HOSTS = "known_hosts"
DEFAULT_USER = "git"
"""Hosts of Git that take a token as the password ignore the user name, but want one."""
_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY-----")


class SecretRefusal(msgspec.Struct, frozen=True):
    """Why a Secret cannot be used."""

    reason: str
    """For the condition Ready: `SecretMalformed`."""
    stalled: str
    """For the condition Stalled: `SecretMalformed` or `KnownHostsMissing`."""
    message: str


def read(
    secret: ObjectName, data: SecretData, repository: RemoteRepository, known_hosts: bytes = b""
) -> Credentials | SecretRefusal:
    """The credentials in a Secret, for a repository; `known_hosts` are those of the whole installation."""
    reader = _Reader(secret, data)
    try:
        if repository.scheme == "ssh":
            return _ssh(reader, repository, known_hosts)
        return _http(reader)
    except _Malformed as error:
        return SecretRefusal("SecretMalformed", error.stalled, f"Secret {secret} {error}")


class _Malformed(Exception):
    def __init__(self, sentence: str, stalled: str = "SecretMalformed") -> None:
        super().__init__(sentence)
        self.stalled = stalled


class _Reader:
    """One Secret; each value is text without the newline at its end."""

    def __init__(self, secret: ObjectName, data: SecretData) -> None:
        self.secret = secret
        self._data = data

    @property
    def keys(self) -> str:
        """The keys that are there, for a person."""
        names = cut(", ".join(visible(key) for key in sorted(self._data)), 200)
        return f"it has {names}" if names else "it is empty"

    def has(self, *keys: str) -> str:
        """The first of these keys that is there; empty: none is."""
        return next((key for key in keys if key in self._data), "")

    def text(self, key: str) -> str:
        """The value of a key that is there."""
        try:
            text = self._data[key].decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise _Malformed(f"has no text under {key}: it is not UTF-8") from None
        if not text.strip():
            raise _Malformed(f"has nothing under {key}")
        if "\0" in text:
            raise _Malformed(f"has no text under {key}: it holds a zero byte")
        return text

    def line(self, key: str) -> str:
        """The value of a key that is one line."""
        text = self.text(key)
        if not text.isprintable():
            raise _Malformed(f"has a line break or a control character under {key}")
        return text


def _ssh(reader: _Reader, repository: RemoteRepository, known_hosts: bytes) -> Credentials:
    name = reader.has(*SSH_KEYS)
    if not name:
        raise _Malformed(f"lacks {SSH_KEYS[0]}, which an ssh URL needs ({reader.keys})")
    key = reader.text(name)
    if not _PRIVATE_KEY.search(key):
        hint = "it begins with -----BEGIN OPENSSH PRIVATE KEY----- as ssh-keygen writes it"
        raise _Malformed(f"has no private key under {name}: {hint}")
    passphrase = reader.has("ssh-password") or ("" if reader.has("username") else reader.has("password"))
    return Credentials(
        ssh_key=SecretRef(value=key),
        ssh_passphrase=SecretRef(value=reader.line(passphrase)) if passphrase else None,
        known_hosts=SecretRef(value=_known_hosts(reader, repository, known_hosts)),
    )


def _known_hosts(reader: _Reader, repository: RemoteRepository, fallback: bytes) -> str:
    if reader.has(KNOWN_HOSTS):
        text = reader.text(KNOWN_HOSTS)
        if not known_hosts_file.keys(text):
            raise _Malformed(
                "has no host key under known_hosts: a line is HOST TYPE KEY, as ssh-keyscan writes"
            )
        return text
    text = fallback.decode(errors="replace")
    if known_hosts_file.knows(text, repository.host, repository.port):
        return text
    sentence = (
        f"has no known_hosts, without which the host is not trusted; {command(reader.secret, repository)}"
    )
    raise _Malformed(sentence, "KnownHostsMissing")


def command(secret: ObjectName, repository: RemoteRepository) -> str:
    """How to add the host's keys to a Secret: a patch, since `kubectl apply` could remove its other keys."""
    host = repository.host.strip("[]")
    port = "" if repository.port == 22 else f"-p {repository.port} "
    scan = f"ssh-keyscan {port}{host}"
    patch = f"""'{{"data":{{"known_hosts":"'$({scan} | base64 | tr -d '\\n')'"}}}}'"""
    return (
        f"compare what {scan} prints with the keys that the host publishes, then run: "
        f"kubectl -n {secret.namespace} patch secret {secret.name} -p {patch}"
    )


def _http(reader: _Reader) -> Credentials:
    if reader.has("username") and not reader.has("password"):
        raise _Malformed(f"has username without password ({reader.keys})")
    if reader.has("password") and not (reader.has(*SSH_KEYS) and not reader.has("username")):
        user = reader.line("username") if reader.has("username") else DEFAULT_USER
        if ":" in user:
            raise _Malformed("has a colon under username, which HTTP does not allow")
        return Credentials(username=user, password=SecretRef(value=reader.line("password")))
    if reader.has("bearerToken"):
        return Credentials(token=SecretRef(value=reader.line("bearerToken")))
    raise _Malformed(
        "lacks username and password, password alone, or bearerToken, which an http or https URL needs "
        f"({reader.keys})"
    )
