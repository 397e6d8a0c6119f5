"""Globs for the URLs of repositories, as `[tenancy] allow_urls` holds them.

`https://github.com/acme/*`, `git@github.com:acme/*`, `*.example.com/platform/*`. Scheme, host, port and path
are compared one by one, so that no `*` reaches from the host into the path. Without a scheme a glob covers
https, http and ssh; without a port only the scheme's own, with `:*` any. A `*` in the path covers folders,
too. Upper and lower case differ in paths and not in hosts.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from functools import lru_cache

import msgspec

from reverser.config.remote_url import DEFAULT_PORTS

_GLOB = re.compile(
    r"(?:(?P<scheme>https|http|ssh)://)?(?:[\w.-]+@)?(?P<host>[\w.*?-]+|\[[0-9a-fA-F:.]+\])"
    r"(?::(?P<port>\d+|\*)(?=/))?(?P<separator>[:/])(?P<path>.+)",
    re.ASCII,
)


class UrlGlob(msgspec.Struct, frozen=True):
    """One glob, taken apart."""

    scheme: str
    """Empty: any."""
    host: str
    port: str
    """A number or `*`; empty: the scheme's own."""
    path: str

    def covers(self, scheme: str, host: str, port: int, path: str) -> bool:
        """Whether a repository is one of those; the host in lower case, the path decoded."""
        wanted = self.port or str(DEFAULT_PORTS[scheme])
        return (
            self.scheme in ("", scheme)
            and wanted in ("*", str(port))
            and (host == self.host or fnmatchcase(host, self.host))  # [::1] is no class of characters
            and fnmatchcase(path, self.path)
        )


@lru_cache(maxsize=1024)
def parse_url_glob(text: str) -> UrlGlob:
    """The parts of a glob. Raises ValueError for one that can cover no URL."""
    match = _GLOB.fullmatch(text)
    if match is None:
        raise ValueError("can match no URL; write it like https://github.com/acme/* or *.example.com/*")
    scp_like = not match["scheme"] and match["separator"] == ":"
    scheme = "ssh" if scp_like else match["scheme"] or ""
    path = match["path"].strip("/").removesuffix(".git")
    return UrlGlob(scheme, match["host"].lower(), match["port"] or "", path)
