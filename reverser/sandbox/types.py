"""The types that the sandbox serves: a table of built-in ones, and what CustomResourceDefinitions add.

The rows are those of a 1.34 API server, so that discovery of the two differs only in what is left
out. Every row can be listed and watched, and of a type one version is served.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reverser.model.resource import ResourceType
from reverser.sandbox.refusal import Refusal, not_served

VERBS = ("create", "delete", "get", "list", "patch", "update", "watch")

_ROWS = """
v1
  configmaps                ConfigMap                 Namespaced  cm
  events                    Event                     Namespaced  ev
  limitranges               LimitRange                Namespaced  limits
  namespaces                Namespace                 Cluster     ns        - status
  nodes                     Node                      Cluster     no        - status
  persistentvolumeclaims    PersistentVolumeClaim     Namespaced  pvc       - status
  persistentvolumes         PersistentVolume          Cluster     pv        - status
  pods                      Pod                       Namespaced  po        all status
  resourcequotas            ResourceQuota             Namespaced  quota     - status
  secrets                   Secret                    Namespaced
  serviceaccounts           ServiceAccount            Namespaced  sa
  services                  Service                   Namespaced  svc       all status
admissionregistration.k8s.io/v1
  validatingwebhookconfigurations ValidatingWebhookConfiguration Cluster - api-extensions
apps/v1
  daemonsets                DaemonSet                 Namespaced  ds        all status
  deployments               Deployment                Namespaced  deploy    all scale,status
  replicasets               ReplicaSet                Namespaced  rs        all scale,status
  statefulsets              StatefulSet               Namespaced  sts       all scale,status
autoscaling/v2
  horizontalpodautoscalers  HorizontalPodAutoscaler   Namespaced  hpa       all status
batch/v1
  cronjobs                  CronJob                   Namespaced  cj        all status
  jobs                      Job                       Namespaced  -         all status
networking.k8s.io/v1
  ingressclasses            IngressClass              Cluster
  ingresses                 Ingress                   Namespaced  ing       - status
  networkpolicies           NetworkPolicy             Namespaced  netpol
policy/v1
  poddisruptionbudgets      PodDisruptionBudget       Namespaced  pdb       - status
rbac.authorization.k8s.io/v1
  clusterrolebindings       ClusterRoleBinding        Cluster
  clusterroles              ClusterRole               Cluster
  rolebindings              RoleBinding               Namespaced
  roles                     Role                      Namespaced
storage.k8s.io/v1
  storageclasses            StorageClass              Cluster     sc
apiextensions.k8s.io/v1
  customresourcedefinitions CustomResourceDefinition  Cluster     crd,crds  api-extensions status
scheduling.k8s.io/v1
  priorityclasses           PriorityClass             Cluster     pc
coordination.k8s.io/v1
  leases                    Lease                     Namespaced
discovery.k8s.io/v1
  endpointslices            EndpointSlice             Namespaced
"""


class Catalogue:
    """The types that are served now: those of the table, and what CustomResourceDefinitions add."""

    def __init__(self) -> None:
        self._types = built_in()

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self._types)

    def add(self, type_: ResourceType) -> None:
        """Serve this one too, in place of another version of it."""
        self.remove(table_of(type_))
        self._types.append(type_)

    def remove(self, table: tuple[str, str]) -> None:
        """Serve this type no longer."""
        self._types = [type_ for type_ in self._types if table_of(type_) != table]

    def find(self, group: str, version: str, resource: str) -> ResourceType:
        """The type at a path. Refuses with NotFound."""
        for type_ in self._types:
            if (type_.group, type_.version, type_.resource) == (group, version, resource):
                return type_
        raise not_served()

    def of_kind(self, api_version: str, kind: str) -> ResourceType:
        """The type that objects with these two fields have. Refuses with BadRequest."""
        for type_ in self._types:
            if (type_.api_version, type_.kind) == (api_version, kind):
                return type_
        raise Refusal("BadRequest", f'no matches for kind "{kind}" in version "{api_version}"')


def table_of(type_: ResourceType) -> tuple[str, str]:
    """(group, plural): where the objects of a type are stored."""
    return type_.group, type_.resource


def built_in() -> list[ResourceType]:
    """The table, in the order of discovery."""
    types: list[ResourceType] = []
    for line in _ROWS.strip().splitlines():
        if not line.startswith(" "):
            group, _, version = line.rpartition("/")
        else:
            types.append(_row(group, version, *line.split()))
    return types


def custom_type(definition: dict[str, Any]) -> ResourceType:
    """The type that a CustomResourceDefinition adds, in the version that it stores."""
    spec = definition["spec"]
    names, [version] = spec["names"], [each for each in spec["versions"] if each.get("storage")]
    return ResourceType(
        group=spec["group"],
        version=version["name"],
        resource=names["plural"],
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        verbs=VERBS,
        short_names=tuple(names.get("shortNames", ())),
        singular=names["kind"].lower(),
        subresources=tuple(sorted(version.get("subresources", {}))),
    )


def _row(
    group: str,
    version: str,
    resource: str,
    kind: str,
    scope: str,
    short_names: str = "-",
    categories: str = "-",
    subresources: str = "-",
) -> ResourceType:
    return ResourceType(
        group=group,
        version=version,
        resource=resource,
        kind=kind,
        namespaced=scope == "Namespaced",
        verbs=VERBS,
        short_names=_cell(short_names),
        singular=kind.lower(),
        categories=_cell(categories),
        subresources=_cell(subresources),
    )


def _cell(text: str) -> tuple[str, ...]:
    return () if text == "-" else tuple(text.split(","))
