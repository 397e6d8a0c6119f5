"""Promises of telling a whole object from a patch: an ordinary manifest is whole, however little it says."""

from __future__ import annotations

import copy
from typing import Any, Literal

import pytest
import yaml

from reverser.manifest import editor
from reverser.manifest.scanner import read
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.document import Policy, sanitize

POD = {
    "dnsPolicy": "ClusterFirst",
    "restartPolicy": "Always",
    "schedulerName": "default-scheduler",
    "securityContext": {},
    "terminationGracePeriodSeconds": 30,
}
CONTAINER = {
    "imagePullPolicy": "IfNotPresent",
    "resources": {},
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}
PODS = "containers: [{name: web, image: 'nginx:1'}]"
TEMPLATE = f"{{metadata: {{labels: {{app: web}}}}, spec: {{{PODS}}}}}"
SELECTED = f"selector: {{matchLabels: {{app: web}}}}\n  template: {TEMPLATE}\n"
UPDATES = {"maxSurge": "25%", "maxUnavailable": "25%"}
GAINED = {f"example.com/gained-{at}": "x" for at in range(6)}

MANIFESTS: list[tuple[str, str, str, dict[str, Any]]] = [
    (
        "apps/v1",
        "Deployment",
        f"spec:\n  {SELECTED}",
        {
            "replicas": 1,
            "progressDeadlineSeconds": 600,
            "revisionHistoryLimit": 10,
            "strategy": {"type": "RollingUpdate", "rollingUpdate": UPDATES},
        },
    ),
    (
        "apps/v1",
        "StatefulSet",
        f"spec:\n  serviceName: web\n  {SELECTED}",
        {
            "replicas": 1,
            "podManagementPolicy": "OrderedReady",
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}},
        },
    ),
    (
        "apps/v1",
        "DaemonSet",
        f"spec:\n  {SELECTED}",
        {
            "revisionHistoryLimit": 10,
            "updateStrategy": {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 0}},
        },
    ),
    ("v1", "Pod", f"spec:\n  {PODS}\n", {"enableServiceLinks": True, "preemptionPolicy": "Never"}),
    (
        "batch/v1",
        "Job",
        f"spec:\n  template: {{spec: {{restartPolicy: Never, {PODS}}}}}\n",
        {"backoffLimit": 6, "completionMode": "NonIndexed", "completions": 1, "parallelism": 1},
    ),
    (
        "batch/v1",
        "CronJob",
        f'spec:\n  schedule: "* * * * *"\n  jobTemplate: {{spec: {{template: {TEMPLATE}}}}}\n',
        {
            "concurrencyPolicy": "Allow",
            "failedJobsHistoryLimit": 1,
            "successfulJobsHistoryLimit": 3,
            "suspend": False,
        },
    ),
    (
        "v1",
        "Service",
        "spec:\n  selector: {app: web}\n  ports:\n  - port: 80\n",
        {
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
            "sessionAffinity": "None",
            "type": "ClusterIP",
        },
    ),
    ("v1", "Service", "spec: {clusterIP: None}\n", {"sessionAffinity": "None", "type": "ClusterIP"}),
    (
        "v1",
        "Service",
        "spec: {type: ExternalName, externalName: a.example.com}\n",
        {"sessionAffinity": "None"},
    ),
    ("v1", "ConfigMap", "data:\n  a: '1'\n", {}),
    ("v1", "ConfigMap", "", {}),
    ("v1", "ServiceAccount", "", {}),
    ("v1", "Namespace", "", {"finalizers": ["kubernetes"]}),
    (
        "v1",
        "PersistentVolumeClaim",
        "spec:\n  accessModes: [ReadWriteOnce]\n  resources: {requests: {storage: 1Gi}}\n",
        {"storageClassName": "standard", "volumeMode": "Filesystem", "volumeName": "pvc-1"},
    ),
    ("v1", "ResourceQuota", "spec: {hard: {pods: '4'}}\n", {}),
    ("v1", "LimitRange", "spec: {limits: [{type: Pod, max: {cpu: '1'}}]}\n", {}),
    (
        "networking.k8s.io/v1",
        "Ingress",
        "spec:\n  defaultBackend: {service: {name: web, port: {number: 80}}}\n",
        {"ingressClassName": "nginx"},
    ),
    ("networking.k8s.io/v1", "NetworkPolicy", "spec: {policyTypes: [Ingress]}\n", {"podSelector": {}}),
    ("networking.k8s.io/v1", "NetworkPolicy", "spec: {}\n", {"podSelector": {}, "policyTypes": ["Ingress"]}),
    ("policy/v1", "PodDisruptionBudget", "spec: {minAvailable: 1}\n", {"unhealthyPodEvictionPolicy": "x"}),
    (
        "autoscaling/v2",
        "HorizontalPodAutoscaler",
        "spec:\n  maxReplicas: 3\n  scaleTargetRef: {apiVersion: apps/v1, kind: Deployment, name: web}\n",
        {"minReplicas": 1, "metrics": [{"type": "Resource", "resource": {"name": "cpu"}}]},
    ),
    ("rbac.authorization.k8s.io/v1", "Role", "rules: []\n", {}),
    (
        "rbac.authorization.k8s.io/v1",
        "RoleBinding",
        "roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: web}\n",
        {},
    ),
    ("example.com/v1", "Widget", "spec: {}\n", {f"default{at}": at for at in range(12)}),
]


