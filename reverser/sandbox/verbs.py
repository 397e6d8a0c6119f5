"""The verbs of the API, each a function from a request to a status and a body.

They read parameters and bodies, find the object, and leave the rest to `effects`; `watch` is not
among them because its answer does not end.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from reverser.sandbox import patch, scale
from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.effects import Effects
from reverser.sandbox.history import Stored
from reverser.sandbox.listing import Listing
from reverser.sandbox.managers import Writer
from reverser.sandbox.refusal import Refusal
from reverser.sandbox.request import Request
from reverser.sandbox.selection import Selection
from reverser.sandbox.selection import parse as parse_selection
from reverser.sandbox.storage import Object, Storage, decode
from reverser.sandbox.types import Served

Reply = tuple[int, bytes]
READS = ("get", "list")

_PATCHES: Mapping[str, Callable[[Any, Any], Any]] = {
    "application/merge-patch+json": patch.merge,
    "application/strategic-merge-patch+json": patch.strategic,
}
APPLY = "application/apply-patch+yaml"


class Verbs:
    """Answers requests about objects."""

    def __init__(self, catalogue: Catalogue, storage: Storage, effects: Effects) -> None:
        self._catalogue = catalogue
        self._storage = storage
        self._effects = effects
        self.listing = Listing()

    async def answer(self, request: Request) -> Reply:
        """The reply to any verb but watch. Raises Refusal."""
        verb = getattr(self, f"_{request.verb}", None)
        if verb is None or (request.subresource and request.verb not in ("get", "update", "patch")):
            raise Refusal(
                "MethodNotAllowed", "the server does not allow this method on the requested resource"
            )
        if request.query.get("dryRun"):
            raise Refusal("BadRequest", "the sandbox has no dry run")
        served = self.served(request)
        if request.subresource and request.subresource not in served.type.subresources:
            raise Refusal("NotFound", "the server could not find the requested resource")
        if request.verb in READS:
            read: Reply = verb(request, served)
            return read
        async with self._storage.writing:
            written: Reply = await verb(request, served)
            return written

    def served(self, request: Request) -> Served:
        """The type that a request is about."""
        return self._catalogue.find(request.group, request.version, request.resource)

    def _get(self, request: Request, served: Served) -> Reply:
        return 200, self._shown(request, served, self._stored(request, served))

    def _list(self, request: Request, served: Served) -> Reply:
        token = request.query.get("continue", "")
        if token:
            snapshot, offset = self.listing.resumed(token)
        else:
            table = self._storage.tables[served.table]
            snapshot, offset = self.listing.first(table, selection(request), self._storage.revision), 0
        limit = int(request.query.get("limit") or 0)
        return 200, self.listing.page(served, snapshot, offset, limit, token)

    async def _create(self, request: Request, served: Served) -> Reply:
        obj = _checked(request.json(), served)
        stored = await self._effects.create(served, _namespace(request, served), obj, _writer(request))
        return 201, served.encode(stored.body)

    async def _update(self, request: Request, served: Served) -> Reply:
        obj = request.json()
        stored = self._stored(request, served)
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
        stored = self._stored(request, served)
        before = decode(stored)
        if request.subresource == "scale":
            seen = scale.shown(before)
            wanted = scale.scaled(before, patched(seen, request.json()))
            return 200, await self._written(request, served, stored, wanted)
        return 200, await self._written(request, served, stored, patched(before, request.json()))

    async def _apply(self, request: Request, served: Served) -> Reply:
        if not request.query.get("fieldManager"):
            raise Refusal(
                "BadRequest",
                "PatchOptions is invalid: fieldManager: Required value: is required for apply patch",
            )
        obj = _checked(request.json(), served)
        namespace = _namespace(request, served)
        existing = self._storage.tables[served.table].objects.get((namespace, request.name))
        if existing:
            return 200, await self._written(request, served, existing, obj)
        metadata = (obj.get("metadata") or {}) | {"name": request.name}
        stored = await self._effects.create(
            served, namespace, {**obj, "metadata": metadata}, _writer(request)
        )
        return 201, served.encode(stored.body)

    async def _delete(self, request: Request, served: Served) -> Reply:
        stored = self._stored(request, served)
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
        snapshot = self.listing.first(table, chosen, self._storage.revision)
        for stored in snapshot.objects:
            await self._effects.delete(served, stored, _deleter(request), from_collection=True)
        return 200, self.listing.page(served, snapshot, 0, 0, "")

    def _stored(self, request: Request, served: Served) -> Stored:
        return self._effects.find(served, _namespace(request, served), request.name)

    async def _written(self, request: Request, served: Served, stored: Stored, obj: Object) -> bytes:
        updated = await self._effects.update(served, stored, obj, _writer(request))
        return self._shown(request, served, updated)

    def _shown(self, request: Request, served: Served, stored: Stored) -> bytes:
        if request.subresource == "scale":
            return msgspec.json.encode(scale.shown(decode(stored)))
        return served.encode(stored.body)


def selection(request: Request) -> Selection:
    """What a list, watch or deletecollection is about."""
    query = request.query
    return parse_selection(request.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))


def _namespace(request: Request, served: Served) -> str:
    if served.type.namespaced and not request.namespace:
        raise Refusal("BadRequest", "namespace is required")
    return request.namespace


def _writer(request: Request) -> Writer:
    operation = "Apply" if request.media_type == APPLY else "Update"
    manager = request.query.get("fieldManager")
    options = {"fieldManager": manager} if manager else {}
    return Writer(request.manager, operation, request.subresource, request.user, options)


def _deleter(request: Request) -> Writer:
    options = request.json() if request.body.strip() else {}
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
