"""GET and LIST: what is stored, as it is served. Nothing is changed here."""

from __future__ import annotations

import msgspec

from reverser.sandbox import scale
from reverser.sandbox.catalogue import Catalogue
from reverser.sandbox.history import Stored
from reverser.sandbox.listing import Listing
from reverser.sandbox.refusal import Refusal, not_served
from reverser.sandbox.request import Request
from reverser.sandbox.selection import Selection
from reverser.sandbox.selection import parse as parse_selection
from reverser.sandbox.store import Store, decode, find
from reverser.sandbox.types import Served

Reply = tuple[int, bytes]
"""Status and body."""


class Reading:
    """Answers the requests that read."""

    def __init__(self, catalogue: Catalogue, store: Store) -> None:
        self._catalogue = catalogue
        self._store = store
        self._listing = Listing()

    def get(self, request: Request) -> Reply:
        """One object, or its scale."""
        served = self.served(request)
        return 200, shown(request, served, self.stored(request, served))

    def list(self, request: Request) -> Reply:
        """Many objects, whole or page by page."""
        served = self.served(request)
        token = request.query.get("continue", "")
        if token:
            snapshot, offset = self._listing.resumed(token)
        else:
            table = self._store.tables[served.table]
            snapshot, offset = self._listing.first(table, selection(request), self._store.revision), 0
        limit = int(request.query.get("limit") or 0)
        return 200, self._listing.page(served, snapshot, offset, limit, token)

    def served(self, request: Request) -> Served:
        """The type that a request is about. Refuses what is not served, subresources too."""
        served = self._catalogue.find(request.group, request.version, request.resource)
        if request.subresource and request.subresource not in served.type.subresources:
            raise not_served()
        return served

    def stored(self, request: Request, served: Served) -> Stored:
        """The object that a request is about. Refuses with NotFound."""
        return find(self._store, served, namespace_of(request, served), request.name)


def shown(request: Request, served: Served, stored: Stored) -> bytes:
    """An object as the body of an answer; its Scale where that was meant."""
    if request.subresource == "scale":
        return msgspec.json.encode(scale.shown(decode(stored)))
    return served.encode(stored.body)


def namespace_of(request: Request, served: Served) -> str:
    """The namespace of a request's object; empty: it has none."""
    if served.type.namespaced and not request.namespace:
        raise Refusal("BadRequest", "namespace is required")
    return request.namespace


def selection(request: Request) -> Selection:
    """What a list, watch or deletecollection is about."""
    query = request.query
    return parse_selection(request.namespace, query.get("labelSelector", ""), query.get("fieldSelector", ""))
