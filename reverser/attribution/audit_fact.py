"""Turns an audit event into a fact, if the event says enough.

A useful event is a mutating request that succeeded, was no dry run and is complete, and it identifies the
object that it made: by the uid, and by the version in the response. The response is the stored object,
whatever the request was; for a create with `generateName` only the response has the name. Without bodies
(level Metadata, or truncated) there is no version, and a deletion cannot be told from its dry run, since both
say so only in their bodies. At level Request the status of a deletion has the uid, and a collection is
identified by its namespace and selector.

A digest is not needed: the version says everything that the content could say.

A gap is a write whose resulting version is not known: an event that cannot be read or was truncated, an
answer that came too late (a client may ask for a short time limit, and the write is stored all the same), a
collection whose deletion failed after some objects were deleted. A gap names nobody, nor does a request that
only repeated that write.

The fact also predicts which managed-fields entry the request left in the object.

The API server stamps each write with a field manager, an operation (apply or update) and a second. A stamp
that cannot be from the request proves that somebody else wrote. One exception: a request body may contain
managed fields, and the API server starts from these; then no stamp speaks against the request.
"""

from __future__ import annotations

from datetime import datetime

import msgspec

from reverser.attribution.audit_event import AuditEvent, ObjectReference, collected, stored_metadata
from reverser.attribution.payloads import ObjectHead, UndecodableError, read_or, replicas
from reverser.model.attribution import bounded
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.resource import number

MANAGER_MOST = 128
"""Bytes of a field manager."""
WORD, ESCAPE = b"managedFields", b"\\u00"


def manager(event: AuditEvent) -> str:
    """The field manager; empty when it is not known for certain.

    Without one the API server takes the user agent up to the first slash, what is printable of it.
    """
    given = event.query.get("fieldManager", "")
    if given:
        return given
    program = event.user_agent.partition("/")[0]
    return program[:MANAGER_MOST] if program.isascii() and program.isprintable() else ""


def applied(event: AuditEvent) -> bool | None:
    """False when it was no server-side apply: that has a patch with a kind, and says its manager."""
    if event.verb != "patch" or not event.query.get("fieldManager"):
        return False
    return None if read_or(event.request_object, ObjectHead, ObjectHead()).kind else False


def restamps(event: AuditEvent) -> bool:
    """Whether the request's body may have changed managed fields: it names them, or is a list of operations.

    An operation may copy a map that holds them, an escape may spell their name.
    """
    body = bytes(event.request_object).strip()
    return body.startswith(b"[") or WORD in body or ESCAPE in body


STAGE = "ResponseComplete"
PANIC = "Panic"
VERBS = {
    "create": Operation.CREATE,
    "update": Operation.UPDATE,
    "patch": Operation.UPDATE,
    "delete": Operation.DELETE,
    "deletecollection": Operation.DELETE,
}
COLLECTION = "deletecollection"
WEBHOOK_FAILED = "Internal error occurred: failed calling webhook"
"""How the message of a 500 begins that says why a request was refused before it was stored."""
CREATED = 201
EPOCH = "1970-01-01T00:00:00Z"
BODIES = ("Request", "RequestResponse")
"""Levels at which an event has the request's body."""


class _DeleteOptions(msgspec.Struct, frozen=True, rename="camel"):
    dry_run: list[str] | None = None


def fact(event: AuditEvent, cluster: str) -> Fact | None:
    """Who made which change, by the event; None when it made none, or does not say which.

    Raises UndecodableError, and nothing else, when it would tell something but for its times.
    """
    operation = operation_of(event)
    if operation is None or event.object_ref is None or may_be_dry(event, operation):
        return None
    return (
        _of_collection(event, cluster) if event.verb == COLLECTION else _of_object(event, cluster, operation)
    )


def gap(event: AuditEvent, cluster: str) -> Fact | None:
    """The write of an event that may have been stored, in an unknown state; None when it was none.

    Times that cannot be read are 0: not known.
    """
    ref = event.object_ref or ObjectReference()
    operation = VERBS.get(event.verb) if event.stage in (STAGE, PANIC) else None
    if operation is None or ref.subresource == "status" or event.query.get("dryRun"):
        return None
    if _refused(event) and event.verb != COLLECTION:
        return None
    plain = msgspec.structs.replace(event, request_received_timestamp=EPOCH, stage_timestamp=EPOCH)
    times = (_seconds_or_zero(event.request_received_timestamp), _seconds_or_zero(event.stage_timestamp))
    fact_of_request = request_fact(plain, cluster, operation)
    name = "" if event.verb == COLLECTION else bounded(ref.name or stored_metadata(event).name)
    return msgspec.structs.replace(
        fact_of_request,
        name=name,
        gap=True,
        collection=event.verb == COLLECTION,
        at=times[0],
        completed_at=times[1],
    )