def _manifest(version: str, kind: str, rest: str) -> str:
    head = f"# ours\napiVersion: {version}\nkind: {kind}\n"
    return f"{head}metadata:\n  name: web\n  namespace: shop # here\n{rest}"


def _live(text: str, defaults: dict[str, Any]) -> dict[str, Any]:
    """The object as the API server keeps it, and as people have changed it since."""
    live: dict[str, Any] = copy.deepcopy(yaml.safe_load(text))
    manager = {
        "manager": "kubectl",
        "operation": "Update",
        "apiVersion": live["apiVersion"],
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:spec": {}},
    }
    live["metadata"] |= {"uid": "u", "resourceVersion": "1", "managedFields": [manager], "labels": GAINED}
    live["metadata"]["annotations"] = dict(GAINED)
    if defaults:
        live.setdefault("spec", {}).update(defaults)
    if live["kind"] == "ConfigMap":
        live.setdefault("data", {}).update(dict.fromkeys("bcdefghij", "x"))
    for spec in _pods(live):
        spec.update({key: value for key, value in POD.items() if key not in spec})
        spec["containers"][0].update(copy.deepcopy(CONTAINER))
    return live


def _pods(value: Any) -> list[dict[str, Any]]:
    if not isinstance(value, dict):
        return []
    return [value] if "containers" in value else [found for each in value.values() for found in _pods(each)]


@pytest.mark.parametrize("style", ["full", "minimal"])
@pytest.mark.parametrize(("version", "kind", "rest", "defaults"), MANIFESTS)
def test_an_ordinary_manifest_is_whole(
    version: str, kind: str, rest: str, defaults: dict[str, Any], style: Literal["full", "minimal"]
) -> None:
    """It is edited to say what the object says, with all that the API server and people have added."""
    text = _manifest(version, kind, rest)
    group, _, plain = version.rpartition("/")
    type_ = ResourceType(group, plain, f"{kind.lower()}s", kind, True, subresources=("status",))
    key = ObjectKey("default", group, type_.resource, "shop", "web")
    policy = Policy(style=style, secrets="mask", mask_key=b"k")
    wanted = sanitize(_live(text, defaults), key, type_, policy).content

    edited = editor.edit(text.encode(), 0, wanted)

    assert editor.parse(edited) == wanted
    assert edited.startswith(text.partition("\nspec")[0].partition("\nrules")[0].encode()[:60])
    assert [(each.patch, each.reason) for each in read("a.yaml", text.encode()).objects] == [(False, "")]


DEPLOYMENT = _manifest("apps/v1", "Deployment", "")
CONFIG = _manifest("v1", "ConfigMap", "")


@pytest.mark.parametrize(
    "text",
    [
        CONFIG + "data:\n  p.yaml: |\n    $patch: delete\n    - $patch: replace\n",
        CONFIG + "data: {a: 'see $patch: delete'} # $patch\n",
        DEPLOYMENT + "spec: {color: '#fff', selector: {}, template: {spec: {containers: [{image: a}]}}}\n",
        DEPLOYMENT + "spec:\n  selector: {}\n  template:\n    spec:\n      containers: ${CONTAINERS}\n",
        DEPLOYMENT + "spec:\n  {{- toYaml .Values.spec | nindent 2 }}\n",
        _manifest("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition", "spec:\n  version: v1\n"),
    ],
)
def test_what_only_looks_like_a_patch_is_whole(text: str) -> None:
    """A directive in a text, a comment sign in a value, fields that a template fills in."""
    assert [each.patch for each in read("a.yaml", text.encode()).objects] == [False]


@pytest.mark.parametrize(
    "text",
    [
        DEPLOYMENT + "spec:\n  # selector:, containers: and image: stand in the base\n  replicas: 2\n",
        DEPLOYMENT + "spec: {replicas: 2} # selector: containers: image:\n",
        _manifest("v1", "Service", "spec: {type: LoadBalancer}\n"),
        _manifest("networking.k8s.io/v1", "Ingress", "spec: {ingressClassName: nginx}\n"),
        _manifest("v1", "PersistentVolume", "spec: {persistentVolumeReclaimPolicy: Retain}\n"),
        CONFIG + "data: {$patch: replace}\n",
        CONFIG + "x:\n- $patch: delete\n  name: {{ .x }}\n",
        CONFIG + '"$setElementOrder/data": [a]\n',
    ],
)
def test_a_patch_is_known_by_its_fields(text: str) -> None:
    """What a comment says does not count; a directive counts wherever it is a field."""
    assert [each.patch for each in read("a.yaml", text.encode()).objects] == [True]
