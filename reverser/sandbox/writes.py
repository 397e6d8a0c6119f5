"""The verbs that write, each a function from a request to a status and an object.

They read parameters and bodies, find the object, and leave the rest to `registry`. One write is done at a
time: what a write was made from is still there when webhooks have been asked about it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from reverser.manifest.merge_patch import merge_patch
from reverser.model.resource import ResourceType
from reverser.sandbox import protobuf
from reverser.sandbox.managed_fields import Requester
from reverser.sandbox.patch import strategic
from reverser.sandbox.reads import Reads, namespace_of, scale_of, shown, with_scale
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.registry import Registry
from reverser.sandbox.request import ApiRequest
from reverser.sandbox.store import Object, find
from reverser.sandbox.types import table_of

Reply = tuple[int, Object]

ON_SUBRESOURCES = ("update", "patch")
APPLY = "application/apply-patch+yaml"

_PATCHES: Mapping[str, Callable[[Any, Any], Any]] = {
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": strategic,
}


class Writes:
    """Answers the requests that write."""

    def __init__(self, reads: Reads, registry: Registry) -> None:
        self._reads = reads
        self._registry = registry
        self._verbs: Mapping[str, Callable[[ApiRequest, ResourceType], Awaitable[Reply]]] = {
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
        }

    async def answer(self, request: ApiRequest) -> Reply:
        """The reply to a request. Raises Refusal."""
        verb = self._verbs.get(request.verb)
        if verb is None or (request.subresource and request.verb not in ON_SUBRESOURCES):
            message = "the server does not allow this method on the requested resource"
            raise Refusal("MethodNotAllowed", message)
        if request.query.get("dryRun"):
            raise Refusal("BadRequest", "the sandbox has no dry run")
        type_ = self._reads.type_of(request)
        async with self._registry.writing:
            return await verb(request, type_)

    async def _create(self, request: ApiRequest, type_: ResourceType) -> Reply:
        obj = _checked(_body(request), type_)
        return 201, await self._registry.create(type_, namespace_of(request, type_), obj, _requester(request))

    async def _update(self, request: ApiRequest, type_: ResourceType) -> Reply:
        stored = self._find(request, type_)
        if request.subresource == "scale":
            obj = with_scale(stored, _body(request))
        else:
            obj = _checked(_body(request), type_)
        return await self._update_stored(request, type_, stored, obj)

    async def _patch(self, request: ApiRequest, type_: ResourceType) -> Reply:
        if request.media_type == APPLY:
            return await self._apply(request, type_)
        patched = _PATCHES.get(request.media_type)
        if patched is None:
            message = f"the body of the request was in an unknown format: {request.media_type}"
            raise Refusal("UnsupportedMediaType", message)
        stored = self._find(request, type_)
        if request.subresource == "scale":
            obj = with_scale(stored, patched(scale_of(stored), _body(request)))
        else:
            obj = patched(stored, _body(request))
        return await self._update_stored(request, type_, stored, obj)

    async def _apply(self, request: ApiRequest, type_: ResourceType) -> Reply:
        if not request.query.get("fieldManager"):
            message = "PatchOptions is invalid: fieldManager: Required value: is required for apply patch"
            raise Refusal("BadRequest", message)
        obj = _checked(_body(request), type_)
        namespace = namespace_of(request, type_)
        stored = self._registry.tables[table_of(type_)].objects.get((namespace, request.name))
        if stored:
            return await self._update_stored(request, type_, stored, obj)
        obj = {**obj, "metadata": {**(obj.get("metadata") or {}), "name": request.name}}
        return 201, await self._registry.create(type_, namespace, obj, _requester(request))

    async def _delete(self, request: ApiRequest, type_: ResourceType) -> Reply:
        options = _body(request) if request.body.strip() else {}
        options = {key: value for key, value in options.items() if key not in ("kind", "apiVersion")}
        requester = Requester(request.manager, user=request.user, options=options)
        return 200, await self._registry.delete(type_, self._find(request, type_), requester)

    def _find(self, request: ApiRequest, type_: ResourceType) -> Object:
        return find(self._registry, type_, namespace_of(request, type_), request.name)

    async def _update_stored(
        self, request: ApiRequest, type_: ResourceType, stored: Object, obj: Object
    ) -> Reply:
        return 200, shown(request, await self._registry.update(type_, stored, obj, _requester(request)))


def _requester(request: ApiRequest) -> Requester:
    operation = "Apply" if request.media_type == APPLY else "Update"
    manager = request.query.get("fieldManager")
    options = {"fieldManager": manager} if manager else {}
    return Requester(request.manager, operation, request.subresource, request.user, options)


def _body(request: ApiRequest) -> Object:
    """The object of a request's body: JSON, or the protobuf of some kinds. Refuses anything else."""
    if request.media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(request.body)
    return request.json()


def _checked(obj: Object, type_: ResourceType) -> Object:
    for field, wanted in (("kind", type_.kind), ("apiVersion", type_.api_version)):
        if obj.get(field, wanted) != wanted:
            raise Refusal("BadRequest", f"{field} in the data ({obj[field]}) does not match ({wanted})")
    return obj
