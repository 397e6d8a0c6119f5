"""What the API server and controllers make by themselves: kind by kind, how to tell, and a reason.

Told by content, not by manager, where the objects of interest have no managedFields (service
accounts). What a person took over (a Namespace with labels, a flow schema with autoupdate off) is
that person's.

`exclusion` says why an object is left out though its type is not: nobody declares it, something makes it.

The answer is a reason for people, told when a file goes because of it. Nothing here raises: an
object that cannot be read is not excluded but withheld by `sanitize`.

`ObjectView` is an object as it is looked at for that: every field has a value, whatever the object holds.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from reverser.model.resource import ResourceType
from reverser.sanitize.managed_fields import CONTROLLERS, entries
from reverser.sanitize.metadata import NAMESPACE_NAME, OF_ANNOTATIONS, OF_LABELS
from reverser.sanitize.rbac_accounts import generated
from reverser.sanitize.volumes import PROVISIONED_BY
from reverser.sanitize.workloads import Kind


class ObjectView:
    """Identity, annotations, labels and managers of an object of any shape."""

    __slots__ = ("_metadata", "annotations", "labels", "obj")

    def __init__(self, obj: Mapping[str, Any]) -> None:
        self.obj = obj
        self._metadata = _map(obj.get("metadata"))
        self.annotations: Mapping[str, Any] = _map(self._metadata.get("annotations"))
        self.labels: Mapping[str, Any] = _map(self._metadata.get("labels"))

    @property
    def name(self) -> str:
        return _text(self._metadata.get("name"))

    @property
    def namespace(self) -> str:
        return _text(self._metadata.get("namespace"))

    @property
    def owner_references(self) -> list[Any]:
        references = self._metadata.get("ownerReferences")
        return references if isinstance(references, list) else []

    @property
    def made_by_controllers(self) -> bool:
        """Whether managedFields names controllers only, kube-controller-manager among them."""
        managers = {_text(entry.get("manager")) for entry in entries(self.obj)}
        return "kube-controller-manager" in managers and managers <= CONTROLLERS


def _map(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


LEADER = "control-plane.alpha.kubernetes.io/leader"
_LAST_CHANGE = "endpoints.kubernetes.io/last-change-trigger-time"
_MANAGED_BY = ("endpointslice.kubernetes.io/managed-by", "endpoints.kubernetes.io/managed-by")
_PEOPLE = frozenset({"staff", "cluster-admins"})
"""What the Kubernetes documentation tells people to put into that label of slices they write."""
_AUTOUPDATE = "apf.kubernetes.io/autoupdate-spec"
_SECRET_TYPES = frozenset(
    {"kubernetes.io/service-account-token", "bootstrap.kubernetes.io/token", "helm.sh/release.v1"}
)
_CONFIG_MAPS = frozenset(
    {
        "kube-root-ca.crt",
        "openshift-service-ca.crt",
        "istio-ca-root-cert",
        "extension-apiserver-authentication",
        "kube-apiserver-legacy-service-account-token-tracking",
        "cluster-autoscaler-status",
    }
)
_RBAC = "rbac.authorization.k8s.io"


def _api_server_itself(obj_view: ObjectView) -> bool:
    return (obj_view.namespace, obj_view.name) == ("default", "kubernetes")


def _mirror(obj_view: ObjectView) -> bool:
    return "kubernetes.io/config.mirror" in obj_view.annotations


def _orphan(obj_view: ObjectView) -> bool:
    return "pod-template-hash" in obj_view.labels


def _provisioned(obj_view: ObjectView) -> bool:
    return PROVISIONED_BY in obj_view.annotations


def _generated_secret(obj_view: ObjectView) -> bool:
    return str(obj_view.obj.get("type")) in _SECRET_TYPES


def _helm(obj_view: ObjectView) -> bool:
    return obj_view.labels.get("owner") == "helm"


def _helm_config_map(obj_view: ObjectView) -> bool:
    return _helm(obj_view) and obj_view.name.startswith("sh.helm.release.")


def _known_config_map(obj_view: ObjectView) -> bool:
    return obj_view.name in _CONFIG_MAPS


def _election(obj_view: ObjectView) -> bool:
    return LEADER in obj_view.annotations


def _bare_account(obj_view: ObjectView) -> bool:
    return (obj_view.name == "default" or obj_view.namespace == "kube-system") and not _has_content(obj_view)


def _has_content(obj_view: ObjectView) -> bool:
    lists = (obj_view.obj.get(key) for key in ("secrets", "imagePullSecrets"))
    return (
        any(each and not generated(each, obj_view.name) for each in lists)
        or obj_view.obj.get("automountServiceAccountToken") is not None
        or _written_upon(obj_view)
    )


def _system_namespace(obj_view: ObjectView) -> bool:
    return (obj_view.name == "default" or obj_view.name.startswith("kube-")) and not _written_upon(obj_view)


def _written_upon(obj_view: ObjectView) -> bool:
    """Whether anybody put labels or annotations there."""
    labels = obj_view.labels.keys() - set(OF_LABELS.among(obj_view.labels)) - {NAMESPACE_NAME}
    return bool(labels or obj_view.annotations.keys() - set(OF_ANNOTATIONS.among(obj_view.annotations)))


def _bootstrapped(obj_view: ObjectView) -> bool:
    return obj_view.labels.get("kubernetes.io/bootstrapping") == "rbac-defaults"


def _automanaged(obj_view: ObjectView) -> bool:
    return "kube-aggregator.kubernetes.io/automanaged" in obj_view.labels


def _system(obj_view: ObjectView) -> bool:
    return obj_view.name.startswith("system-")


def _autoupdated(obj_view: ObjectView) -> bool:
    return _AUTOUPDATE in obj_view.annotations and obj_view.annotations[_AUTOUPDATE] != "false"


def _named_kubernetes(obj_view: ObjectView) -> bool:
    return obj_view.name == "kubernetes"


def _managed_endpoints(obj_view: ObjectView) -> bool:
    return any(key in obj_view.labels and str(obj_view.labels[key]) not in _PEOPLE for key in _MANAGED_BY)


def _observed_endpoints(obj_view: ObjectView) -> bool:
    return _LAST_CHANGE in obj_view.annotations or LEADER in obj_view.annotations


def _claimed(obj_view: ObjectView) -> bool:
    return obj_view.made_by_controllers


Check = tuple[Callable[[ObjectView], bool], str]

_API = (_api_server_itself, "the API server keeps it for itself")
_RBAC_DEFAULT = (_bootstrapped, "the API server keeps it as one of its default roles")
_ENDPOINTS = (_managed_endpoints, "a controller keeps it up to date with a Service's pods")


def _table() -> Iterator[tuple[Kind, tuple[Check, ...]]]:
    yield ("", "Service"), (_API,)
    yield ("", "Pod"), ((_mirror, "it mirrors a static pod of a node"),)
    yield ("apps", "ReplicaSet"), ((_orphan, "a Deployment that is gone left it behind"),)
    yield ("", "PersistentVolumeClaim"), ((_claimed, "a StatefulSet made it"),)
    yield ("", "PersistentVolume"), ((_provisioned, "it was provisioned for a claim"),)
    yield (
        ("", "Secret"),
        (
            (_generated_secret, "its type says that a program makes it"),
            (_helm, "Helm keeps a release in it"),
        ),
    )
    yield (
        ("", "ConfigMap"),
        (
            (_known_config_map, "the cluster makes one of this name by itself"),
            (_helm_config_map, "Helm keeps a release in it"),
            (_election, "leaders are elected with it"),
        ),
    )
    yield ("", "ServiceAccount"), ((_bare_account, "the cluster makes it, and nobody added anything"),)
    yield ("", "Namespace"), ((_system_namespace, "the cluster makes it, and nobody added anything"),)
    for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"):
        yield (_RBAC, kind), (_RBAC_DEFAULT,)
    yield ("apiregistration.k8s.io", "APIService"), ((_automanaged, "the API server keeps it up to date"),)
    yield ("scheduling.k8s.io", "PriorityClass"), ((_system, "the API server makes it by itself"),)
    for kind in ("FlowSchema", "PriorityLevelConfiguration"):
        yield ("flowcontrol.apiserver.k8s.io", kind), ((_autoupdated, "the API server keeps it up to date"),)
    yield ("networking.k8s.io", "ServiceCIDR"), ((_named_kubernetes, "the API server makes it by itself"),)
    yield ("discovery.k8s.io", "EndpointSlice"), (_API, _ENDPOINTS)
    yield (
        ("", "Endpoints"),
        (
            _API,
            _ENDPOINTS,
            (_observed_endpoints, "a controller keeps it up to date with a Service's pods"),
        ),
    )


CHECKS: dict[Kind, tuple[Check, ...]] = dict(_table())


IGNORE = "gitops-reverser.io/ignore"


def exclusion(obj: Mapping[str, Any], type: ResourceType) -> str:  # noqa: A002
    """Why this object is left out; "" when it is not."""
    obj_view = ObjectView(obj)
    return _marked(obj_view) or _owned(obj_view) or _generated_by_cluster(obj_view, type)


def _marked(obj_view: ObjectView) -> str:
    marked = any(names.get(IGNORE, "false") != "false" for names in (obj_view.annotations, obj_view.labels))
    return f"it is marked {IGNORE}" if marked else ""


def _owned(obj_view: ObjectView) -> str:
    references = obj_view.owner_references
    if references and any(isinstance(each, dict) and each.get("controller") is True for each in references):
        return "a controller owns it"
    return ""


def _generated_by_cluster(obj_view: ObjectView, type: ResourceType) -> str:  # noqa: A002
    for applies, reason in CHECKS.get((type.group, type.kind), ()):
        if applies(obj_view):
            return reason
    return ""
