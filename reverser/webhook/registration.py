"""The ValidatingWebhookConfiguration that makes an API server call us for each write.

It cannot harm writes: failures are ignored, an answer is waited for two seconds at most, dry runs have no
effect. Subresources are named one by one, since `*/*` would add every status write. Match conditions filter
what no rule selects before a call is made; one that fails to evaluate would silence the webhook, so each
tests for a field before it reads it.

The deletion of a namespace always makes a call, and that of a CustomResourceDefinition: each deletes all
objects in it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

import msgspec

from reverser.model.resource import CASCADING, ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.resource_patterns import ANY
from reverser.select.rules import ExcludeType
from reverser.webhook.address import ADMISSION_PATH, Endpoint
from reverser.webhook.scope import Selection, covers, left_out, selected, takes_cluster_scoped

NAME = "reverser"
WEBHOOK = "admission.gitops-reverser.io"
KEEP_BUNDLE = "gitops-reverser.io/keep-ca-bundle"
"""Annotation: the bundle is of a self-managed authority."""
TIMEOUT_SECONDS = 2
SUBRESOURCES = ("scale", "resize", "ephemeralcontainers")
OPERATIONS = ("CREATE", "UPDATE", "DELETE")

GROUP, PLURAL, NAMESPACE = "request.resource.group", "request.resource.resource", "request.namespace"
IS_NAMESPACE = f'({GROUP} == "" && {PLURAL} == "namespaces")'
IS_DEFINITION = f'({GROUP} == "apiextensions.k8s.io" && {PLURAL} == "customresourcedefinitions")'
# A request for a Namespace carries its own name as the namespace.
CLUSTER_SCOPED = f'(!has({NAMESPACE}) || {NAMESPACE} == "" || {IS_NAMESPACE})'
QUESTIONS = ("authentication.k8s.io", "authorization.k8s.io")
"""Groups whose objects are questions to the API server, tokens among them, and never stored."""


def registration(
    rules: Sequence[Rule],
    endpoint: Endpoint,
    ca_bundle: bytes,
    *,
    types: Collection[ResourceType] = (),
    secrets: bool = True,
    name: str = NAME,
    path: str = ADMISSION_PATH,
    keep_bundle: bool = False,
    exclude: ExcludeType = excluded_type,
) -> dict[str, Any]:
    """The registration for the rules of one cluster.

    `types` is what discovery served; without it named types cannot be told apart. `secrets` is false
    where no destination keeps Secrets: then they are never sent. `exclude` says which types no
    rule with `default_excludes` selects. `kept` lets a running daemon put
    its own authority in.
    """
    metadata: dict[str, Any] = {"name": name, "labels": {"app.kubernetes.io/name": "reverser"}}
    webhook = {
        "name": WEBHOOK,
        "admissionReviewVersions": ["v1"],
        "clientConfig": endpoint.client_config(path, ca_bundle),
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": TIMEOUT_SECONDS,
        "rules": _rules(selected(rules, types)),
        "matchConditions": _conditions(rules, types, endpoint.namespace, exclude, secrets=secrets),
    }
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": metadata | ({"annotations": {KEEP_BUNDLE: "true"}} if keep_bundle else {}),
        "webhooks": [webhook],
    }


def _rules(selection: Selection) -> list[dict[str, Any]]:
    groups: dict[frozenset[str], list[str]] = {}
    for group, plurals in selection.items():
        groups.setdefault(plurals, []).append(group)
    rules = [_rule(names, _resources(plurals), OPERATIONS) for plurals, names in groups.items()]
    unasked = [cause for cause in CASCADING if not covers(selection, *cause)]
    return rules + [_rule([group], [plural], ("DELETE",)) for group, plural in unasked]


def _rule(groups: list[str], resources: list[str], operations: Iterable[str]) -> dict[str, Any]:
    return {
        "apiGroups": groups,
        "apiVersions": [ANY],
        "operations": list(operations),
        "resources": resources,
        "scope": ANY,
    }


def _resources(plurals: Iterable[str]) -> list[str]:
    return [
        f"{plural}{subresource}"
        for plural in sorted(plurals)
        for subresource in ("", *(f"/{each}" for each in SUBRESOURCES))
    ]


def _conditions(
    rules: Sequence[Rule],
    types: Iterable[ResourceType],
    own_namespace: str,
    exclude: ExcludeType,
    *,
    secrets: bool,
) -> list[dict[str, str]]:
    unwanted = (*left_out(rules, types, exclude, secrets=secrets), ("", "bindings"))
    noise = [f"{group}/{plural}" for group, plural in unwanted]
    conditions = {
        "no-questions": f"!({GROUP} in {_quoted(QUESTIONS)})",
        "selected-types": f'!(({GROUP} + "/" + {PLURAL}) in {_quoted(noise)})',
    }
    if own_namespace:
        conditions["not-our-namespace"] = f"!has({NAMESPACE}) || {NAMESPACE} != {_quoted(own_namespace)}"
    scope = _scope(rules)
    if scope:
        conditions["selected-namespaces"] = scope
    return [{"name": key, "expression": expression} for key, expression in conditions.items()]


def _scope(rules: Sequence[Rule]) -> str:
    """Which namespaces, and whether objects without one; "" when all of them."""
    spaces = list(dict.fromkeys(_namespaces(rule) for rule in rules))
    inside = "" if "" in spaces else " || ".join(spaces)
    if any(takes_cluster_scoped(rule) for rule in rules):
        return f"{CLUSTER_SCOPED} || {inside}" if inside else ""
    outside = f'(({IS_NAMESPACE} || {IS_DEFINITION}) && request.operation == "DELETE")'
    return f"{outside} || (!{CLUSTER_SCOPED}{f' && ({inside})' if inside else ''})"


def _namespaces(rule: Rule) -> str:
    """The namespaces of one rule; "" when all. A glob with a set is left out: it only narrows."""
    excluded = [glob for glob in rule.exclude_namespaces if "[" not in glob]
    wide = ANY in rule.namespaces or any("[" in glob for glob in rule.namespaces)
    parts = ([] if wide else [_matches(rule.namespaces)]) + ([f"!{_matches(excluded)}"] if excluded else [])
    return f"({' && '.join(parts)})" if parts else ""


def _matches(globs: Sequence[str]) -> str:
    """Whether the namespace matches one of them."""
    if not any(character in glob for glob in globs for character in "*?"):
        return f"({NAMESPACE} in {_quoted(globs)})"
    pattern = "|".join(map(_expression, globs))
    return f"{NAMESPACE}.matches({_quoted(f'^({pattern})$')})"


def _expression(glob: str) -> str:
    """In RE2, which reads these like Python."""
    return "".join({"*": ".*", "?": "."}.get(character) or re.escape(character) for character in glob)


def _quoted(value: str | Sequence[str]) -> str:
    """A literal of CEL, which reads JSON's."""
    return msgspec.json.encode(value).decode()
