"""Service accounts, namespaces and aggregated roles: lists that controllers fill."""

from __future__ import annotations

import re

from reverser.sanitize.json_content import Content, drop, drop_emptied, mapping
from reverser.sanitize.metadata import OriginalObject

_GENERATED = re.compile(r"(?P<owner>.+)-(?:token|dockercfg)-[a-z0-9]+")


def service_account(content: Content, live: OriginalObject) -> None:
    """Strip a list of secrets when all of it is generated: of an atomic list no part can be left out."""
    for key in ("secrets", "imagePullSecrets"):
        if generated(content.get(key), live.name):
            del content[key]


def generated(references: object, account: object) -> bool:
    """Whether every reference names a secret that a controller made for this account."""
    return (
        isinstance(references, list)
        and bool(references)
        and all(isinstance(each, dict) and _is_generated(each.get("name"), account) for each in references)
    )


def namespace(content: Content, live: OriginalObject) -> None:  # noqa: ARG001
    """Strip the finalizers of the spec, which the API server puts there."""
    drop(mapping(content, "spec"), "finalizers")
    drop_emptied(content, "spec")


def cluster_role(content: Content, live: OriginalObject) -> None:  # noqa: ARG001
    """Strip rules that a controller aggregates."""
    if content.get("aggregationRule") is not None:
        drop(content, "rules")


def _is_generated(name: object, account: object) -> bool:
    match = _GENERATED.fullmatch(name) if isinstance(name, str) else None
    return match is not None and match["owner"] == account
