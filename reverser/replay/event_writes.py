"""Reads from one audit event the writes that it reports: of which object, by whom, to which state.

At level RequestResponse the response is the state. At level Request it is the body of a creation or an
update; of a patch the state is known only where every kind of patch that it could be has the same effect. A
write whose state is not known is a `Gap`: it is counted, and the next author of the object is not blamed for
it. So is a request that failed after the write may have been stored, and a deletion of a collection that
failed when some of it was deleted.

The deletions in a deleted namespace are collections, which only level RequestResponse lists. But Kubernetes
removes its finalizer from a namespace when nothing is left in it, and both levels report that:
`EmptiedNamespace`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from reverser.attribution.audit_event import AuditEvent, ObjectReference, items_of, stored_metadata
from reverser.attribution.audit_fact import (
    BODIES,
    COLLECTION,
    VERBS,
    gap,
    may_be_dry,
    operation_of,
    request_fact,
)
from reverser.attribution.audit_unreadable import remains
from reverser.attribution.payloads import ObjectHead, object_of, read_or, replicas
from reverser.manifest.merge_patch import acts_as_merge_patch
from reverser.model.attribution import Attribution, Evidence, bounded
from reverser.model.change import Operation
from reverser.model.fact import Fact
from reverser.model.resource import DEFINITIONS, ResourceType
from reverser.replay.resource_types import LoggedTypes
from reverser.replay.write import MICROSECONDS, EmptiedNamespace, Form, Gap, Write
from reverser.sanitize.managed_fields import manager

Wants: TypeAlias = Callable[[ResourceType], bool]

SPECIAL = ("", "Status", "Table", "PartialObjectMetadata")
"""Kinds of responses that do not hold the object."""
CONTENTLESS = ("approval", "finalize")
"""Subresources whose writes change no content."""
REFUSED = (400, 401, 404, 405, 406, 415)
"""Answers to the deletion of a collection that come before anything is deleted."""
DECISION = "authorization.k8s.io/decision"
NAMESPACE_CONTROLLERS = (
    "system:serviceaccount:kube-system:namespace-controller",
    "system:kube-controller-manager",
)
"""Who takes a namespace's finalizer away because it is empty; anybody else may, whatever is in it."""
FINALIZER = "kubernetes"

PARTLY = "a deletion of a collection that failed: part of it may be deleted"
PERHAPS = "a request that was answered with an error: the write may be stored"
UNREADABLE = "an event that cannot be read"


def writes(
    event: AuditEvent, types: LoggedTypes, wants: Wants
) -> tuple[Write, ...] | Gap | EmptiedNamespace | None:
    """The writes of an event; empty: its type is not wanted; None: it changed nothing.

    Raises UndecodableError, and nothing else, when its times cannot be read.
    """
    operation, ref = operation_of(event), event.object_ref
    if ref is None or event.query.get("dryRun"):
        return None
    if operation is None:
        return _write_of_failed(event, ref, types, wants)
    if _empties_namespace(event, ref):
        return _EventReader(event, ref, operation, types).emptied()
    reading = _EventReader(event, ref, operation, types)
    if reading.defines:
        types.learn(object_of(event.response_object) or object_of(event.request_object) or {})
    if not wants(reading.type):
        return ()
    if event.truncated or event.level not in BODIES:
        return reading.gap("the event has no bodies")
    return None if may_be_dry(event, operation) else reading.read()


def leftover(line: bytes, types: LoggedTypes, wants: Wants, at: float) -> Gap | None:
    """The gap that an unreadable event leaves; `at`, in microseconds, is its time if it has none."""
    event = remains(line)
    if event is None or event.object_ref is None or (lost := gap(event, "")) is None:
        return None
    kind = types.type(lost.group, lost.resource, "", "", namespaced=bool(lost.namespace))
    if not wants(kind) or lost.subresource in CONTENTLESS:
        return None
    return Gap(
        reason=UNREADABLE,
        type=kind,
        namespace=lost.namespace,
        name=lost.name,
        at=round(lost.completed_at * MICROSECONDS or at),
        user=lost.actor.name,
        collection=lost.collection,
    )


