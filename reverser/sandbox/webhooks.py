"""Asks the webhooks that are registered before a write is stored, as an API server does.

An AdmissionReview (v1) goes to each webhook of a ValidatingWebhookConfiguration whose rules cover the
write: who asks for what, the object as it would be stored, and the one that is stored now. Rules,
`caBundle`, `timeoutSeconds` and `failurePolicy` mean what they mean on a real server. Match conditions
(CEL) and selectors are not evaluated: a webhook is asked about more than it wants. Only a `url` can be
called; there are no Services here. Nobody is asked about writes to the registrations themselves.
"""

from __future__ import annotations

import base64
import ssl
import uuid
from collections.abc import Mapping
from typing import Any

import httpx
import msgspec
import trio

from reverser.model.resource import ResourceType
from reverser.sandbox.managed_fields import Requester
from reverser.sandbox.reads import scale_of
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.store import Object, Table
from reverser.sandbox.types import table_of

GROUP = "admissionregistration.k8s.io"
TABLE = (GROUP, "validatingwebhookconfigurations")
DEFAULT_TIMEOUT_SECONDS = 10


class PendingWrite(msgspec.Struct, frozen=True):
    """A write that is about to be stored."""

    operation: str
    """CREATE, UPDATE or DELETE."""
    type: ResourceType
    requester: Requester
    content: Object | None
    """What would be stored; None: a deletion."""
    before: Object | None
    """What is stored now; None: a creation."""
    from_collection: bool = False
    """One of several that a single request deletes: it names none of them."""

    def review(self) -> dict[str, Any]:
        """The AdmissionReview."""
        metadata = (self.content or self.before or {})["metadata"]
        kind, resource = self._kind(), self._resource()
        request = {
            "uid": str(uuid.uuid4()),
            "kind": kind,
            "resource": resource,
            "requestKind": kind,
            "requestResource": resource,
            "operation": self.operation,
            "userInfo": self.requester.user.info,
            "object": self._representation(self.content),
            "oldObject": self._representation(self.before),
            "dryRun": False,
            "options": self._options(),
        }
        optional = {
            "subResource": self.requester.subresource,
            "requestSubResource": self.requester.subresource,
            "name": "" if self.from_collection else metadata["name"],
            "namespace": metadata.get("namespace", "") or self._own_namespace(metadata["name"]),
        }
        request |= {key: value for key, value in optional.items() if value}
        return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}

    def _own_namespace(self, name: str) -> str:
        """A request for a Namespace carries its own name as the namespace."""
        return name if table_of(self.type) == ("", "namespaces") else ""

    def _kind(self) -> dict[str, str]:
        if self.requester.subresource == "scale":
            return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        return {"group": self.type.group, "version": self.type.version, "kind": self.type.kind}

    def _resource(self) -> dict[str, str]:
        return {"group": self.type.group, "version": self.type.version, "resource": self.type.resource}

    def _representation(self, content: Object | None) -> Object | None:
        return scale_of(content) if content and self.requester.subresource == "scale" else content

    def _options(self) -> dict[str, Any]:
        kind = f"{self.operation.capitalize()}Options"
        return {"kind": kind, "apiVersion": "meta.k8s.io/v1", **self.requester.options}


async def ask_webhooks(tables: Mapping[tuple[str, str], Table], write: PendingWrite) -> None:
    """Return when every webhook that wants to be asked has allowed the write. Raises Refusal."""
    if write.type.group == GROUP:
        return
    for registration in list(tables[TABLE].objects.values()):
        for webhook in registration.get("webhooks") or ():
            if any(_covers(rule, write) for rule in webhook.get("rules") or ()):
                await _ask(webhook, write)


def _covers(rule: dict[str, Any], write: PendingWrite) -> bool:
    type_ = write.type
    scope = "Namespaced" if type_.namespaced else "Cluster"
    path = f"{type_.resource}/{write.requester.subresource}".removesuffix("/")
    return (
        _matches(rule["operations"], write.operation)
        and _matches(rule["apiGroups"], type_.group)
        and _matches(rule["apiVersions"], type_.version)
        and rule.get("scope", "*") in ("*", scope)
        and any(_matches_path(pattern, path) for pattern in rule["resources"])
    )


def _matches(patterns: list[str], value: str) -> bool:
    return "*" in patterns or value in patterns


def _matches_path(pattern: str, path: str) -> bool:
    """`pods` and `*` mean no subresource, `pods/scale`, `*/scale`, `pods/*` and `*/*` the ones they name."""
    pairs = zip(pattern.partition("/")[::2], path.partition("/")[::2], strict=True)
    return all(wanted in ("*", value) for wanted, value in pairs)


class _Response(msgspec.Struct):
    allowed: bool


class _Answer(msgspec.Struct):
    response: _Response


async def _ask(webhook: dict[str, Any], write: PendingWrite) -> None:
    try:
        seconds = webhook.get("timeoutSeconds", DEFAULT_TIMEOUT_SECONDS)
        with trio.fail_after(seconds):
            answer = await _post(webhook["clientConfig"], write.review(), seconds)
    except (httpx.HTTPError, OSError, KeyError, ValueError, trio.TooSlowError, msgspec.DecodeError) as error:
        if webhook.get("failurePolicy") == "Ignore":
            return
        raise Refusal("InternalError", f'failed calling webhook "{webhook["name"]}": {error}') from error
    if not answer.response.allowed:
        raise Refusal("Forbidden", f'admission webhook "{webhook["name"]}" denied the request')


async def _post(config: dict[str, Any], review: dict[str, Any], seconds: float) -> _Answer:
    bundle = base64.b64decode(config.get("caBundle") or "").decode()
    context = ssl.create_default_context(cadata=bundle or None)
    headers = {"content-type": "application/json"}
    # A connection for each call: nothing has to be closed when a registration goes.
    async with httpx.AsyncClient(verify=context, trust_env=False, timeout=seconds) as client:
        response = await client.post(config["url"], content=msgspec.json.encode(review), headers=headers)
        return msgspec.json.decode(response.raise_for_status().content, type=_Answer)
