"""Services: addresses and ports that the API server allocated, unless a person pinned them."""

from __future__ import annotations

from reverser.sanitize.json_content import Content, drop, mapping, rows
from reverser.sanitize.metadata import OriginalObject

_ALLOCATED = ("healthCheckNodePort", "ipFamilies", "ipFamilyPolicy")
_DEFAULTS = {"internalTrafficPolicy": "Cluster", "sessionAffinity": "None"}
_HEADLESS = "None"


def service(content: Content, live: OriginalObject) -> None:
    """Strip what nobody pinned; `clusterIP: None` is always what somebody wants."""
    spec = mapping(content, "spec")
    if spec is None:
        return
    owned = live.owners.owned
    drop(spec, *(key for key in _ALLOCATED if not owned("spec", key)))
    if not owned("spec", "clusterIPs", in_doubt=spec.get("clusterIPs") != [_HEADLESS]):
        drop(spec, "clusterIPs")
    if spec.get("clusterIP") != _HEADLESS and not owned("spec", "clusterIP"):
        drop(spec, "clusterIP")
    for port in rows(spec, "ports"):
        keys = {"port": port.get("port"), "protocol": port.get("protocol", "TCP")}
        if not owned("spec", "ports", keys, "nodePort"):
            drop(port, "nodePort")
    drop(spec, *(key for key, value in _DEFAULTS.items() if spec.get(key) == value))
