"""Claims and volumes: what binding has written into both."""

from __future__ import annotations

from reverser.sanitize.json_content import Content, drop, drop_emptied, mapping
from reverser.sanitize.metadata import OriginalObject

BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
PROVISIONED_BY = "pv.kubernetes.io/provisioned-by"


def claim(content: Content, live: OriginalObject) -> None:
    """Strip the volume that a controller chose, and the server's copy of the data source.

    There are two fields for it. Whichever a person writes, the server copies it to the other one.
    """
    spec = mapping(content, "spec")
    if spec is None:
        return
    owned = live.owners.owned
    chosen = BOUND_BY_CONTROLLER in live.annotations
    bound = chosen or BIND_COMPLETED in live.annotations
    if bound and not owned("spec", "volumeName", in_doubt=not chosen):
        drop(spec, "volumeName")
    if "dataSource" in spec and not owned("spec", "dataSourceRef"):
        drop(spec, "dataSourceRef")
    elif "dataSourceRef" in spec and not owned("spec", "dataSource"):
        drop(spec, "dataSource")


def volume(content: Content, live: OriginalObject) -> None:
    """Strip the claim that a controller chose; of one that a person named, what binding added."""
    spec = mapping(content, "spec")
    claim_ref = None if spec is None else mapping(spec, "claimRef")
    if spec is None or claim_ref is None:
        return
    if BOUND_BY_CONTROLLER in live.annotations:
        del spec["claimRef"]
        return
    drop(claim_ref, "uid", "resourceVersion")
    drop(claim_ref, *[key for key in claim_ref if not live.owners.owned("spec", "claimRef", key)])
    drop_emptied(spec, "claimRef")
