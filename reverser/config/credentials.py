"""Exactly one kind of credentials, and one that the remote's URL can use.

| kind | keys | URL |
|---|---|---|
| SSH key | ssh_key, known_hosts | ssh://, scp-like |
| password | username, password | https://, http:// |
| token | token | https://, http:// |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reverser.config.problems import one_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from reverser.config.problems import Report
    from reverser.model.destination import Credentials

KINDS = {"ssh_key": ("ssh_key", "known_hosts"), "password": ("username", "password"), "token": ("token",)}

FITTING = {"ssh": ("ssh_key",), "https": ("password", "token"), "http": ("password", "token"), "file": ()}


def check_credentials(credentials: Credentials, scheme: str, path: str, report: Report) -> None:
    """Report mixed, incomplete and unfitting credentials of a remote; no scheme: of one that is unknown.

    A key with a problem of its own is given all the same, and hides nothing but that a key is missing.
    """
    given = {kind: _present_keys(keys, credentials, path, report) for kind, keys in KINDS.items()}
    kinds = [kind for kind, keys in given.items() if keys]
    if len(kinds) > 1:
        keys = one_of(key for kind in kinds for key in given[kind]).replace(" or ", " and ")
        report.add(path, f"mixes {keys}", "keep exactly one kind")
    elif kinds and scheme and kinds[0] not in FITTING[scheme]:
        _add_unfitting(given[kinds[0]], scheme, path, report)
    elif not report.faulty(path) and (kinds or scheme == "ssh"):
        _check_complete(kinds[0] if kinds else "ssh_key", credentials, path, report)


def _present_keys(keys: Sequence[str], credentials: Credentials, path: str, report: Report) -> list[str]:
    return [key for key in keys if getattr(credentials, key) or report.has_problem(f"{path}.{key}")]


def _add_unfitting(keys: Sequence[str], scheme: str, path: str, report: Report) -> None:
    """At the first key that has no problem yet, since each can have one only."""
    key = next((key for key in keys if not report.has_problem(f"{path}.{key}")), keys[0])
    fitting = FITTING[scheme]
    usable = one_of(" with ".join(KINDS[kind]) for kind in fitting) if fitting else "none"
    report.add(f"{path}.{key}", f"does not fit a {scheme} URL", f"use {usable}")


def _check_complete(kind: str, credentials: Credentials, path: str, report: Report) -> None:
    for key in KINDS[kind]:
        if not getattr(credentials, key):
            hint = "ssh-keyscan prints it; compare before you trust it" if key == "known_hosts" else ""
            report.add(f"{path}.{key}", f"is missing; {' and '.join(KINDS[kind])} belong together", hint)
