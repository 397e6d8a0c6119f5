"""What may be a name: of a host that a certificate is for, and of a Secret in its namespace."""

from __future__ import annotations

import ipaddress
import re

MOST_NAME = 253

_HOST_LABEL = r"[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9_])?"
_HOST = re.compile(rf"(?:\*\.)?{_HOST_LABEL}(?:\.{_HOST_LABEL})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_PART = r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?"
_SUBDOMAIN = re.compile(rf"{_PART}(?:\.{_PART})*")


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
