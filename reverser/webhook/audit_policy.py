"""The two files that make an API server send its audit events: a Policy, and a webhook kubeconfig.

Rules of a Policy are read from the top and the first that matches counts, so what must not travel
comes first: reads, questions with tokens in them, Secrets' values, and what changes no content.
A Policy has no wildcard for groups, so `*/status` is named for each group that is known, and a rule's
`deployments` for each that has it: after a CRD of an equal name the file must be printed anew.
"""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from reverser.manifest.emitter import render
from reverser.model.resource import NAMESPACES, ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.resource_patterns import ANY
from reverser.select.rules import ExcludeType
from reverser.webhook.address import AUDIT_PATH, Endpoint
from reverser.webhook.registration import QUESTIONS
from reverser.webhook.scope import (
    SECRETS,
    Selection,
    covers,
    left_out,
    only_namespaces,
    selected,
)

MUTATING = ("create", "update", "patch", "delete", "deletecollection")
SUBRESOURCES = ("scale", "resize", "ephemeralcontainers", "eviction")

STATUS_GROUPS = (
    "",
    "apps",
    "autoscaling",
    "batch",
    "certificates.k8s.io",
    "apiextensions.k8s.io",
    "apiregistration.k8s.io",
    "flowcontrol.apiserver.k8s.io",
    "networking.k8s.io",
    "policy",
    "resource.k8s.io",
    "storage.k8s.io",
)
"""Built-in groups with a status subresource."""

COMMANDS = (
    ("", ("bindings", "pods/binding", "pods/exec", "pods/attach", "pods/portforward", "pods/proxy")),
    ("", ("serviceaccounts/token", "services/proxy", "nodes/proxy")),
)
"""Requests that change no object's content; an answer of `serviceaccounts/token` is a password."""

POLICY_NOTE = """\
Audit policy for reverser. It decides what every audit backend of this API server gets: where there
is one already, take the rules over instead of the file.

  --audit-policy-file=THIS-FILE
"""

WEBHOOK_NOTE = """\
Where the API server sends its audit events, and the flags that it needs:

  --audit-webhook-config-file=THIS-FILE
  --audit-webhook-mode=batch
  --audit-webhook-batch-max-wait=1s
  --audit-webhook-batch-max-size=100
  --audit-webhook-batch-throttle-qps=50
  --audit-webhook-batch-throttle-burst=100
  --audit-webhook-batch-buffer-size=10000
  --audit-webhook-initial-backoff=1s

The default of max-wait is 30 s: events would come long after the change has its commit. With the
default of initial-backoff a call that failed is tried again after 10 s.
Smaller batches stay below a limit on request bodies. Do not set --audit-webhook-truncate-enabled: it
takes the bodies away that tell which object was meant. The API server does not use the cluster's DNS.
"""

LOGIN_NOTE = """\

[webhook.tls] client_ca is set: add client-certificate and client-key to the user below.
"""


_SECRETS = [("", ("secrets", "secrets/*"))]
_DELETION = {
    "level": "Request",
    "verbs": ["delete"],
    "resources": [{"group": "", "resources": ["namespaces"]}],
}


def policy(
    rules: Sequence[Rule],
    *,
    types: Collection[ResourceType] = (),
    secrets: bool = True,
    exclude: ExcludeType = excluded_type,
) -> dict[str, Any]:
    """The Policy for the rules of one cluster; all as for the registration.

    Of a Secret only the name is sent, and with `secrets` false nothing.
    """
    nothing = [
        *_grouped(left_out(rules, types, exclude, secrets=secrets)),
        *_named(COMMANDS),
        *_status(types),
    ]
    selection = selected(rules, types)
    return {
        "apiVersion": "audit.k8s.io/v1",
        "kind": "Policy",
        "metadata": {"name": "reverser"},
        "omitStages": ["RequestReceived"],
        "rules": [
            {"level": "None", "nonResourceURLs": [ANY]},
            {"level": "None", "verbs": ["get", "list", "watch"]},
            {"level": "None", "resources": [{"group": group} for group in QUESTIONS]},
            {"level": "None", "resources": nothing},
            *_optional(covers(selection, *SECRETS), _write_rule("Metadata", rules) | _resources(_SECRETS)),
            _write_rule("RequestResponse", rules) | _wanted(selection, types),
            *_optional(not covers(selection, *NAMESPACES) or bool(only_namespaces(rules)), _DELETION),
        ],
    }


