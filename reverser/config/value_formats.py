"""How single values of the configuration are spelled: durations, host names, NAMESPACE/NAME, secret paths.

A duration is `0s`, `500ms`, `1m30s` or `2h`. A path secret is never quoted in an error.
"""

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
_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+)s)?(?:(\d+)ms)?", re.ASCII)
_UNIT_SECONDS = (3600, 60, 1, 0.001)


def parse_duration(text: str) -> float:
    """The duration in seconds. Raises ValueError for anything but hours, minutes, seconds, milliseconds."""
    match = _DURATION.fullmatch(text.strip())
    if not match or not any(match.groups()):
        raise ValueError(f"{text!r} is not a duration; write it like 500ms, 5s, 1m30s or 2h")
    return sum(int(part) * unit for part, unit in zip(match.groups(), _UNIT_SECONDS, strict=True) if part)


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


def check_namespace(text: str) -> None:
    """Raise ValueError for what is no name of a namespace."""
    if not _LABEL.fullmatch(text):
        raise ValueError(f"{text!r} is not the name of a namespace")


def check_object_name(text: str) -> None:
    """Raise ValueError for what is no name of an object."""
    if len(text) > MOST_NAME or not _SUBDOMAIN.fullmatch(text):
        raise ValueError(f"{text!r} is not a name that Kubernetes allows")


def split_secret_name(text: str) -> tuple[str, str]:
    """Namespace and name of `NAMESPACE/NAME`. Raises ValueError for what Kubernetes would not allow."""
    namespace, _, name = text.partition("/")
    if not _LABEL.fullmatch(namespace) or len(name) > MOST_NAME or not _SUBDOMAIN.fullmatch(name):
        raise ValueError("must be NAMESPACE/NAME, both as Kubernetes allows them")
    return namespace, name
