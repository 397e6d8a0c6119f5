"""Reads an AdmissionReview: the answer, which always allows, and a fact if the write can become a change.

The API server calls us after every mutating webhook and before the object is stored: the object has its
final uid and name, allocated addresses and defaults, and on an update the version that the request met. The
answer needs only the review's uid, so no object, however odd, can hold up a write.

Some writes cannot become a change and make no fact: dry runs, status writes, connections, and updates whose
object equals the old one byte by byte.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.attribution.object_digest import MOST_BYTES, NOT_COMPARABLE, evidence_digest
from reverser.attribution.payloads import (
    ABSENT,
    ObjectHead,
    UndecodableError,
    UserInfo,
    read,
    read_or,
    replicas,
)
from reverser.model.attribution import bounded
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.nesting import shallow
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.managed_fields import BUCKETS, STATUS

API_VERSION = "admission.k8s.io/v1"
KIND = "AdmissionReview"
CONTENT_SUBRESOURCES = ("", "scale", "resize", "ephemeralcontainers")
"""Subresources that write content. All others write status, or are commands without a change of their own."""


class GroupResource(msgspec.Struct, frozen=True, gc=False):
    """`resource` of a request."""

    group: str = ""
    resource: str = ""


class Options(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """CreateOptions, UpdateOptions or PatchOptions."""

    field_manager: str = ""


class AdmissionRequest(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """`request` of a review: what somebody wants to do."""

    uid: str
    resource: GroupResource = GroupResource()
    sub_resource: str = ""
    namespace: str = ""
    name: str = ""
    operation: str = ""
    user_info: UserInfo = UserInfo()
    object: msgspec.Raw = ABSENT
    old_object: msgspec.Raw = ABSENT
    dry_run: bool | None = None
    options: msgspec.Raw = ABSENT


class _Stamp(msgspec.Struct, frozen=True, gc=False):
    manager: str = ""
    operation: str = ""
    subresource: str = ""
    time: str = ""


class _Stamps(msgspec.Struct, frozen=True, rename="camel", gc=False):
    managed_fields: list[_Stamp] | None = None


class _Stamped(msgspec.Struct, frozen=True, gc=False):
    metadata: _Stamps = _Stamps()


class Review(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An AdmissionReview with a request."""

    api_version: str
    kind: str
    request: AdmissionRequest


def decode(body: bytes) -> Review:
    """The review of a request body. Raises UndecodableError, and nothing else."""
    review = read(body, Review)
    if (review.api_version, review.kind) != (API_VERSION, KIND) or not review.request.uid:
        raise UndecodableError(f"the body is no {KIND} of {API_VERSION} with a request")
    return review


def decode_cut(body: bytes) -> Review:
    """The review of a body that is nested deeper than any parser follows; its contents are not comparable.

    Raises UndecodableError, and nothing else.
    """
    return decode(shallow(body))


def fact(
    review: Review, cluster: str, type_: ResourceType | None, digest_key: bytes, at: float
) -> Fact | None:
    """What the request says about who is changing which object; None when it can change nothing.

    `type_` is the type as it is watched; None: it is not, or its content is not to be compared. `at` is when
    the review came, in Unix seconds. An object that is too large, of another version than the one that is
    watched, or that cannot be read, is identified by its key alone.
    """
    request = review.request
    operation = _operation(request)
    if operation is None or request.dry_run:
        return None
    subject = request.old_object if operation is Operation.DELETE else request.object
    head = read_or(subject, ObjectHead, ObjectHead())
    if not head.metadata.uid:
        return None
    group, resource = bounded(request.resource.group), bounded(request.resource.resource)
    namespace = "" if (group, resource) == ("", "namespaces") else request.namespace
    key = ObjectKey(cluster, group, resource, bounded(namespace), bounded(head.metadata.name or request.name))
    return Fact(
        id=bounded(request.uid),
        cluster=cluster,
        source=Source.ADMISSION,
        group=group,
        resource=resource,
        subresource=request.sub_resource,
        namespace=key.namespace,
        name=key.name,
        uid=bounded(head.metadata.uid),
        operation=operation,
        previous_version=_previous_version(request, operation),
        digest=_digest(request, operation, key, type_, digest_key),
        replicas=replicas(request.object) if request.sub_resource == "scale" else None,
        manager=_manager(request, operation),
        restamps=operation is not Operation.DELETE and _restamps(request),
        actor=request.user_info.actor,
        at=at,
        owners=_owner_uids(head) if operation is Operation.DELETE else (),
    )


def _operation(request: AdmissionRequest) -> Operation | None:
    """None for what changes no content."""
    try:
        operation = Operation(request.operation)
    except ValueError:
        return None
    if request.sub_resource not in CONTENT_SUBRESOURCES:
        return None
    if operation is Operation.UPDATE:
        return None if bytes(request.object) == bytes(request.old_object) else operation
    return None if request.sub_resource else operation


def _previous_version(request: AdmissionRequest, operation: Operation) -> str:
    """The version that is stored now, by the old object, which is the server's."""
    if operation is Operation.CREATE:
        return ""
    return bounded(read_or(request.old_object, ObjectHead, ObjectHead()).metadata.resource_version)


def _digest(
    request: AdmissionRequest,
    operation: Operation,
    key: ObjectKey,
    type_: ResourceType | None,
    digest_key: bytes,
) -> bytes:
    if type_ is None or operation is Operation.DELETE or len(bytes(request.object)) > MOST_BYTES:
        return NOT_COMPARABLE
    decoded: Any = read_or(request.object, Any, None)
    return evidence_digest(decoded, key, type_, digest_key)


def _manager(request: AdmissionRequest, operation: Operation) -> str:
    if operation is Operation.DELETE:
        return ""
    return bounded(read_or(request.options, Options, Options()).field_manager)


def _restamps(request: AdmissionRequest) -> bool:
    """Whether new entries of managedFields are not this request's own: then its body held managed fields.

    The old object has the entries before the request, the new one what the API server made of both.
    """
    before = {*_stamps(request.old_object)}
    fresh = [stamp for stamp in _stamps(request.object) if stamp not in before]
    if not fresh:
        return False
    manager = _manager(request, Operation.UPDATE)
    own = manager in ("", fresh[0].manager) and fresh[0].subresource == request.sub_resource
    return len(fresh) > 1 or not own


def _stamps(obj: msgspec.Raw) -> list[_Stamp]:
    stamps = read_or(obj, _Stamped, _Stamped()).metadata.managed_fields or []
    return [stamp for stamp in stamps if stamp.manager not in BUCKETS and stamp.subresource != STATUS]


def _owner_uids(head: ObjectHead) -> tuple[str, ...]:
    return tuple(bounded(owner.uid) for owner in head.metadata.owner_references or () if owner.uid)
