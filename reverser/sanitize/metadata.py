"""What is stripped from every kind: the server's own metadata, bookkeeping, and left-overs.

Bookkeeping is what the API server, controllers and GitOps tools write into annotations and labels. Unknown
ones are kept: `argocd.argoproj.io/sync-wave`, `kubectl.kubernetes.io/restartedAt` or
`meta.helm.sh/release-name` are what somebody wants. A name that ends in `*` is a beginning.

Left-overs are the `creationTimestamp: null` and `metadata: {}` that Go's types leave in embedded
templates. They are sought in maps called `template`, `jobTemplate` and the like, but never inside lists.
A custom resource's map may be atomic (a map that lost a null would change the live object when it is
applied), and its schema may require `metadata` or give it a default. So there they go only from what has the
shape of a pod template, and of that only fields that the managed fields name one by one.

`OriginalObject` is the object as it is, for rules to look things up while they change its copy.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from reverser.errors import WithheldError
from reverser.model.resource import BUILTIN_GROUPS, ResourceType
from reverser.sanitize.json_content import Content, drop, drop_emptied, mapping, texts
from reverser.sanitize.managed_fields import Ownership
from reverser.sanitize.object_copies import LAST_APPLIED

ANNOTATIONS = (
    LAST_APPLIED,
    "deployment.kubernetes.io/revision",
    "deployment.kubernetes.io/desired-replicas",
    "deployment.kubernetes.io/max-replicas",
    "deployment.kubernetes.io/revision-history",
    "deprecated.daemonset.template.generation",
    "control-plane.alpha.kubernetes.io/leader",
    "autoscaling.alpha.kubernetes.io/conditions",
    "autoscaling.alpha.kubernetes.io/current-metrics",
    "autoscaling.alpha.kubernetes.io/metrics",
    "autoscaling.alpha.kubernetes.io/behavior",
    "endpoints.kubernetes.io/last-change-trigger-time",
    "pv.kubernetes.io/bind-completed",
    "pv.kubernetes.io/bound-by-controller",
    "pv.kubernetes.io/provisioned-by",
    "volume.kubernetes.io/storage-provisioner",
    "volume.kubernetes.io/selected-node",
    "volume.beta.kubernetes.io/storage-provisioner",
    "kubernetes.io/service-account.uid",
    "kubernetes.io/limit-ranger",
    "batch.kubernetes.io/job-tracking",
    "node.alpha.kubernetes.io/*",
    "objectset.rio.cattle.io/*",
    "field.cattle.io/publicEndpoints",
    "kapp.k14s.io/original*",
    "argocd.argoproj.io/tracking-id",
    "argocd.argoproj.io/installation-id",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "applyset.kubernetes.io/*",
    "kcp.io/cluster",
)

LABELS = (
    "controller-revision-hash",
    "pod-template-generation",
    "statefulset.kubernetes.io/pod-name",
    "pod-template-hash",
    "kustomize.toolkit.fluxcd.io/*",
    "helm.toolkit.fluxcd.io/*",
    "kro.run/*",
    "applyset.kubernetes.io/*",
)

NAMESPACE_NAME = "kubernetes.io/metadata.name"
"""The label that every Namespace gets."""

JOB_LABELS = (
    "controller-uid",
    "batch.kubernetes.io/controller-uid",
    "job-name",
    "batch.kubernetes.io/job-name",
)
"""What a Job without `manualSelector` gets, on itself and on its template."""


class Names:
    """A set of names and beginnings of names."""

    def __init__(self, patterns: Iterable[str]) -> None:
        patterns = tuple(patterns)
        self._exact = frozenset(each for each in patterns if not each.endswith("*"))
        self._beginnings = tuple(each[:-1] for each in patterns if each.endswith("*"))

    def among(self, names: Mapping[str, str]) -> Iterator[str]:
        """Those of `names` that belong to the set."""
        return (name for name in names if name in self._exact or name.startswith(self._beginnings))


OF_ANNOTATIONS = Names(ANNOTATIONS)
OF_LABELS = Names(LABELS)


class OriginalObject:
    """Identity, annotations, labels and field owners of the untouched object."""

    __slots__ = ("annotations", "kind", "labels", "name", "owners")

    def __init__(self, obj: Content, type: ResourceType) -> None:  # noqa: A002
        metadata = mapping(obj, "metadata")
        if metadata is None:
            raise WithheldError("Unreadable", "the object has no metadata")
        self.kind = (type.group, type.kind)
        self.name = metadata.get("name")
        self.annotations: Mapping[str, str] = texts(metadata, "annotations")
        self.labels: Mapping[str, str] = texts(metadata, "labels")
        self.owners = Ownership(obj, str(obj.get("apiVersion", type.api_version)))


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


def strip_metadata(metadata: Content, live: OriginalObject) -> None:
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


def strip_left_overs(content: Content, live: OriginalObject) -> None:
    """Tidy every template that is reached through maps alone."""
    _strip_left_overs(content, () if live.kind[0] not in BUILTIN_GROUPS else None, live)


def _strip_left_overs(content: Content, path: tuple[str, ...] | None, live: OriginalObject) -> None:
    """`path` is where a custom resource's map stands; None in a type of Kubernetes itself."""
    for key, value in content.items():
        if type(value) is dict:
            below = None if path is None else (*path, key)
            if key.endswith("emplate") and (below is None or _is_granular(value, below, live)):
                tidy(value)
            _strip_left_overs(value, below, live)


def _is_granular(template: Content, path: tuple[str, ...], live: OriginalObject) -> bool:
    """Whether it looks like a pod template of which each field is somebody's for itself."""
    metadata = template.get("metadata")
    if not isinstance(metadata, dict) or not _has_containers(template.get("spec")):
        return False
    names = [(*path, "metadata", name) for name in metadata] or [(*path, "metadata")]
    return all(live.owners.names(*each) for each in names)


def _has_containers(spec: Any) -> bool:
    containers = spec.get("containers") if isinstance(spec, dict) else None
    return isinstance(containers, list) and bool(containers)


def tidy(template: Content) -> None:
    """Strip what is left over in the metadata of an embedded object."""
    metadata = template.get("metadata")
    if not isinstance(metadata, dict):
        return
    if "creationTimestamp" in metadata and metadata["creationTimestamp"] is None:
        del metadata["creationTimestamp"]
    drop_emptied(metadata, "annotations")
    drop_emptied(template, "metadata")


def _strip_finalizers(metadata: Content, live: OriginalObject) -> None:
    finalizers = metadata.get("finalizers")
    if finalizers is None:
        return
    if not isinstance(finalizers, list):
        raise WithheldError("Unreadable", "the field 'finalizers' is not a list")
    own = [each for each in finalizers if each not in FINALIZERS and live.owners.owns_finalizer(each)]
    if own:
        metadata["finalizers"] = own
    else:
        del metadata["finalizers"]
