"""Annotations that hold a copy of their whole object, its secrets included, in whatever encoding.

Nearly all are bookkeeping of whoever applied the object last. They go wherever they stand, for every type:
nothing that hides a field could find it again in such a text. Where each name comes from is in
docs/sanitizing.md. A tool's own library often lets an operator choose the first part of the name, so the
endings count whatever stands before them.
"""

from __future__ import annotations

from typing import Any

ANNOTATIONS = "annotations"

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
EVERYWHERE = (LAST_APPLIED, "objectset.rio.cattle.io/applied")
"""They go from every map, whatever it is called. Each costs every object something: the others do not."""
ENDINGS = (
    "/last-applied",
    "last-applied-config",
    "last-applied-configuration",
    "last-applied-spec",
    "last-handled-configuration",
    "configmanagement.gke.io/declared-config",
    "kapp.k14s.io/original",
    "kapp.k14s.io/original-diff",
)
"""Names that end like this go from every map called `annotations`."""
NEEDED = frozenset({"cluster.x-k8s.io/conversion-data"})
"""Copies without which the object would lose something when it is created again: what an older version of its
type cannot express. They stay, but for objects of which something is hidden."""


def without_copies(annotations: Any) -> Any:
    """The map without those of its keys that name a copy; what is no map comes back as it is."""
    if not isinstance(annotations, dict):
        return annotations
    return {name: value for name, value in annotations.items() if not str(name).endswith(ENDINGS)}
