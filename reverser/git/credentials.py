"""Logs git in to a remote: secrets are read at each use, so that rotation needs no restart.

They reach git by its environment and by files of mode 0600, never by argv, URLs or messages: argv
is readable by every user of the machine, and remotes repeat URLs in their complaints. An SSH key has no
passphrase any more when it comes here (`ssh_key`).

| kind | how git gets it |
|---|---|
| SSH key | a private file, named in `GIT_SSH_COMMAND`; host keys only from `known_hosts`, fail closed |
| user + password | `http.<url>.extraHeader` (Basic), as a `GIT_CONFIG_*` variable |
| token | the same (Bearer) |
"""

from __future__ import annotations

import base64
import os
import re
import shlex
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import msgspec

from reverser.errors import StalledError
from reverser.git.process import Settings
from reverser.model.destination import Credentials, Destination
from reverser.model.secret import SecretRef

SSH_OPTIONS = {
    "BatchMode": "yes",
    "ConnectTimeout": "20",
    "GlobalKnownHostsFile": os.devnull,
    "IdentitiesOnly": "yes",
    "IdentityAgent": "none",
    "ServerAliveInterval": "15",
    "StrictHostKeyChecking": "yes",
    "UpdateHostKeys": "no",
}

PREFIX = "login-"
"""Of the folders with key files; what a killed process has left is swept by `housekeeping`."""


class Login(msgspec.Struct, frozen=True):
    """What git needs to log in. `repr` is not for logs: use `redact` on whatever comes back."""

    settings: Settings = ()
    variables: dict[str, str] = {}
    secrets: tuple[str, ...] = ()

    def redact(self, text: str) -> str:
        """The text without any of the secrets, and without passwords in URLs."""
        for secret in self.secrets:
            text = text.replace(secret, "***")
        return redact(text)


def redact(text: str) -> str:
    """The text without passwords in URLs; in http URLs the user goes too, as it may be a token."""
    text = re.sub(r"(https?://)[^/\s]*@", r"\1", text)
    return re.sub(r"(?<![a-z0-9+.-])([0-9+.-]*+[a-z][a-z0-9+.-]*+://[^/\s:@]*+):[^/\s]*@", r"\1@", text)


@contextmanager
def login(destination: Destination, folder: Path) -> Iterator[Login]:
    """The login of a destination, valid inside the block; StalledError when it cannot be had.

    Key files live in a private folder inside `folder`, and are gone at the end.
    """
    url, credentials = destination.url, destination.credentials
    if re.match(r"[a-z+]+://[^/@]*:[^/]*@", url):
        hint = "write the password under [destinations.credentials]"
        raise StalledError("PasswordInUrl", f"the URL {redact(url)} holds a password", hint=hint)
    if not uses_ssh(url):
        yield Login() if url.startswith("file://") else _http(url, credentials)
    else:
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=folder) as private:
            yield _ssh(credentials, Path(private))


def uses_ssh(url: str) -> bool:
    """Whether git reaches a remote by ssh; scp-like URLs have no scheme."""
    return not url.startswith(("http://", "https://", "file://"))


def resolve(reference: SecretRef) -> str:
    """The value of a secret as it is now, without one trailing newline."""
    try:
        text = _read(reference)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        raise _unreadable(reference, f"cannot be read: {reason}") from None
    if not text:
        raise _unreadable(reference, "is empty or not set")
    return text.removesuffix("\n").removesuffix("\r")


def _read(reference: SecretRef) -> str:
    if reference.file:
        return Path(reference.file).read_text()
    return os.environ.get(reference.env, "") if reference.env else reference.value


def _unreadable(reference: SecretRef, what: str) -> StalledError:
    name = reference.file or (f"the variable {reference.env}" if reference.env else "the secret")
    return StalledError(
        "CredentialsUnreadable",
        f"{name} {what}",
        hint="check the file or variable that the configuration names",
    )


def _http(url: str, credentials: Credentials) -> Login:
    if credentials.token:
        secret = resolve(credentials.token)
        header = f"Authorization: Bearer {secret}"
    elif credentials.password:
        secret = resolve(credentials.password)
        pair = base64.b64encode(f"{credentials.username}:{secret}".encode()).decode()
        header = f"Authorization: Basic {pair}"
    else:
        return Login()
    if not header.isprintable():
        raise StalledError("CredentialsUnreadable", "the token holds a line break or a control character")
    # With the URL, so that git sends it nowhere else.
    return Login(((f"http.{url}.extraHeader", header),), secrets=(header.rpartition(" ")[2], secret))


def _ssh(credentials: Credentials, folder: Path) -> Login:
    if credentials.known_hosts is None:
        hint = "set known_hosts; ssh-keyscan prints it: compare before you trust it"
        raise StalledError("HostKeyMissing", "no host key is given for the ssh remote", hint=hint)
    if credentials.ssh_key is None:
        raise StalledError("CredentialsMissing", "no ssh_key is given for the ssh remote")
    key = _private_file(credentials.ssh_key, folder / "key")
    hosts = _private_file(credentials.known_hosts, folder / "known_hosts")
    options = SSH_OPTIONS | {"UserKnownHostsFile": f'"{hosts}"'}
    command = ["ssh", "-F", os.devnull, "-i", str(key)]
    for name, value in options.items():
        command += ["-o", f"{name}={value}"]
    return Login(variables={"GIT_SSH_COMMAND": shlex.join(command), "GIT_SSH_VARIANT": "ssh"})


def _private_file(reference: SecretRef, copy: Path) -> Path:
    """The secret's own file when only we can read it (as ssh insists), else a copy.

    A copy, too, when ssh would not read the file: it wants line feeds, and one at the end.
    """
    text = resolve(reference)
    if reference.file and _reads_as_it_is(Path(reference.file)):
        status = Path(reference.file).stat()
        if status.st_uid == os.geteuid() and not status.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
            return Path(reference.file).absolute()
    copy.touch(mode=0o600)
    copy.write_text(text.replace("\r\n", "\n").replace("\r", "\n") + "\n")
    return copy


def _reads_as_it_is(file: Path) -> bool:
    content = file.read_bytes()
    return b"\r" not in content and content.endswith(b"\n")
