"""What is stripped from every kind: the server's own metadata, bookkeeping, and left-overs.

Left-overs are the `creationTimestamp: null` and `metadata: {}` that Go's types leave in embedded
templates. They are sought in maps called `template`, `jobTemplate` and the like, also in custom
resources, but never inside lists: a custom resource's lists are atomic by default, and an item
that lost a null would change the live object when it is applied.
"""

from __future__ import annotations

from reverser.errors import WithheldError
from reverser.stages.sanitize.bookkeeping import NAMESPACE_NAME, OF_ANNOTATIONS, OF_LABELS
from reverser.stages.sanitize.content import Content, drop, drop_emptied, mapping
from reverser.stages.sanitize.live import Live

SERVER_FIELDS = (
    "managedFields",
    "uid",
    "resourceVersion",
    "generation",
    "selfLink",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
)
FINALIZERS = frozenset(
    {
        "kubernetes.io/pvc-protection",
        "kubernetes.io/pv-protection",
        "kubernetes.io/vac-protection",
        "foregroundDeletion",
        "orphan",
        "customresourcecleanup.apiextensions.k8s.io",
    }
)
"""Put there by the API server or a controller, whoever seems to own them."""


def strip_metadata(metadata: Content, live: Live) -> None:
    """Strip what no person writes from the object's own metadata."""
    drop(metadata, *SERVER_FIELDS)
    if live.name:
        drop(metadata, "generateName")
    _strip_finalizers(metadata, live)
    drop(mapping(metadata, "annotations"), *OF_ANNOTATIONS.among(live.annotations))
    drop(mapping(metadata, "labels"), *OF_LABELS.among(live.labels))
    if live.kind == ("", "Namespace"):
        drop(mapping(metadata, "labels"), NAMESPACE_NAME)
    drop_emptied(metadata, "annotations")
    drop_emptied(metadata, "labels")


def strip_left_overs(content: Content) -> None:
    """Tidy every template that is reached through maps alone."""
    for key, value in content.items():
        if type(value) is dict:
            if key.endswith("emplate"):
                tidy(value)
            strip_left_overs(value)


def tidy(template: Content) -> None:
    """Strip what is left over in the metadata of an embedded object."""
    metadata = template.get("metadata")
    if not isinstance(metadata, dict):
        return
    if "creationTimestamp" in metadata and metadata["creationTimestamp"] is None:
        del metadata["creationTimestamp"]
    drop_emptied(metadata, "annotations")
    drop_emptied(template, "metadata")


def _strip_finalizers(metadata: Content, live: Live) -> None:
    finalizers = metadata.get("finalizers")
    if finalizers is None:
        return
    if not isinstance(finalizers, list):
        raise WithheldError("Unreadable", "the field 'finalizers' is not a list")
    kept = [each for each in finalizers if each not in FINALIZERS and live.owners.owns_finalizer(each)]
    if kept:
        metadata["finalizers"] = kept
    else:
        del metadata["finalizers"]
