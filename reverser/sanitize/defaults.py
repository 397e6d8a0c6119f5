"""The API's static defaults, kind by kind: what `style = "minimal"` leaves out.

A row is a field path and the value that goes; `[*]` is every item of a list. Instead of a value a
row may hold a test of (value, siblings) for defaults that follow from other fields. Rows of inner
fields take effect before those of the maps around them, so `("spec.strategy", {})` means: when
nothing is left of it. Never here: what a CRD's own schema defaults, labels of a Job that equal its
template's, and the Job fields of a CronJob, which the server does not default.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from reverser.sanitize import derived_defaults
from reverser.sanitize.workloads import TEMPLATES, Kind

Rows = tuple[tuple[str, Any], ...]


def under(prefix: str, rows: Rows) -> Iterator[tuple[str, Any]]:
    """The rows with a longer path."""
    return ((f"{prefix}.{path}", value) for path, value in rows)


HTTP_GET: Rows = (("scheme", "HTTP"), ("path", "/"))
PROBE: Rows = (
    ("timeoutSeconds", 1),
    ("periodSeconds", 10),
    ("successThreshold", 1),
    ("failureThreshold", 3),
    *under("httpGet", HTTP_GET),
    ("grpc.service", ""),
)
FIELD_REF: Rows = (("fieldRef.apiVersion", "v1"),)
CONTAINER: Rows = (
    ("resources", {}),
    ("terminationMessagePath", "/dev/termination-log"),
    ("terminationMessagePolicy", "File"),
    ("imagePullPolicy", derived_defaults.pull_policy),
    ("ports[*].protocol", "TCP"),
    *under("env[*].valueFrom", FIELD_REF),
    *under("livenessProbe", PROBE),
    *under("readinessProbe", PROBE),
    *under("startupProbe", PROBE),
    *under("lifecycle.postStart.httpGet", HTTP_GET),
    *under("lifecycle.preStop.httpGet", HTTP_GET),
)
VOLUME: Rows = (
    ("configMap.defaultMode", 420),
    ("secret.defaultMode", 420),
    ("downwardAPI.defaultMode", 420),
    ("projected.defaultMode", 420),
    ("hostPath.type", ""),
    *under("downwardAPI.items[*]", FIELD_REF),
    *under("projected.sources[*].downwardAPI.items[*]", FIELD_REF),
    ("projected.sources[*].serviceAccountToken.expirationSeconds", 3600),
    ("ephemeral.volumeClaimTemplate.spec.volumeMode", "Filesystem"),
)
POD_SPEC: Rows = (
    ("terminationGracePeriodSeconds", 30),
    ("dnsPolicy", "ClusterFirst"),
    ("schedulerName", "default-scheduler"),
    ("securityContext", {}),
    *under("initContainers[*]", CONTAINER),
    *under("containers[*]", CONTAINER),
    *under("volumes[*]", VOLUME),
)
RESTART: Rows = (("restartPolicy", "Always"),)

DEPLOYMENT: Rows = (
    ("spec.replicas", 1),
    ("spec.revisionHistoryLimit", 10),
    ("spec.progressDeadlineSeconds", 600),
    ("spec.strategy.type", "RollingUpdate"),
    ("spec.strategy.rollingUpdate.maxSurge", "25%"),
    ("spec.strategy.rollingUpdate.maxUnavailable", "25%"),
    ("spec.strategy.rollingUpdate", {}),
    ("spec.strategy", {}),
)
DAEMON_SET: Rows = (
    ("spec.revisionHistoryLimit", 10),
    ("spec.updateStrategy.type", "RollingUpdate"),
    ("spec.updateStrategy.rollingUpdate.maxSurge", 0),
    ("spec.updateStrategy.rollingUpdate.maxUnavailable", 1),
    ("spec.updateStrategy.rollingUpdate", {}),
    ("spec.updateStrategy", {}),
)
STATEFUL_SET: Rows = (
    ("spec.replicas", 1),
    ("spec.podManagementPolicy", "OrderedReady"),
    ("spec.revisionHistoryLimit", 10),
    ("spec.updateStrategy.type", "RollingUpdate"),
    ("spec.updateStrategy.rollingUpdate.partition", 0),
    ("spec.updateStrategy.rollingUpdate", {}),
    ("spec.updateStrategy", {}),
    ("spec.persistentVolumeClaimRetentionPolicy.whenDeleted", "Retain"),
    ("spec.persistentVolumeClaimRetentionPolicy.whenScaled", "Retain"),
    ("spec.persistentVolumeClaimRetentionPolicy", {}),
    ("spec.volumeClaimTemplates[*].spec.volumeMode", "Filesystem"),
)
JOB: Rows = (
    ("spec.parallelism", derived_defaults.parallelism),
    ("spec.completions", derived_defaults.completions),
    ("spec.backoffLimit", derived_defaults.backoff_limit),
    ("spec.completionMode", "NonIndexed"),
    ("spec.suspend", False),
    ("spec.manualSelector", False),
    ("spec.podReplacementPolicy", derived_defaults.pod_replacement),
)
CRON_JOB: Rows = (
    ("spec.concurrencyPolicy", "Allow"),
    ("spec.suspend", False),
    ("spec.successfulJobsHistoryLimit", 3),
    ("spec.failedJobsHistoryLimit", 1),
)
REPLICAS: Rows = (("spec.replicas", 1),)
SERVICE: Rows = (
    ("spec.type", "ClusterIP"),
    ("spec.ports[*].protocol", "TCP"),
    ("spec.ports[*].targetPort", derived_defaults.target_port),
    ("spec.sessionAffinityConfig.clientIP.timeoutSeconds", 10800),
    ("spec.sessionAffinityConfig.clientIP", {}),
    ("spec.sessionAffinityConfig", {}),
    ("spec.externalTrafficPolicy", "Cluster"),
    ("spec.allocateLoadBalancerNodePorts", True),
)
NETWORK_POLICY: Rows = (
    ("spec.policyTypes", derived_defaults.policy_types),
    ("spec.ingress[*].ports[*].protocol", "TCP"),
    ("spec.egress[*].ports[*].protocol", "TCP"),
)
AUTOSCALER: Rows = (
    ("spec.minReplicas", 1),
    ("spec.behavior.scaleUp.stabilizationWindowSeconds", 0),
    ("spec.behavior.scaleUp.selectPolicy", "Max"),
    ("spec.behavior.scaleUp.policies", derived_defaults.SCALE_UP_POLICIES),
    ("spec.behavior.scaleUp", {}),
    ("spec.behavior.scaleDown.selectPolicy", "Max"),
    ("spec.behavior.scaleDown.policies", derived_defaults.SCALE_DOWN_POLICIES),
    ("spec.behavior.scaleDown", {}),
    ("spec.behavior", {}),
)
WEBHOOK: Rows = (
    ("webhooks[*].matchPolicy", "Equivalent"),
    ("webhooks[*].namespaceSelector", {}),
    ("webhooks[*].objectSelector", {}),
    ("webhooks[*].timeoutSeconds", 10),
    ("webhooks[*].rules[*].scope", "*"),
    ("webhooks[*].clientConfig.service.port", 443),
)
CUSTOM_RESOURCE_DEFINITION: Rows = (
    ("spec.conversion", {"strategy": "None"}),
    ("spec.conversion.webhook.clientConfig.service.port", 443),
    ("spec.names.listKind", derived_defaults.list_kind),
    ("spec.names.singular", derived_defaults.singular),
)
_RBAC = "rbac.authorization.k8s.io"
BINDING: Rows = (("roleRef.apiGroup", _RBAC), ("subjects[*].apiGroup", _RBAC))
_ADMISSION = "admissionregistration.k8s.io"

OF_KIND: dict[Kind, Rows] = {
    ("", "Pod"): (("spec.enableServiceLinks", True),),
    ("", "ReplicationController"): REPLICAS,
    ("apps", "ReplicaSet"): REPLICAS,
    ("apps", "Deployment"): DEPLOYMENT,
    ("apps", "DaemonSet"): DAEMON_SET,
    ("apps", "StatefulSet"): STATEFUL_SET,
    ("batch", "Job"): JOB,
    ("batch", "CronJob"): CRON_JOB,
    ("", "Service"): SERVICE,
    ("networking.k8s.io", "NetworkPolicy"): NETWORK_POLICY,
    ("autoscaling", "HorizontalPodAutoscaler"): AUTOSCALER,
    ("", "PersistentVolume"): (
        ("spec.persistentVolumeReclaimPolicy", "Retain"),
        ("spec.volumeMode", "Filesystem"),
        ("spec.hostPath.type", ""),
    ),
    ("", "PersistentVolumeClaim"): (("spec.volumeMode", "Filesystem"),),
    ("storage.k8s.io", "StorageClass"): (("reclaimPolicy", "Delete"), ("volumeBindingMode", "Immediate")),
    ("scheduling.k8s.io", "PriorityClass"): (("preemptionPolicy", "PreemptLowerPriority"),),
    (_ADMISSION, "ValidatingWebhookConfiguration"): WEBHOOK,
    (_ADMISSION, "MutatingWebhookConfiguration"): (*WEBHOOK, ("webhooks[*].reinvocationPolicy", "Never")),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): CUSTOM_RESOURCE_DEFINITION,
    (_RBAC, "ClusterRoleBinding"): BINDING,
    (_RBAC, "RoleBinding"): BINDING,
    ("", "Secret"): (("type", "Opaque"),),
}


def _of_pods(kind: Kind) -> Iterator[tuple[str, Any]]:
    path = ".".join((*TEMPLATES[kind], "spec"))
    rows = POD_SPEC if kind[0] == "batch" else (*RESTART, *POD_SPEC)
    return under(path, rows)


DEFAULTS: dict[Kind, Rows] = {
    **{kind: tuple(_of_pods(kind)) for kind in TEMPLATES},
    **{kind: (*rows, *(_of_pods(kind) if kind in TEMPLATES else ())) for kind, rows in OF_KIND.items()},
}
"""Every kind with all of its rows."""
