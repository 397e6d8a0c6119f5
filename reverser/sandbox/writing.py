"""The verbs that write, each a function from a request to a status and a body.

They read parameters and bodies, find the object, and leave the rest to `effects`. One write is done at a
time: what a write was made from is still there when webhooks have been asked about it.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import msgspec

from reverser.manifest.merge_patch import merge_patch
from reverser.sandbox import patch, protobuf, scale
from reverser.sandbox.effects import Effects
from reverser.sandbox.history import Stored
from reverser.sandbox.listing import Listing
from reverser.sandbox.managers import Writer
from reverser.sandbox.reading import Reading, Reply, namespace_of, selection, shown
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.request import Request
from reverser.sandbox.storage import Storage
from reverser.sandbox.store import Object, decode
from reverser.sandbox.types import Served

ON_SUBRESOURCES = ("update", "patch")

_PATCHES: Mapping[str, Callable[[Any, Any], Any]] = {
    "application/merge-patch+json": merge_patch,
    "application/strategic-merge-patch+json": patch.strategic,
}
APPLY = "application/apply-patch+yaml"


class Writing:
    """Answers the requests that write."""

    def __init__(self, reading: Reading, storage: Storage, effects: Effects) -> None:
        self._reading = reading
        self._storage = storage
        self._effects = effects
        self._verbs: Mapping[str, Callable[[Request, Served], Awaitable[Reply]]] = {
            "create": self._create,
            "update": self._update,
            "patch": self._patch,
            "delete": self._delete,
            "deletecollection": self._deletecollection,
        }

    async def answer(self, request: Request) -> Reply:
        """The reply to a request. Raises Refusal."""
        verb = self._verbs.get(request.verb)
        if verb is None or (request.subresource and request.verb not in ON_SUBRESOURCES):
            message = "the server does not allow this method on the requested resource"
            raise Refusal("MethodNotAllowed", message)
        if request.query.get("dryRun"):
            raise Refusal("BadRequest", "the sandbox has no dry run")
        served = self._reading.served(request)
        async with self._storage.writing:
            return await verb(request, served)

    async def _create(self, request: Request, served: Served) -> Reply:
        obj = _checked(_body(request), served)
        stored = await self._effects.create(served, namespace_of(request, served), obj, _writer(request))
        return 201, served.encode(stored.body)

    async def _update(self, request: Request, served: Served) -> Reply:
        obj = _body(request)
        stored = self._reading.stored(request, served)
        if request.subresource == "scale":
            obj = scale.scaled(decode(stored), obj)
        else:
            _checked(obj, served)
        return 200, await self._written(request, served, stored, obj)

    async def _patch(self, request: Request, served: Served) -> Reply:
        if request.media_type == APPLY:
            return await self._apply(request, served)
        patched = _PATCHES.get(request.media_type)
        if patched is None or (served.custom and patched is patch.strategic):
            raise Refusal(
                "UnsupportedMediaType",
                f"the body of the request was in an unknown format: {request.media_type}",
            )
        stored = self._reading.stored(request, served)
        before = decode(stored)
        if request.subresource == "scale":
            seen = scale.shown(before)
            wanted = scale.scaled(before, patched(seen, _body(request)))
            return 200, await self._written(request, served, stored, wanted)
        return 200, await self._written(request, served, stored, patched(before, _body(request)))

    async def _apply(self, request: Request, served: Served) -> Reply:
        if not request.query.get("fieldManager"):
            raise Refusal(
                "BadRequest",
                "PatchOptions is invalid: fieldManager: Required value: is required for apply patch",
            )
        obj = _checked(_body(request), served)
        namespace = namespace_of(request, served)
        existing = self._storage.tables[served.table].objects.get((namespace, request.name))
        if existing:
            return 200, await self._written(request, served, existing, obj)
        metadata = (obj.get("metadata") or {}) | {"name": request.name}
        stored = await self._effects.create(
            served, namespace, {**obj, "metadata": metadata}, _writer(request)
        )
        return 201, served.encode(stored.body)

    async def _delete(self, request: Request, served: Served) -> Reply:
        stored = self._reading.stored(request, served)
        writer = _deleter(request)
        _check_preconditions(stored, writer.options.get("preconditions") or {})
        after = await self._effects.delete(served, stored, writer)
        if (stored.namespace, stored.name) in self._storage.tables[served.table].objects:
            return 200, served.encode(after.body)
        details = {"name": stored.name, "group": served.type.group, "kind": served.type.resource}
        status = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": details,
        }
        return 200, msgspec.json.encode(status)

    async def _deletecollection(self, request: Request, served: Served) -> Reply:
        table, chosen = self._storage.tables[served.table], selection(request)
        listing = Listing()
        snapshot = listing.first(table, chosen, self._storage.revision)
        for stored in snapshot.objects:
            await self._effects.delete(served, stored, _deleter(request), from_collection=True)
        return 200, listing.page(served, snapshot, 0, 0, "")

    async def _written(self, request: Request, served: Served, stored: Stored, obj: Object) -> bytes:
        updated = await self._effects.update(served, stored, obj, _writer(request))
        return shown(request, served, updated)


def _writer(request: Request) -> Writer:
    operation = "Apply" if request.media_type == APPLY else "Update"
    manager = request.query.get("fieldManager")
    options = {"fieldManager": manager} if manager else {}
    return Writer(request.manager, operation, request.subresource, request.user, options)


def _body(request: Request) -> Object:
    """The object of a request's body: JSON, or the protobuf of some kinds. Refuses anything else."""
    if request.media_type == protobuf.MEDIA_TYPE:
        return protobuf.decode(request.body)
    return request.json()


def _deleter(request: Request) -> Writer:
    options = _body(request) if request.body.strip() else {}
    options = {key: value for key, value in options.items() if key not in ("kind", "apiVersion")}
    return Writer(request.manager, user=request.user, options=options)


def _checked(obj: Object, served: Served) -> Object:
    for field, wanted in (("kind", served.type.kind), ("apiVersion", served.type.api_version)):
        if obj.get(field, wanted) != wanted:
            raise Refusal("BadRequest", f"{field} in the data ({obj[field]}) does not match ({wanted})")
    return obj


def _check_preconditions(stored: Stored, wanted: Object) -> None:
    metadata = decode(stored)["metadata"]
    for field in ("uid", "resourceVersion"):
        if wanted.get(field, metadata[field]) != metadata[field]:
            raise Refusal("Conflict", f"Precondition failed: {field} in precondition: {wanted[field]}")
