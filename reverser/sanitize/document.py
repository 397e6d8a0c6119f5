"""One object becomes one document.

The order: a private copy; what is stripped from every kind; the rule of the kind; what equals the
default, if the style says so; the values of a Secret, and what else is sensitive; what the user
strips; what looks like a secret, if it is to be masked. Each step only takes away. Whatever goes
wrong on the way, the object is withheld.

A `Policy` is what one destination wants of it. Which of the user's rules apply depends on the resource type
alone, so their paths are parsed once per policy and type and kept.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any, Literal

import msgspec

from reverser.errors import WithheldError
from reverser.model.entry import Clear
from reverser.model.resource import BUILTIN_GROUPS, ObjectKey, ResourceType
from reverser.model.rule import SanitizeRule, SensitiveRule
from reverser.sanitize.ca_bundle import api_service, custom_resource_definition, webhooks
from reverser.sanitize.drop_defaults import leave_out_defaults
from reverser.sanitize.duplicate_keys import duplicates
from reverser.sanitize.field_path import parse_path, without
from reverser.sanitize.json_content import Content, copied, drop_emptied, mapping
from reverser.sanitize.metadata import OriginalObject, strip_left_overs, strip_metadata, tidy
from reverser.sanitize.rbac_accounts import cluster_role, namespace, service_account
from reverser.sanitize.restore_values import revealed
from reverser.sanitize.sensitive_values import hidden, is_secret, masked, sensitive
from reverser.sanitize.services import service
from reverser.sanitize.suspicious_values import without_suspicious
from reverser.sanitize.volumes import claim, volume
from reverser.sanitize.workloads import (
    POD,
    REPLICAS,
    TEMPLATES,
    Kind,
    job,
    pod,
    scaled_by_controller,
    stateful_set,
    workload,
)
from reverser.select.resource_patterns import means

Paths = tuple[tuple[str, ...], ...]


class Policy(msgspec.Struct, frozen=True):
    """How documents of one destination look."""

    style: Literal["full", "minimal"]
    """minimal leaves out what equals the API's default."""
    secrets: Literal["omit", "mask", "encrypt"]
    """Documents are masked whatever it says: omit is nobody asking for one, encrypt for `in_clear` too."""
    mask_key: bytes
    """Key of the digests that stand for the values of Secrets: 1 to 64 bytes."""
    suspicious: Literal["flag", "mask", "ignore"] = "flag"
    """mask: what looks like a secret is masked like the values of Secrets; flag: it is told of."""
    rules: tuple[SanitizeRule, ...] = ()
    """The user's additions, for all types. A path that cannot be read withholds every object."""
    sensitive: tuple[SensitiveRule, ...] = ()
    """What is treated like the values of a Secret."""


class FieldRules(msgspec.Struct, frozen=True):
    """The user's field paths for one type."""

    strip: Paths
    insignificant: Paths


@lru_cache(maxsize=4096)
def field_rules(rules: tuple[SanitizeRule, ...], type: ResourceType) -> FieldRules:  # noqa: A002
    """The paths of all rules that match the type."""
    matching = [rule for rule in rules if any(means(pattern, type) for pattern in rule.resources)]
    return FieldRules(
        strip=tuple(parse_path(text) for rule in matching for text in rule.strip),
        insignificant=tuple(parse_path(text) for rule in matching for text in rule.insignificant),
    )


CRD = ("apiextensions.k8s.io", "CustomResourceDefinition")


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
"""What is stripped from a kind beyond what is stripped from every kind."""


class Document(msgspec.Struct, frozen=True):
    """A sanitized object: the only thing that may be written. Made only here; safe to store and to show.

    A Secret's values are already omitted or masked in it.
    """

    key: ObjectKey
    content: dict[str, Any]
    """The sanitized object, in the JSON data model."""
    insignificant: tuple[tuple[str, ...], ...] = ()
    """Field paths that are stored, but are never a reason for a commit of their own."""
    warnings: tuple[str, ...] = ()
    """What is odd about the object, for people; for example duplicate merge keys."""

    @property
    def api_version(self) -> str:
        return str(self.content.get("apiVersion", ""))

    @property
    def kind(self) -> str:
        return str(self.content.get("kind", ""))


