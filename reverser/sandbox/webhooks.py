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
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import trio

from reverser.sandbox import scale
from reverser.sandbox.managers import Writer
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.storage import Storage
from reverser.sandbox.store import Object, decode
from reverser.sandbox.types import Served

GROUP = "admissionregistration.k8s.io"
TABLE = (GROUP, "validatingwebhookconfigurations")
DEFAULT_TIMEOUT_SECONDS = 10


class Write(msgspec.Struct, frozen=True):
    """A write that is about to be stored."""

    operation: str
    """CREATE, UPDATE or DELETE."""
    served: Served
    writer: Writer
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
            "userInfo": self.writer.user.info,
            "object": self._shown(self.content),
            "oldObject": self._shown(self.before),
            "dryRun": False,
            "options": self._options(),
        }
        optional = {
            "subResource": self.writer.subresource,
            "requestSubResource": self.writer.subresource,
            "name": "" if self.from_collection else metadata["name"],
            "namespace": metadata.get("namespace", "") or self._own_namespace(metadata["name"]),
        }
        request |= {key: value for key, value in optional.items() if value}
        return {"kind": "AdmissionReview", "apiVersion": "admission.k8s.io/v1", "request": request}

    def _own_namespace(self, name: str) -> str:
        """A request for a Namespace carries its own name as the namespace."""
        return name if (self.served.type.group, self.served.type.resource) == ("", "namespaces") else ""

    def _kind(self) -> dict[str, str]:
        if self.writer.subresource == "scale":
            return {"group": "autoscaling", "version": "v1", "kind": "Scale"}
        type_ = self.served.type
        return {"group": type_.group, "version": type_.version, "kind": type_.kind}

    def _resource(self) -> dict[str, str]:
        type_ = self.served.type
        return {"group": type_.group, "version": type_.version, "resource": type_.resource}

    def _shown(self, content: Object | None) -> Object | None:
        if content is None:
            return None
        if self.writer.subresource == "scale":
            return scale.shown(content)
        return {"kind": self.served.type.kind, "apiVersion": self.served.type.api_version, **content}

    def _options(self) -> dict[str, Any]:
        kind = f"{self.operation.capitalize()}Options"
        return {"kind": kind, "apiVersion": "meta.k8s.io/v1", **self.writer.options}


class Webhooks:
    """The webhooks that are registered at the moment."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def ask(self, write: Write) -> None:
        """Return when every webhook that wants to be asked has allowed the write. Raises Refusal."""
        if write.served.type.group == GROUP:
            return
        for webhook in list(self._registered()):
            if any(_covers(rule, write) for rule in webhook.get("rules") or ()):
                await _ask(webhook, write)

    def _registered(self) -> Iterator[dict[str, Any]]:
        for stored in self._storage.tables[TABLE].objects.values():
            yield from decode(stored).get("webhooks") or ()


def _covers(rule: dict[str, Any], write: Write) -> bool:
    type_ = write.served.type
    facts = (
        ("operations", write.operation),
        ("apiGroups", type_.group),
        ("apiVersions", type_.version),
    )
    if not all(_matches(rule[key], value) for key, value in facts):
        return False
    scope = "Namespaced" if type_.namespaced else "Cluster"
    return rule.get("scope", "*") in ("*", scope) and any(
        _matches([plural], type_.resource) and _matches([subresource], write.writer.subresource)
        for plural, _, subresource in (pattern.partition("/") for pattern in rule["resources"])
    )


def _matches(patterns: list[str], value: str) -> bool:
    return "*" in patterns or value in patterns


class _Response(msgspec.Struct):
    allowed: bool


class _Answer(msgspec.Struct):
    response: _Response


async def _ask(webhook: dict[str, Any], write: Write) -> None:
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
