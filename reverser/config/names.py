"""What may be a name: of a host that a certificate is for, of a Secret in its namespace, of a secret path."""

from __future__ import annotations

import ipaddress
import re

MOST_NAME = 253
LEAST_SECRET, MOST_SECRET = 32, 256
"""Characters. Whoever guesses can try some thousand a second, for years."""

_HOST_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_HOST_LABEL}(?:\.{_HOST_LABEL})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PART = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_PART}(?:\.{_PART})*")


_SECRET = re.compile(rf"[A-Za-z0-9_-]{{{LEAST_SECRET},{MOST_SECRET}}}")


def check_path_secret(text: str) -> None:
    """Raise ValueError for what is too short to be a secret, or no part of a path. It is not quoted."""
    if not _SECRET.fullmatch(text):
        raise ValueError(f"must be {LEAST_SECRET} to {MOST_SECRET} letters, digits, - and _")


def check_host(text: str) -> None:
    """Raise ValueError for what is neither a DNS name, a wildcard allowed, nor an address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if len(text) > MOST_NAME or not _HOST.fullmatch(text):
            raise ValueError(f"{text!r} is neither a DNS name nor an address") from None


def split_place(text: str) -> tuple[str, str]:
    """Namespace and name of `NAMESPACE/NAME`. Raises ValueError for what Kubernetes would not allow."""
    namespace, _, name = text.partition("/")
    if not _LABEL.fullmatch(namespace) or len(name) > MOST_NAME or not _SUBDOMAIN.fullmatch(name):
        raise ValueError("must be NAMESPACE/NAME, both as Kubernetes allows them")
    return namespace, name