def sanitize(
    obj: dict[str, Any],
    key: ObjectKey,
    type: ResourceType,  # noqa: A002
    policy: Policy,
    *,
    scaled: bool = False,
) -> Document:
    """The document of an object; `obj` itself is left as it is.

    `scaled` says that an autoscaler names the object: its replicas are no reason for a commit.
    Raises WithheldError for an object whose shape a rule cannot read.
    """
    try:
        return _sanitize(obj, key, type, policy, scaled=scaled)
    except WithheldError as error:
        raise WithheldError(error.reason, error.message, key=key, hint=error.hint) from None
    except (TypeError, AttributeError, LookupError, ValueError, RecursionError) as error:
        # The error itself may quote values of the object: it must not travel on.
        problem = f"the object does not have the shape of its kind ({error.__class__.__name__})"
        raise WithheldError("Unreadable", problem, key=key) from None


def significant(document: Document) -> dict[str, Any]:
    """The content without what is no reason for a commit."""
    content: dict[str, Any] = without(document.content, document.insignificant)
    return content


def in_clear(
    obj: dict[str, Any],
    type: ResourceType,  # noqa: A002
    policy: Policy,
    document: Document,
) -> Clear | None:
    """`document`, which was made of `obj`, with its values, for encryption; None when it hides none.

    Raises WithheldError as `sanitize` does.
    """
    secret = is_secret(obj, type)
    if not secret and not sensitive(policy.sensitive, type):
        return None
    try:
        whole, _ = _stripped(obj, type, policy)
        content, names = revealed(document.content, whole, policy.mask_key, secret=secret)
    except (TypeError, AttributeError, LookupError, ValueError, RecursionError) as error:
        problem = f"the object does not have the shape of its kind ({error.__class__.__name__})"
        raise WithheldError("Unreadable", problem, key=document.key) from None
    return Clear(content, names) if names else None


def _sanitize(
    obj: Content,
    key: ObjectKey,
    type: ResourceType,  # noqa: A002
    policy: Policy,
    *,
    scaled: bool,
) -> Document:
    rules = field_rules(policy.rules, type)
    content, warnings = _stripped(obj, type, policy)
    if is_secret(obj, type):
        content = masked(content, policy.mask_key)
    key_or_none = None if policy.secrets == "omit" else policy.mask_key
    content = hidden(content, sensitive(policy.sensitive, type), key_or_none)
    insignificant = rules.insignificant
    if scaled or scaled_by_controller(obj):
        insignificant = (REPLICAS, *insignificant)
    content = _user_stripped(content, rules.strip)
    if policy.suspicious == "mask":
        content = without_suspicious(content, policy.mask_key)
    return Document(key, content, insignificant, warnings)


def _stripped(obj: Content, type: ResourceType, policy: Policy) -> tuple[Content, tuple[str, ...]]:  # noqa: A002
    """(a copy without what nobody meant, warnings); its values are still in it."""
    live = OriginalObject(obj, type)
    content = _copy(obj, type)
    strip_metadata(content["metadata"], live)
    strip_left_overs(content, live)
    if live.kind in RULES:
        RULES[live.kind](content, live)
    warnings = duplicates(content, live.kind)
    if policy.style == "minimal":
        leave_out_defaults(content, live.kind)
    return content, warnings


def _copy(obj: Content, type: ResourceType) -> Content:  # noqa: A002
    skipped = {"metadata"} if keeps_status(type) else {"metadata", "status"}
    content: Content = {"apiVersion": type.api_version, "kind": type.kind}
    if (type.group, type.kind) == CRD:
        # Schemas are most of a CRD and no rule looks into them: they are shared, not copied.
        spec = mapping(obj, "spec") or {}
        content["spec"] = copied({k: v for k, v in spec.items() if k != "versions"})
        content["spec"] |= {k: v for k, v in spec.items() if k == "versions"}
        skipped.add("spec")
    content |= copied({name: value for name, value in obj.items() if name not in skipped})
    metadata = obj["metadata"]
    content["metadata"] = copied({k: v for k, v in metadata.items() if k != "managedFields"})
    return content


def keeps_status(type: ResourceType) -> bool:  # noqa: A002
    """A custom resource without the subresource: there, `status` is a field like every other."""
    return not type.has_status and type.group not in BUILTIN_GROUPS


def _user_stripped(content: Content, paths: Paths) -> Content:
    if not paths:
        return content
    stripped: Content = without(content, paths)
    metadata = dict(stripped["metadata"])
    drop_emptied(metadata, "annotations")
    drop_emptied(metadata, "labels")
    return {**stripped, "metadata": metadata}
