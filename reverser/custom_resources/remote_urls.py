"""The repositories that a GitRepoConfig may name: which URLs, and whether two of them mean one repository.

Whoever writes a GitRepoConfig need not be trusted by whoever runs the daemon. So its URL is https, http, ssh
or scp-like, without credentials, and spelt so that nothing in it can be read in two ways: no `..`, no
backslash, no percent-encoded separator, no user name that is an option.

Which of them are allowed is up to `[tenancy] allow_urls`, whose globs `config.url_globs` reads. Hosts such as
localhost are allowed by nothing but a glob that names them (`local_hosts`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import unquote, urlsplit

import msgspec

from reverser.config import remote_url
from reverser.config.url_globs import parse_url_glob
from reverser.custom_resources import local_hosts

SCHEMES = ("https", "http", "ssh")
MOST_CHARACTERS = 2048
_HOST = re.compile(r"[a-z0-9_](?:[a-z0-9_.-]*[a-z0-9_])?|\[[0-9a-f:.]+\]", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*", re.ASCII)


class RemoteRepository(msgspec.Struct, frozen=True):
    """A repository, without the user who logs in."""

    scheme: str
    host: str
    """In lower case, with the brackets of an IPv6 address."""
    port: int
    path: str
    """Decoded, without slashes around it and without `.git`."""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.host}:{self.port}/{self.path}"

    @property
    def key(self) -> tuple[str, str]:
        """Equal for URLs that may mean one repository: hosts of Git often ignore the case of paths."""
        return self.host, self.path.casefold()

    def may_equal(self, other: RemoteRepository) -> bool:
        """Whether two of one key may be one repository; ssh and https of a host have different ports."""
        same_protocol = (self.scheme == "ssh") is (other.scheme == "ssh")
        default = self.port == other.port or all(
            each.port == remote_url.DEFAULT_PORTS.get(each.scheme, 0) for each in (self, other)
        )
        return self.key == other.key and (default or not same_protocol)


@lru_cache(maxsize=4096)
def read(url: str) -> RemoteRepository:
    """The repository of a URL in a GitRepoConfig. Raises ValueError with a sentence, never with the URL."""
    if len(url) > MOST_CHARACTERS:
        raise ValueError(f"has {len(url):,} characters; {MOST_CHARACTERS:,} is the most that is read")
    if "\\" in url or not url.isascii():
        raise ValueError("holds a backslash or a character that is not ASCII; write it percent-encoded")
    try:
        scheme = remote_url.parse(url).scheme
    except ValueError as error:
        raise ValueError(
            str(error).replace("under credentials", "into the Secret of spec.secretRef")
        ) from None
    if scheme not in SCHEMES or ("://" in url and not url.startswith(f"{scheme}://")):
        shown = url.partition(":")[0] if "://" in url else scheme
        raise ValueError(f"has the scheme {shown}, which GitRepoConfigs may not use; {_WRITE}")
    return _repository(scheme, url)


_HOST_PROBLEM = "has a host that is neither a DNS name nor an address"
_WRITE = "write https://host/path, http://host/path, ssh://git@host/path or git@host:path"


def of_configuration(url: str) -> RemoteRepository | None:
    """The repository of a `[[destinations]]` table, for comparison; None for a URL that is refused there."""
    try:
        return _repository(remote_url.parse(url).scheme, url, checked=False)
    except ValueError:
        return None


def allowed(url: str, globs: Iterable[str]) -> bool:
    """Whether a URL that `read` takes is covered by one of the globs, or, without any, is not local."""
    globs = tuple(globs)
    local = is_local(url)
    return not (globs or local) or any(_covers(glob, read(url), by_name=local) for glob in globs)


def is_local(url: str) -> bool:
    """Whether a URL that `read` takes leads to the daemon's machine or to the API server."""
    return local_hosts.is_local(read(url).host)


def _covers(glob: str, repository: RemoteRepository, *, by_name: bool) -> bool:
    """`by_name`: only a glob whose host is spelt out."""
    try:
        parsed = parse_url_glob(glob)
    except ValueError:
        return False  # `[tenancy]` says so at the start
    if by_name and parsed.host != repository.host:
        return False
    return parsed.covers(repository.scheme, repository.host, repository.port, repository.path)


def _repository(scheme: str, url: str, *, checked: bool = True) -> RemoteRepository:
    host, port, path = _split(url, checked=checked)
    decoded = unquote(path)
    if checked:
        _check(host, path, decoded)
    segments = [segment for segment in decoded.split("/") if segment]
    name = "/".join(segments).removesuffix(".git")
    return RemoteRepository(scheme, host, port or remote_url.DEFAULT_PORTS.get(scheme, 0), name)


def _split(url: str, *, checked: bool) -> tuple[str, int | None, str]:
    if "://" not in url:
        match = remote_url.SCP_LIKE.fullmatch(url)
        assert match is not None  # `remote_url.parse` has read it
        user, host, port, path = match["user"], match["host"].lower(), None, match["path"]
    else:
        parts = urlsplit(url)
        user, host, port, path = parts.username, parts.hostname or "", parts.port, parts.path
        host = f"[{host}]" if ":" in host else host
    if checked and user is not None and not _USER.fullmatch(user):
        raise ValueError("has a user name that is not made of letters, digits, dots, - and _")
    return host, port, path


def _check(host: str, path: str, decoded: str) -> None:
    if not _HOST.fullmatch(host):
        raise ValueError(_HOST_PROBLEM)
    try:
        local_hosts.address_of(host)
    except ValueError:
        raise ValueError(_HOST_PROBLEM) from None
    if (
        decoded.count("/") != path.count("/")
        or "%" in decoded
        or "\\" in decoded
        or not decoded.isprintable()
    ):
        raise ValueError("has a path that can be read in two ways: write it without encoded / and %")
    segments = decoded.removeprefix("/").removesuffix("/").split("/")
    if any(segment in ("", ".", "..") for segment in segments):
        raise ValueError("has a path with an empty part, . or ..")
    if segments[0].startswith("-") or segments == [".git"]:
        raise ValueError("has a path that is not the name of a repository")
