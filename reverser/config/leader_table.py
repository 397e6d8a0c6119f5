"""`[leader]`: several processes with one configuration, of which one at a time observes and writes.

How the leader is elected stands in `reverser.leader`. Namespace and identity are the pod's own where the
table leaves them out.
"""

from __future__ import annotations

import math
import secrets
import socket
from typing import TYPE_CHECKING

import msgspec

from reverser.config.problems import show
from reverser.config.value_formats import check_namespace, check_object_name

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from reverser.config.problems import Report

LONGEST_SECONDS = 3600
HOLDER_LENGTH = 200


class Leader(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Election of the one replica that observes and writes."""

    name: str = "gitops-reverser"
    """Name of the Lease; all replicas have the same. Other objects that replicas share begin with it."""
    namespace: str = ""
    """Namespace of the Lease; empty: the pod's own, which $POD_NAMESPACE or its service account names."""
    identity: str = ""
    """What the Lease calls this replica, another for each; empty: $POD_NAME, else host name and a number."""
    lease_seconds: int = 15
    """A Lease that was not renewed for so long is free for others."""
    renew_seconds: float = 10.0
    """A leader that could not renew the Lease for so long stops observing; less than `lease_seconds`."""
    retry_seconds: float = 2.0
    """Between two renewals; the other replicas look twice as often."""


def check_leader(leader: Leader, report: Report) -> None:
    """Report what is wrong with the table."""
    for key, value, check in (
        ("name", leader.name, check_object_name),
        ("namespace", leader.namespace, check_namespace),
    ):
        if value or key == "name":
            try:
                check(value)
            except ValueError as error:
                report.add(f"leader.{key}", str(error))
    if len(leader.identity) > HOLDER_LENGTH:
        report.add("leader.identity", f"must have at most {HOLDER_LENGTH} characters")
    _check_times(leader, report)


def _check_times(leader: Leader, report: Report) -> None:
    lease, renew, retry = leader.lease_seconds, leader.renew_seconds, leader.retry_seconds
    if not 1 <= lease <= LONGEST_SECONDS:
        report.add("leader.lease_seconds", f"must be from 1 to {LONGEST_SECONDS} seconds, not {lease}")
    elif not (math.isfinite(renew) and 0 < renew < lease):
        message = f"must be less than lease_seconds ({lease}) and more than 0, not {show(renew)}"
        report.add("leader.renew_seconds", message, "two thirds of lease_seconds, for example")
    elif not (math.isfinite(retry) and 0 < retry <= renew / 2):
        message = f"must be at most half of renew_seconds ({renew:g}) and more than 0, not {show(retry)}"
        report.add("leader.retry_seconds", message, "a fifth of renew_seconds, for example")


def namespace_of(leader: Leader, environ: Mapping[str, str], account: Path) -> str:
    """Where the Lease is; empty where neither the table nor the pod says so."""
    named = leader.namespace or environ.get("POD_NAMESPACE", "")
    if named:
        return named
    try:
        return (account / "namespace").read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return ""


def identity_of(leader: Leader, environ: Mapping[str, str]) -> str:
    """What the Lease calls this process."""
    named = leader.identity or environ.get("POD_NAME", "")
    return named or f"{socket.gethostname()}_{secrets.token_hex(4)}"
