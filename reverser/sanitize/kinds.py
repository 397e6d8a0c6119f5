"""The rule of each kind: what is stripped from it beyond what is stripped from every kind."""

from __future__ import annotations

from collections.abc import Callable

from reverser.sanitize.ca_bundle import api_service, custom_resource_definition, webhooks
from reverser.sanitize.jobs import job, stateful_set
from reverser.sanitize.json_content import Content, mapping
from reverser.sanitize.metadata import OriginalObject, tidy
from reverser.sanitize.pods import POD, TEMPLATES, Kind, pod, workload
from reverser.sanitize.rbac_accounts import cluster_role, namespace, service_account
from reverser.sanitize.services import service
from reverser.sanitize.volumes import claim, volume


def _resource_claim_template(content: Content, live: OriginalObject) -> None:  # noqa: ARG001
    spec = mapping(content, "spec")
    if spec is not None:
        tidy(spec)


RULES: dict[Kind, Callable[[Content, OriginalObject], None]] = {
    **dict.fromkeys(TEMPLATES, workload),
    POD: pod,
    ("batch", "Job"): job,
    ("apps", "StatefulSet"): stateful_set,
    ("", "Service"): service,
    ("", "PersistentVolumeClaim"): claim,
    ("", "PersistentVolume"): volume,
    ("", "ServiceAccount"): service_account,
    ("", "Namespace"): namespace,
    ("rbac.authorization.k8s.io", "ClusterRole"): cluster_role,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): custom_resource_definition,
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): webhooks,
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): webhooks,
    ("apiregistration.k8s.io", "APIService"): api_service,
    ("resource.k8s.io", "ResourceClaimTemplate"): _resource_claim_template,
}
