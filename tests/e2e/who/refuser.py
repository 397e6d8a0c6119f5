"""Two people who are always refused: one by somebody else's webhook, one by a policy.

The API server asks all webhooks about carol's requests, ours too, before one of them refuses her.
Policies come before webhooks, so that nobody is asked about dave's.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.daemon import wait_for
from tests.e2e.servers import ControlPlane

BY_WEBHOOK, BY_POLICY = "carol", "dave"
NAME = "refuser.who.example.com"
NOWHERE = "https://127.0.0.1:1/"
"""Nobody listens there, and the failure of that webhook is a refusal."""
ALL = {"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*", "*/scale"]}
REGISTRATION = "admissionregistration.k8s.io/v1"


@contextmanager
def refusing(plane: ControlPlane) -> Iterator[None]:
    """Both are refused for as long as the context lasts."""
    made = json.dumps({"apiVersion": "v1", "kind": "List", "items": [_webhook(), *_policy()]})
    plane.kubectl("apply", "-f", "-", input=made)
    try:
        for user in (BY_WEBHOOK, BY_POLICY):
            wait_for(f"the refusal of {user}", lambda user=user: _refused(plane, user))
        yield
    finally:
        plane.kubectl("delete", "-f", "-", input=made)


def _refused(plane: ControlPlane, user: str) -> bool:
    attempt = ("create", "configmap", "attempt", "--dry-run=server", "-o", "name")
    return not plane.kubectl(*attempt, user=user, check=False)


def _only(user: str) -> list[dict[str, str]]:
    return [{"name": "only", "expression": f'request.userInfo.username == "{user}"'}]


def _webhook() -> dict[str, Any]:
    webhook = {
        "name": NAME,
        "clientConfig": {"url": NOWHERE},
        "rules": [ALL],
        "matchConditions": _only(BY_WEBHOOK),
        "failurePolicy": "Fail",
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
    }
    kind = "ValidatingWebhookConfiguration"
    return {"apiVersion": REGISTRATION, "kind": kind, "metadata": {"name": NAME}, "webhooks": [webhook]}


def _policy() -> tuple[dict[str, Any], dict[str, Any]]:
    policy = {
        "matchConstraints": {"resourceRules": [ALL]},
        "matchConditions": _only(BY_POLICY),
        "validations": [{"expression": "false"}],
    }
    binding = {"policyName": NAME, "validationActions": ["Deny"]}
    return _registered("ValidatingAdmissionPolicy", policy), _registered(
        "ValidatingAdmissionPolicyBinding", binding
    )


def _registered(kind: str, spec: dict[str, Any]) -> dict[str, Any]:
    return {"apiVersion": REGISTRATION, "kind": kind, "metadata": {"name": NAME}, "spec": spec}
