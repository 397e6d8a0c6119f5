"""How far documents may be from what people wrote; every line is a deliberate choice.

Nothing here is about the law: an added field does no harm to it, and of a lost one it knows
nothing.
"""

from __future__ import annotations

LOST: dict[str, set[str]] = {
    "clusterroles.rbac.authorization.k8s.io": {"rules"},
    "customresourcedefinitions.apiextensions.k8s.io": {"spec.preserveUnknownFields"},
    "deployments.apps": {
        "spec.template.metadata.creationTimestamp",
        "spec.template.spec.serviceAccount",
        "spec.template.spec.volumes[*].ephemeral.volumeClaimTemplate.metadata",
    },
    "horizontalpodautoscalers.autoscaling": {"spec.targetCPUUtilizationPercentage"},
    "networkpolicies.networking.k8s.io": {"spec.ingress[*].from", "spec.egress"},
    "pods": {
        "metadata.generateName",
        "spec.containers[*].volumeMounts",
        "spec.serviceAccount",
        "spec.serviceAccountName",
        "spec.volumes",
    },
    "priorityclasses.scheduling.k8s.io": {"globalDefault"},
    "secrets": {"stringData"},
    "serviceaccounts": {"secrets", "imagePullSecrets"},
    "services": {"spec.internalTrafficPolicy", "spec.sessionAffinity"},
    "things.law.example": {
        "spec.template.metadata.creationTimestamp",
        "spec.jobTemplate.metadata.creationTimestamp",
    },
}
TOLD = {("things.law.example", '"bare-template"')}
"""Objects whose documents tell how they were made: `kubectl apply` drops a null of a custom resource that the
API server keeps when it comes in any other way, and that stays for there it may mean something."""
"""What a person wrote and a full document does not say: empty or default values that the server does
not store, other spellings that it turns into one, left-overs, and what the rules call generated."""

_CLAIM_SPEC = "spec.template.spec.volumes[*].ephemeral.volumeClaimTemplate.spec"
_REQUESTS = "spec.devices.requests[*]"
_QUEUING = "spec.limited.limitResponse.queuing"
ADDED: dict[str, set[str]] = {
    "apiservices.apiregistration.k8s.io": {"spec.service.port"},
    "clusterroles.rbac.authorization.k8s.io": {"rules"},
    "csidrivers.storage.k8s.io": {
        "spec.attachRequired",
        "spec.fsGroupPolicy",
        "spec.podInfoOnMount",
        "spec.requiresRepublish",
        "spec.seLinuxMount",
        "spec.storageCapacity",
        "spec.volumeLifecycleModes",
    },
    "deployments.apps": {"spec.template.spec.serviceAccountName", f"{_CLAIM_SPEC}.dataSource.apiGroup"},
    "endpoints": {"subsets[*].ports[*].protocol"},
    "endpointslices.discovery.k8s.io": {"endpoints[*].conditions", "ports[*].name", "ports[*].protocol"},
    "flowschemas.flowcontrol.apiserver.k8s.io": {"spec.matchingPrecedence"},
    "horizontalpodautoscalers.autoscaling": {"metadata.annotations", "spec.metrics"},
    "ingressclasses.networking.k8s.io": {"spec.parameters.scope"},
    "jobs.batch": {"metadata.labels", "spec.backoffLimit"},
    "limitranges": {"spec.limits[*].defaultRequest.cpu"},
    "mutatingwebhookconfigurations.admissionregistration.k8s.io": {"webhooks[*].failurePolicy"},
    "persistentvolumeclaims": {"spec.dataSource.apiGroup"},
    "pods": {
        "spec.containers[*].env[*].valueFrom.resourceFieldRef.divisor",
        "spec.containers[*].resources",
        "spec.containers[*].resources.limits",
        "spec.containers[*].resources.requests",
        "spec.containers[*].resources.requests.cpu",
        "spec.imagePullSecrets",
        "spec.nodeSelector",
        "spec.tolerations",
    },
    "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io": {
        "spec.limited.lendablePercent",
        "spec.limited.nominalConcurrencyShares",
        f"{_QUEUING}.handSize",
        f"{_QUEUING}.queueLengthLimit",
        f"{_QUEUING}.queues",
    },
    "replicationcontrollers": {"metadata.labels", "spec.selector"},
    "resourceclaims.resource.k8s.io": {
        f"{_REQUESTS}.exactly.allocationMode",
        f"{_REQUESTS}.exactly.count",
        f"{_REQUESTS}.firstAvailable[*].allocationMode",
        f"{_REQUESTS}.firstAvailable[*].count",
    },
    "resourceclaimtemplates.resource.k8s.io": {
        f"spec.{_REQUESTS}.exactly.allocationMode",
        f"spec.{_REQUESTS}.exactly.count",
    },
    "secrets": {"data"},
    "things.law.example": {"spec.items[*].on", "spec.size"},
    "validatingadmissionpolicies.admissionregistration.k8s.io": {
        "spec.failurePolicy",
        "spec.matchConstraints.matchPolicy",
        "spec.matchConstraints.namespaceSelector",
        "spec.matchConstraints.objectSelector",
        "spec.matchConstraints.resourceRules[*].scope",
    },
    "validatingadmissionpolicybindings.admissionregistration.k8s.io": {
        "spec.matchResources.matchPolicy",
        "spec.matchResources.objectSelector",
    },
    "validatingwebhookconfigurations.admissionregistration.k8s.io": {"webhooks[*].failurePolicy"},
}
"""What a minimal document says though no person wrote it: other spellings, what admission filled in
for good, and defaults that the table of the style does not have."""