def _write_of_failed(
    event: AuditEvent, ref: ObjectReference, types: LoggedTypes, wants: Wants
) -> tuple[Write, ...] | Gap | None:
    """A request that failed, and may have changed something before it did."""
    if 200 <= event.code < 300 or gap(event, "") is None or ref.subresource in CONTENTLESS:
        return None
    operation = VERBS[event.verb]
    if ref.subresource and operation is not Operation.UPDATE:
        return None
    if event.level in BODIES and not event.truncated and may_be_dry(event, operation):
        return None
    forbidden = (event.annotations or {}).get(DECISION) == "forbid"
    if event.verb == COLLECTION and (event.code in REFUSED or forbidden):
        return None
    reading = _EventReader(event, ref, operation, types)
    if not wants(reading.type):
        return ()
    return reading.gap(PARTLY if event.verb == COLLECTION else PERHAPS)


def _empties_namespace(event: AuditEvent, ref: ObjectReference) -> bool:
    if (ref.api_group, ref.resource, ref.subresource) != ("", "namespaces", "finalize"):
        return False
    body = object_of(event.response_object) or object_of(event.request_object) or {}
    metadata, spec = body.get("metadata"), body.get("spec") or {}
    if not isinstance(metadata, dict) or not isinstance(spec, dict):
        return False
    user = event.impersonated_user or event.user
    ending = metadata.get("deletionTimestamp") and FINALIZER not in (spec.get("finalizers") or ())
    return bool(ending) and user.username in NAMESPACE_CONTROLLERS


