"""A remote's URL, taken apart: `ssh://`, `https://`, `http://`, `file://`, or scp-like `git@host:path`.

Git itself reads the URL; this is only what the configuration must know to refuse it early: which
credentials fit, whether two URLs mean one repository, and whether Git could take it for an option
or for a helper program (`ext::…`).
"""

from __future__ import annotations

import re
from functools import lru_cache
from urllib.parse import urlsplit

import msgspec

SCHEMES = ("ssh", "https", "http", "file")

SPELLINGS = "ssh://git@host/path, https://host/path, http://host/path, file:///path or git@host:path"

SCP_LIKE = re.compile(
    r"(?:(?P<user>[\w.-]+)@)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<path>(?!:).+)", re.ASCII
)

DEFAULT_PORTS = {"ssh": 22, "https": 443, "http": 80}


class RemoteUrl(msgspec.Struct, frozen=True):
    """Where a URL leads."""

    scheme: str
    repository: str
    """Host, port where it is unusual, and path: equal for two spellings of one repository."""


@lru_cache(maxsize=4096)
def parse(url: str) -> RemoteUrl:
    """The parts of a URL; raises ValueError with a sentence that never shows a password."""
    if re.search(r"[\x00-\x20\x7f]", url):
        raise ValueError("holds a blank or a control character")
    if "://" in url:
        return _with_scheme(url)
    if url.startswith(("/", ".", "~")):
        raise ValueError(f"is a folder; for a local repository write file://{url if url[0] == '/' else '/…'}")
    match = SCP_LIKE.fullmatch(url)
    if match is None or match["host"].startswith("-"):
        raise ValueError(f"is not the URL of a remote; write {SPELLINGS}")
    return RemoteUrl("ssh", _repository(match["host"], None, match["path"]))


def _with_scheme(url: str) -> RemoteUrl:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError as error:
        raise ValueError(f"is not the URL of a remote: {error}") from None
    if parts.scheme not in SCHEMES:
        raise ValueError(f"has the scheme {parts.scheme}; write {SPELLINGS}")
    if parts.password is not None:
        raise ValueError("holds a password; write it under credentials")
    if parts.username is not None and parts.scheme != "ssh":
        # Forges take tokens in this place, so it is as good as a password.
        raise ValueError("holds a user name; write username and password, or token, under credentials")
    if parts.query or parts.fragment:
        raise ValueError("has a part after ? or #, which no repository's URL has")
    host = parts.hostname or ""
    if (not host and parts.scheme != "file") or host.startswith("-") or parts.path in ("", "/"):
        raise ValueError(f"lacks a host or a path; write {SPELLINGS}")
    return RemoteUrl(
        parts.scheme, _repository(host, None if port == DEFAULT_PORTS.get(parts.scheme) else port, parts.path)
    )


def _repository(host: str, port: int | None, path: str) -> str:
    name = f"{host.lower()}:{port}" if port else host.lower()
    return f"{name}/{path.strip('/').removesuffix('.git')}"
