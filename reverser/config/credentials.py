"""Exactly one kind of credentials, and one that the remote's URL can use.

| kind | keys | URL |
|---|---|---|
| SSH key | ssh_key, known_hosts | ssh://, scp-like |
| password | username, password | https://, http:// |
| token | token | https://, http:// |
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reverser.config.report import one_of

if TYPE_CHECKING:
    from reverser.config.report import Report
    from reverser.model.destination import Credentials

KINDS = {"ssh_key": ("ssh_key", "known_hosts"), "password": ("username", "password"), "token": ("token",)}

FITTING = {"ssh": ("ssh_key",), "https": ("password", "token"), "http": ("password", "token"), "file": ()}


def check_credentials(credentials: Credentials, scheme: str, place: str, report: Report) -> None:
    """Report mixed, incomplete and unfitting credentials of a remote with this scheme."""
    if report.faulty(place):
        return
    given = {kind: [key for key in keys if getattr(credentials, key)] for kind, keys in KINDS.items()}
    kinds = [kind for kind, keys in given.items() if keys]
    fitting = FITTING[scheme]
    if len(kinds) > 1:
        keys = one_of(key for kind in kinds for key in given[kind]).replace(" or ", " and ")
        report.add(place, f"mixes {keys}", "keep exactly one kind")
    elif kinds and kinds[0] not in fitting:
        usable = one_of(" with ".join(KINDS[kind]) for kind in fitting) if fitting else "none"
        report.add(f"{place}.{given[kinds[0]][0]}", f"does not fit a {scheme} URL", f"use {usable}")
    elif kinds or scheme == "ssh":
        _check_complete(kinds[0] if kinds else "ssh_key", credentials, place, report)


def _check_complete(kind: str, credentials: Credentials, place: str, report: Report) -> None:
    for key in KINDS[kind]:
        if not getattr(credentials, key):
            hint = "ssh-keyscan prints it; compare before you trust it" if key == "known_hosts" else ""
            report.add(f"{place}.{key}", f"is missing; {' and '.join(KINDS[kind])} belong together", hint)
