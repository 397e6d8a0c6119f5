"""Addresses of a kubeconfig: which can be used, and what is said of one that cannot.

kubectl takes the same schemes. The address itself is never told: a proxy's may hold a password.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import httpx

from reverser.errors import StalledError

SERVERS = ("http", "https")
PROXIES = ("http", "https", "socks5", "socks5h")


@contextmanager
def addressed(key: str, address: str | None, schemes: tuple[str, ...] = SERVERS) -> Iterator[None]:
    """Raise StalledError that names the kubeconfig's `key` where its address cannot be used."""
    if address and not _usable(address, schemes):
        hint = f"an address looks like {schemes[-1]}://host:port; schemes are {', '.join(schemes)}"
        raise StalledError("KubeconfigUnusable", f"`{key}` of the kubeconfig is not an address", hint=hint)
    try:
        yield
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        message = f"`{key}` of the kubeconfig cannot be used ({type(error).__name__})"
        raise StalledError("KubeconfigUnusable", message) from None


def _usable(address: str, schemes: tuple[str, ...]) -> bool:
    try:
        url = httpx.URL(address)
        # Both are read on demand: of a port beyond 65535 httpx complains only then.
        return url.scheme in schemes and bool(url.host) and (url.port is None or 0 < url.port < 65536)
    except (httpx.InvalidURL, ValueError, TypeError):
        return False