def policy_file(content: dict[str, Any]) -> bytes:
    """The Policy as YAML, with the flag that names it."""
    return _comment(POLICY_NOTE) + render(content)


def webhook_file(
    endpoint: Endpoint, ca_bundle: bytes, *, path: str = AUDIT_PATH, login: bool = False
) -> bytes:
    """The kubeconfig of the audit webhook, with the flags that matter.

    `login`: the listener wants a client certificate, which only the operator has.
    """
    trust = {"certificate-authority-data": base64.b64encode(ca_bundle).decode()} if ca_bundle else {}
    content = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "reverser",
        "clusters": [{"name": "reverser", "cluster": {"server": endpoint.url(path), **trust}}],
        "users": [{"name": "kube-apiserver", "user": {}}],
        "contexts": [{"name": "reverser", "context": {"cluster": "reverser", "user": "kube-apiserver"}}],
    }
    return _comment(WEBHOOK_NOTE + (LOGIN_NOTE if login else "")) + render(content)


def _write_rule(level: str, rules: Sequence[Rule]) -> dict[str, Any]:
    """Writes, in the namespaces of the rules where all rules name theirs."""
    spaces = only_namespaces(rules)
    return {"level": level, "verbs": list(MUTATING)} | ({"namespaces": spaces} if spaces else {})


def _optional(wanted: bool, rule: dict[str, Any]) -> list[dict[str, Any]]:
    return [rule] if wanted else []


def _resources(rows: Iterable[tuple[str, Sequence[str]]]) -> dict[str, Any]:
    return {"resources": _named(rows)}


def _wanted(selection: Selection, types: Iterable[ResourceType]) -> dict[str, Any]:
    """A name without a group stands for the groups that have it now: a Policy has no wildcard for groups."""
    plurals = selection.get(ANY, frozenset())
    if ANY in plurals:
        return {}
    named = {group: set(names) for group, names in selection.items() if group != ANY}
    for type_ in types:
        if type_.resource in plurals and ANY not in named.get(type_.group, ()):
            named.setdefault(type_.group, set()).add(type_.resource)
    return _resources((group, _with_subresources(names)) for group, names in sorted(named.items()))


def _with_subresources(plurals: Iterable[str]) -> list[str]:
    if ANY in plurals:
        return []
    return [f"{plural}{sub}" for plural in sorted(plurals) for sub in ("", *(f"/{s}" for s in SUBRESOURCES))]


def _status(types: Iterable[ResourceType]) -> list[dict[str, Any]]:
    groups = sorted({*STATUS_GROUPS, *(type_.group for type_ in types if type_.has_status)})
    return _named((group, ["*/status"]) for group in groups)


def _grouped(places: Iterable[tuple[str, str]]) -> list[dict[str, Any]]:
    groups: dict[str, list[str]] = {}
    for group, plural in places:
        groups.setdefault(group, []).append(plural)
    return _named((group, sorted(plurals)) for group, plurals in groups.items())


def _named(rows: Iterable[tuple[str, Sequence[str]]]) -> list[dict[str, Any]]:
    """As a Policy says it: no resources stand for all of the group."""
    return [{"group": group} | ({"resources": list(plurals)} if plurals else {}) for group, plurals in rows]


def _comment(text: str) -> bytes:
    return "".join(f"# {line}".rstrip() + "\n" for line in text.splitlines()).encode()