def _refused(event: AuditEvent) -> bool:
    """Whether the answer says that nothing was stored."""
    status = event.response_status
    return 300 <= event.code < 500 or bool(status and status.message.startswith(WEBHOOK_FAILED))


def _seconds_or_zero(text: str) -> float:
    try:
        return seconds(text)
    except UndecodableError:
        return 0.0


def _of_object(event: AuditEvent, cluster: str, operation: Operation) -> Fact | None:
    stored, ref = stored_metadata(event), event.object_ref or ObjectReference()
    uid = stored.uid or event.deleted_uid or ref.uid
    known_by = stored.resource_version if operation is not Operation.DELETE else ref.name
    if (not uid and not _namespace_deleted(ref, operation)) or not known_by:
        return None
    return msgspec.structs.replace(
        request_fact(event, cluster, operation),
        name=bounded(ref.name or stored.name),
        uid=bounded(uid),
        previous_version=bounded(_previous_version(event, ref)),
        version=bounded(stored.resource_version),
        replicas=replicas(event.response_object) if ref.subresource == "scale" else None,
    )


def _of_collection(event: AuditEvent, cluster: str) -> Fact | None:
    """Of what a field selector chose only the response can tell; a recorded empty one deleted nothing."""
    uids = collected(event)
    if uids is None and event.query.get("fieldSelector"):
        return None
    if uids is not None and not uids:
        return None
    selector = event.query.get("labelSelector", "")
    fact_of_request = request_fact(event, cluster, Operation.DELETE)
    return msgspec.structs.replace(
        fact_of_request, collection=True, uids=uids or frozenset(), selector=bounded(selector)
    )


def request_fact(event: AuditEvent, cluster: str, operation: Operation) -> Fact:
    """The fields that every event has."""
    ref = event.object_ref or ObjectReference()
    user = event.impersonated_user or event.user
    is_namespace = (ref.api_group, ref.resource) == ("", "namespaces")
    return Fact(
        id=f"{bounded(event.audit_id)}/{event.stage}",
        cluster=cluster,
        source=Source.AUDIT,
        group=bounded(ref.api_group),
        resource=bounded(ref.resource),
        subresource=bounded(ref.subresource),
        namespace="" if is_namespace else bounded(ref.namespace),
        operation=operation,
        manager=bounded(manager(event)) if operation is not Operation.DELETE else "",
        applied=applied(event),
        restamps=restamps(event),
        actor=user.actor,
        impersonator=bounded(event.user.username) if event.impersonated_user else "",
        user_agent=bounded(event.user_agent),
        at=seconds(event.request_received_timestamp),
        completed_at=seconds(event.stage_timestamp),
        code=event.code,
    )


def operation_of(event: AuditEvent) -> Operation | None:
    """None for what changes no content, or has not, or not yet.

    201 says that the object is new, whatever the verb. A `create` of a subresource is a command
    (a binding, an eviction, a token), and its response is not the object.
    """
    ref = event.object_ref or ObjectReference()
    operation = VERBS.get(event.verb) if event.stage == STAGE else None
    if operation is None or not 200 <= event.code < 300 or ref.subresource == "status":
        return None
    if ref.subresource:
        return operation if operation is Operation.UPDATE else None
    created = event.code == CREATED and operation is Operation.UPDATE
    return Operation.CREATE if created else operation


def may_be_dry(event: AuditEvent, operation: Operation) -> bool:
    """Whether it was a dry run, or may have been: deletions say so in the body, all others in the URI."""
    if event.query.get("dryRun"):
        return True
    if operation is not Operation.DELETE:
        return False
    if event.level not in BODIES or event.truncated:
        return True
    return bool(read_or(event.request_object, _DeleteOptions, _DeleteOptions()).dry_run)


def _previous_version(event: AuditEvent, ref: ObjectReference) -> str:
    """The version that the request itself names; the reference has it from objects, not from patches.

    The API server compares numbers, and 0 is any version to it.
    """
    version = (
        ref.resource_version
        or read_or(event.request_object, ObjectHead, ObjectHead()).metadata.resource_version
    )
    known = number(version)
    return version if known is None else str(known or "")


def _namespace_deleted(ref: ObjectReference, operation: Operation) -> bool:
    """It is the cause of every deletion inside, which are found by its name."""
    return operation is Operation.DELETE and (ref.api_group, ref.resource) == ("", "namespaces")


def seconds(text: str) -> float:
    """Unix seconds of an event's time. Raises UndecodableError."""
    try:
        moment = datetime.fromisoformat(text)
        if moment.tzinfo is None:
            raise UndecodableError("a time of the event has no zone")
        return moment.timestamp()
    except (ValueError, OverflowError):
        raise UndecodableError("a time of the event cannot be read") from None