class _EventReader:
    """Reads one event that changed something, and whose reference is known."""

    def __init__(
        self, event: AuditEvent, ref: ObjectReference, operation: Operation, types: LoggedTypes
    ) -> None:
        self._event = event
        self._ref = ref
        self._operation = operation
        self._types = types
        self._request: Fact = request_fact(event, "", operation)
        self._answer = read_or(event.response_object, ObjectHead, ObjectHead())
        """The beginning of the response; read once, since bodies are long."""
        self._stored = self._answer.metadata if self._answer.kind not in SPECIAL else stored_metadata(event)
        head = self._type_head
        self.type = types.type(
            self._request.group,
            self._request.resource,
            head.api_version,
            head.kind,
            namespaced=bool(self._request.namespace),
        )

    @property
    def defines(self) -> bool:
        return (self.type.group, self.type.resource) == DEFINITIONS and not self._ref.subresource

    def read(self) -> tuple[Write, ...] | Gap | None:
        if self._event.verb == COLLECTION:
            return self._collection()
        if self._operation is Operation.DELETE:
            return self._single_write(Form.REMOVED, {})
        if self._ref.subresource == "scale":
            return self._scale()
        if self._answer.kind in SPECIAL:
            return self._from_request()
        # The response to a review, for example, is an object that is never stored.
        stored = object_of(self._event.response_object) if self._answer.metadata.uid else None
        return None if stored is None else self._single_write(Form.WHOLE, stored)

    def gap(self, reason: str) -> Gap:
        return Gap(
            reason=reason,
            type=self.type,
            namespace=self._request.namespace,
            name=self._name,
            at=self._at,
            version=_number(self._stored.resource_version),
            uid=self._uid,
            user=self._request.actor.name,
            collection=self._event.verb == COLLECTION,
        )

    def emptied(self) -> EmptiedNamespace:
        name = self._name
        attribution = Attribution(
            self._request.actor,
            Evidence.AUDIT_COLLECTION,
            self._request.manager,
            user_agent=self._request.user_agent,
        )
        return EmptiedNamespace(
            namespace=name, at=self._at, attribution=attribution, audit_id=self._event.audit_id
        )

    def _from_request(self) -> tuple[Write, ...] | Gap | None:
        """The state by the request, where the response does not hold it."""
        body, verb = object_of(self._event.request_object), self._event.verb
        if self._ref.subresource:
            return (
                None
                if self._ref.subresource in CONTENTLESS
                else self.gap("a subresource without its response")
            )
        if body is None:
            return self.gap(
                "a JSON patch without its response" if verb == "patch" else "the event has no bodies"
            )
        if verb != "patch" or self._operation is Operation.CREATE:
            return self._single_write(Form.WHOLE, self._with_name(body))
        if acts_as_merge_patch(body, self.type):
            return self._single_write(Form.PATCH, body)
        return self.gap("a patch without its response")

    def _scale(self) -> tuple[Write, ...] | Gap:
        number = replicas(self._event.response_object)
        if number is None:
            number = replicas(self._event.request_object)
        if number is None:
            spec = (object_of(self._event.request_object) or {}).get("spec")
            number = spec.get("replicas") if isinstance(spec, dict) else None
        if not isinstance(number, int):
            return self.gap("a scale without its number")
        return self._single_write(Form.REPLICAS, {"spec": {"replicas": number}})

    def _collection(self) -> tuple[Write, ...] | Gap:
        heads = items_of(self._event)
        if heads is None:
            return self.gap("a deletion of a collection without its response")
        evidence = Evidence.AUDIT_COLLECTION
        return tuple(
            self._write(
                Form.REMOVED, {}, evidence, head.metadata.namespace, head.metadata.name, head.metadata.uid
            )
            for head in heads
            if head.metadata.name
        )

    def _single_write(self, form: Form, body: dict[str, Any]) -> tuple[Write, ...] | Gap:
        name = self._name
        if not name:
            return self.gap("a generated name without its response")
        if form is Form.WHOLE and not self.type.kind:
            return self.gap("an object without its kind")
        return (self._write(form, body, Evidence.AUDIT, self._request.namespace, name, self._uid),)

    def _write(
        self, form: Form, body: dict[str, Any], evidence: Evidence, namespace: str, name: str, uid: str
    ) -> Write:
        whole, full = form is Form.WHOLE, self._answer.kind not in SPECIAL
        attribution = Attribution(
            actor=self._request.actor,
            evidence=evidence,
            manager=(manager(body) if whole else "") or self._request.manager,
            impersonator=self._request.impersonator,
            user_agent=self._request.user_agent,
        )
        return Write(
            type=self._types.of_object(self.type, body) if whole else self.type,
            namespace="" if not self.type.namespaced else namespace,
            name=name,
            operation=self._operation,
            form=form,
            body=body,
            at=self._at,
            uid=bounded("".join(uid.split())),
            version=0 if evidence is Evidence.AUDIT_COLLECTION else _number(self._stored.resource_version),
            attribution=attribution,
            audit_id=self._event.audit_id,
            request=self._request if form is Form.REPLICAS or (whole and full) else None,
        )

    def _with_name(self, body: dict[str, Any]) -> dict[str, Any]:
        """A body may leave out what stands in the request's path."""
        metadata = body.get("metadata")
        named = {**(metadata if isinstance(metadata, dict) else {}), "name": self._name}
        if self.type.namespaced:
            named["namespace"] = self._request.namespace
        return {**body, "metadata": named}

    @property
    def _type_head(self) -> ObjectHead:
        """Kind and version of the object, where a body tells them."""
        if self._ref.subresource == "scale" or self._operation is Operation.DELETE:
            return ObjectHead()
        if self._answer.kind not in SPECIAL:
            return self._answer
        return read_or(self._event.request_object, ObjectHead, ObjectHead())

    @property
    def _at(self) -> int:
        return round(self._request.completed_at * MICROSECONDS)

    @property
    def _name(self) -> str:
        return self._ref.name or self._stored.name

    @property
    def _uid(self) -> str:
        """A creation's body may name the uid of what it was copied from."""
        named = "" if self._operation is Operation.CREATE else self._ref.uid
        return self._stored.uid or self._event.deleted_uid or named


def _number(version: str) -> int:
    return int(version) if version.isascii() and version.isdigit() and len(version) < 19 else 0
