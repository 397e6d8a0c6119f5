"""GET and LIST: what is stored, as it is served; selectors; and the Scale of a workload.

A list is never cut into pages, as the API allows: `limit` is a wish.
"""

from __future__ import annotations

from operator import itemgetter

import msgspec

from reverser.model.resource import BUILTIN_GROUPS, ResourceType
from reverser.sandbox.refusal import Refusal, not_served
from reverser.sandbox.request import ApiRequest
from reverser.sandbox.store import Object, Store, find
from reverser.sandbox.types import Catalogue, table_of
from reverser.select.labels import Selector
from reverser.select.labels import parse as parse_labels


class Selection(msgspec.Struct, frozen=True):
    """Which objects of a type are meant; what is left empty means all."""

    namespace: str = ""
    labels: Selector = Selector()
    fields: tuple[tuple[str, str], ...] = ()
    """`metadata.name` and `metadata.namespace`, the two that every type supports."""

    def covers(self, obj: Object) -> bool:
        """Whether the object is meant."""
        metadata = obj["metadata"]
        pairs = (("namespace", self.namespace), *self.fields) if self.namespace else self.fields
        return all(metadata.get(name, "") == value for name, value in pairs) and self.labels.matches(
            metadata.get("labels") or {}
        )


def selection(request: ApiRequest) -> Selection:
    """What a list or a watch is about. Refuses selectors that cannot be read."""
    try:
        labels = parse_labels(request.query.get("labelSelector", ""))
    except ValueError as error:
        raise Refusal("BadRequest", f"unable to parse requirement: {error}") from error
    terms = filter(None, request.query.get("fieldSelector", "").split(","))
    return Selection(request.namespace, labels, tuple(map(_field, terms)))


def _field(term: str) -> tuple[str, str]:
    name, _, value = term.replace("==", "=").partition("=")
    if name not in ("metadata.name", "metadata.namespace"):
        raise Refusal("BadRequest", f"field label not supported: {name}")
    return name.removeprefix("metadata."), value


class Reads:
    """Answers the requests that read."""

    def __init__(self, catalogue: Catalogue, store: Store) -> None:
        self._catalogue = catalogue
        self._store = store

    def get(self, request: ApiRequest) -> Object:
        """One object, or its scale."""
        type_ = self.type_of(request)
        return shown(request, find(self._store, type_, namespace_of(request, type_), request.name))

    def list(self, request: ApiRequest) -> Object:
        """All objects that are selected, in the order of names. Items of built-in types have no kind."""
        type_, chosen = self.type_of(request), selection(request)
        objects = self._store.tables[table_of(type_)].objects
        items = [obj for _, obj in sorted(objects.items(), key=itemgetter(0)) if chosen.covers(obj)]
        if type_.group in BUILTIN_GROUPS:
            items = [{key: obj[key] for key in obj if key not in ("kind", "apiVersion")} for obj in items]
        metadata = {"resourceVersion": str(self._store.revision)}
        head = {"kind": f"{type_.kind}List", "apiVersion": type_.api_version}
        return {**head, "metadata": metadata, "items": items}

    def type_of(self, request: ApiRequest) -> ResourceType:
        """The type that a request is about. Refuses what is not served, subresources too."""
        type_ = self._catalogue.find(request.group, request.version, request.resource)
        if request.subresource and request.subresource not in type_.subresources:
            raise not_served()
        return type_


def shown(request: ApiRequest, obj: Object) -> Object:
    """An object as the body of an answer; its Scale where that was meant."""
    return scale_of(obj) if request.subresource == "scale" else obj


def namespace_of(request: ApiRequest, type_: ResourceType) -> str:
    """The namespace of a request's object; empty: it has none."""
    if type_.namespaced and not request.namespace:
        raise Refusal("BadRequest", "namespace is required")
    return request.namespace


def scale_of(workload: Object) -> Object:
    """The `scale` subresource: the replicas of a workload as an object of their own."""
    shared = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": {key: workload["metadata"][key] for key in shared if key in workload["metadata"]},
        "spec": {"replicas": workload.get("spec", {}).get("replicas", 0)},
        "status": {"replicas": workload.get("status", {}).get("replicas", 0)},
    }


def with_scale(workload: Object, scale: Object) -> Object:
    """The workload as a written Scale wants it; the Scale's version is compared with the workload's."""
    revision = scale.get("metadata", {}).get("resourceVersion") or workload["metadata"]["resourceVersion"]
    return {
        **workload,
        "metadata": {**workload["metadata"], "resourceVersion": revision},
        "spec": {**workload["spec"], "replicas": scale["spec"]["replicas"]},
    }
