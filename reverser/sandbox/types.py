"""The built-in types that the sandbox serves: a table, and what is derived from a row.

The rows are those of a 1.34 API server, so that discovery of the two differs only in what is left
out. Every row can be listed and watched.
"""

from __future__ import annotations

import msgspec

from reverser.model.resource import ResourceType

VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")

_ROWS = """
v1
  configmaps                ConfigMap                 Namespaced  cm
  endpoints                 Endpoints                 Namespaced  ep
  events                    Event                     Namespaced  ev
  limitranges               LimitRange                Namespaced  limits
  namespaces                Namespace                 Cluster     ns        - status
  nodes                     Node                      Cluster     no        - status
  persistentvolumeclaims    PersistentVolumeClaim     Namespaced  pvc       - status
  persistentvolumes         PersistentVolume          Cluster     pv        - status
  pods                      Pod                       Namespaced  po        all status
  replicationcontrollers    ReplicationController     Namespaced  rc        all scale,status
  resourcequotas            ResourceQuota             Namespaced  quota     - status
  secrets                   Secret                    Namespaced
  serviceaccounts           ServiceAccount            Namespaced  sa
  services                  Service                   Namespaced  svc       all status
apiregistration.k8s.io/v1
  apiservices               APIService                Cluster     -         api-extensions status
admissionregistration.k8s.io/v1
  validatingwebhookconfigurations ValidatingWebhookConfiguration Cluster - api-extensions
apps/v1
  controllerrevisions       ControllerRevision        Namespaced
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

_WITHOUT_GENERATION = """
configmaps endpoints events limitranges namespaces nodes persistentvolumeclaims persistentvolumes
resourcequotas secrets serviceaccounts services apiservices controllerrevisions
horizontalpodautoscalers clusterrolebindings clusterroles rolebindings roles storageclasses leases
"""


class Served(msgspec.Struct, frozen=True):
    """One version of one type, as it is served now."""

    type: ResourceType
    custom: bool = False
    """Comes from a CustomResourceDefinition."""

    @property
    def table(self) -> tuple[str, str]:
        """(group, resource): where the objects of all versions are kept."""
        return self.type.group, self.type.resource

    @property
    def counts_generations(self) -> bool:
        """Whether `metadata.generation` exists and follows the specification."""
        return self.custom or self.type.resource not in _WITHOUT_GENERATION.split()

    def encode(self, body: bytes) -> bytes:
        """The object as this version spells it; `body` is stored without `kind` and `apiVersion`."""
        return b'{"kind":"%b","apiVersion":"%b",%b' % (
            self.type.kind.encode(),
            self.type.api_version.encode(),
            body[1:],
        )


def built_in() -> list[Served]:
    """The table, in the order of discovery."""
    types: list[Served] = []
    for line in _ROWS.strip().splitlines():
        if not line.startswith(" "):
            group, _, version = line.rpartition("/")
        else:
            types.append(_row(group, version, *line.split()))
    return types


def _row(
    group: str,
    version: str,
    resource: str,
    kind: str,
    scope: str,
    short_names: str = "-",
    categories: str = "-",
    subresources: str = "-",
) -> Served:
    # A namespace takes its content with it, so the API has no way to delete many at once.
    verbs = tuple(verb for verb in VERBS if (resource, verb) != ("namespaces", "deletecollection"))
    return Served(
        ResourceType(
            group=group,
            version=version,
            resource=resource,
            kind=kind,
            namespaced=scope == "Namespaced",
            verbs=verbs,
            short_names=_words(short_names),
            singular=kind.lower(),
            categories=_words(categories),
            subresources=_words(subresources),
        )
    )


def _words(cell: str) -> tuple[str, ...]:
    return () if cell == "-" else tuple(cell.split(","))
