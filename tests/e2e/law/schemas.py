"""Random CRDs of all schema features, and objects of them; the same ones for the same seed.

A schema comes with a function that makes values which it admits. Fields have the names that a sanitizer may
trip over: `metadata`, `status`, `uid`, `template`, `annotations`.
"""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any, TypeAlias

import msgspec

from reverser.model.resource import ResourceType

Schema: TypeAlias = dict[str, Any]
Make: TypeAlias = Callable[[], Any]
Made: TypeAlias = tuple[Schema, Make]

GROUP = "schemas.law.example"
DEPTH = 3
NAMES = (
    "metadata",
    "status",
    "uid",
    "template",
    "jobTemplate",
    "annotations",
    "labels",
    "creationTimestamp",
    "managedFields",
    "ownerReferences",
    "spec",
    "items",
    "data",
    "protocol",
    "replicas",
    "on",
    "null",
    "a.b",
    "x/y",
    "\N{LATIN SMALL LETTER U WITH DIAERESIS}",
)
TEXTS = (
    "",
    "a",
    "yes",
    "0x1f",
    "1e3",
    "null",
    "~",
    "a: b",
    " blank ",
    "line\nline\n",
    "\N{SNOWMAN}",
    "#",
    "1.0",
)


class Defined(msgspec.Struct, frozen=True):
    """One CRD with objects of it."""

    type: ResourceType
    definition: dict[str, Any]
    objects: tuple[dict[str, Any], ...]


def define(number: int, chance: Random, feature: str = "") -> Defined:
    """A CRD; `feature` is the one that its objects have for certain."""
    schemas = Schemas(chance)
    name, status = f"things{number}", chance.random() < 0.5
    fields = {"spec": schemas.object(DEPTH)} | (
        {feature: getattr(schemas, feature)(DEPTH)} if feature else {}
    )
    fields |= {"extra": schemas.any(2)} | ({} if status else {"status": schemas.any(1)})
    properties = {field: schema for field, (schema, _) in fields.items()}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "properties": properties}},
        **({"subresources": {"status": {}}} if status else {}),
    }
    names = {"plural": name, "singular": f"thing{number}", "kind": f"Thing{number}"}
    spec = {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]}
    definition = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{name}.{GROUP}"},
        "spec": spec,
    }
    subresources = ("status",) if status else ()
    type_ = ResourceType(GROUP, "v1", name, names["kind"], True, subresources=subresources)
    objects = tuple(
        {
            "apiVersion": type_.api_version,
            "kind": type_.kind,
            "metadata": {"name": f"o{index}"},
            **{field: make() for field, (_, make) in fields.items()},
        }
        for index in range(3)
    )
    return Defined(type_, definition, objects)


class Schemas:
    """Makes schemas; `depth` is how deep they may become."""

    def __init__(self, chance: Random) -> None:
        self._chance = chance

    def any(self, depth: int) -> Made:
        """One feature, whichever."""
        names = SCALARS if depth <= 0 else FEATURES
        made: Made = getattr(self, self._chance.choice(names))(depth)
        return made

    def text(self, _depth: int) -> Made:
        return self._defaulted({"type": "string"}, lambda: self._chance.choice(TEXTS))

    def integer(self, _depth: int) -> Made:
        wide = {"type": "integer", "format": "int64"}
        return self._defaulted(wide, lambda: self._chance.choice((0, -1, 7, 2**53 + 1, -(2**63))))

    def number(self, _depth: int) -> Made:
        return self._defaulted({"type": "number"}, lambda: self._chance.choice((0, 1, 1.5, 1e21, -2.5e-7)))

    def boolean(self, _depth: int) -> Made:
        return self._defaulted({"type": "boolean"}, lambda: self._chance.random() < 0.5)

    def int_or_string(self, _depth: int) -> Made:
        return {"x-kubernetes-int-or-string": True}, lambda: self._chance.choice((80, "80", "50%", 0))

    def object(self, depth: int) -> Made:
        """Some fields required, some with defaults; the map may be atomic or have a default itself."""
        names = self._chance.sample(NAMES, self._chance.randint(1, 4))
        fields = {name: self.any(depth - 1) for name in names}
        required = [name for name in names if self._chance.random() < 0.3]
        schema: Schema = {"type": "object", "properties": {name: each for name, (each, _) in fields.items()}}
        schema |= {"required": required} if required else {}

        def make() -> Any:
            there = [name for name in names if name in required or self._chance.random() < 0.7]
            return {name: fields[name][1]() for name in there}

        return self._defaulted(schema, make)

    def atomic_map(self, depth: int) -> Made:
        schema, make = self.object(depth)
        return {**schema, "x-kubernetes-map-type": "atomic"}, make

    def dictionary(self, depth: int) -> Made:
        """Names that the schema does not tell; values of one kind."""
        schema, make = self.any(depth - 1)
        kind: Schema = {"x-kubernetes-map-type": "atomic"} if self._chance.random() < 0.4 else {}
        made = {"type": "object", "additionalProperties": schema, **kind}
        return made, lambda: {name: make() for name in self._some(NAMES)}

    def left_overs(self, depth: int) -> Made:
        """An embedded template with what Go's types leave behind, atomic or not, required or not."""
        stamp = {"type": "string", "nullable": True}
        metadata = {"type": "object", "properties": {"creationTimestamp": stamp}}
        inner, make = self.object(depth - 1)
        template: Schema = {"type": "object", "properties": {"metadata": metadata, "spec": inner}}
        if self._chance.random() < 0.5:
            template["required"] = ["metadata"]
        for schema in (template, metadata):
            schema |= {"x-kubernetes-map-type": "atomic"} if self._chance.random() < 0.4 else {}
        outer = {"type": "object", "properties": {"template": template}}
        choices: tuple[Schema, ...] = ({}, {"creationTimestamp": None}, {"creationTimestamp": "x"})
        return outer, lambda: {"template": {"metadata": dict(self._chance.choice(choices)), "spec": make()}}

    def pod_template(self, _depth: int) -> Made:
        """A real pod template, of which the map around it or its metadata may be atomic."""
        free = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        stamp = {"type": "string", "nullable": True, "format": "date-time"}
        labels = {"type": "object", "additionalProperties": {"type": "string"}}
        fields = {"creationTimestamp": stamp, "annotations": labels, "labels": labels}
        metadata: Schema = {"type": "object", "properties": fields}
        template: Schema = {"type": "object", "properties": {"metadata": metadata, "spec": free}}
        for schema in (template, metadata):
            schema |= {"x-kubernetes-map-type": "atomic"} if self._chance.random() < 0.4 else {}
        choices: tuple[Schema, ...] = (
            {},
            {"creationTimestamp": None},
            {"creationTimestamp": None, "labels": {"app": "a"}},
            {"annotations": {}, "labels": {"app": "a"}},
        )
        spec = {"containers": [{"name": "a", "image": "a:1"}], "volumes": []}
        outer = {"type": "object", "properties": {"template": template}}
        return outer, lambda: {
            "template": {"metadata": dict(self._chance.choice(choices)), "spec": dict(spec)}
        }

    def unknown(self, depth: int) -> Made:
        """What the schema says nothing of."""
        return {"type": "object", "x-kubernetes-preserve-unknown-fields": True}, lambda: {
            name: self._free(depth) for name in self._some(NAMES)
        }

    def embedded(self, depth: int) -> Made:
        """A whole object within the object."""
        schema = {
            "type": "object",
            "x-kubernetes-embedded-resource": True,
            "x-kubernetes-preserve-unknown-fields": True,
        }

        def make() -> Any:
            metadata = {"name": "inner", "labels": {"app": "a"}, "annotations": {"note": "x"}}
            data = {name: self._free(depth - 1) for name in self._some(("data", "spec", "status"))}
            return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, **data}

        return schema, make

    def atomic_list(self, depth: int) -> Made:
        schema, make = self.any(depth - 1)
        return {"type": "array", "items": schema}, lambda: [make() for _ in range(self._chance.randint(0, 3))]

    def set_list(self, _depth: int) -> Made:
        schema = {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"}
        return schema, lambda: self._some(TEXTS)

    def map_list(self, depth: int) -> Made:
        """Items with two keys, one of which has a default and need not be said."""
        schema, make = self.any(depth - 1)
        protocol = {"type": "string", "default": "TCP"}
        properties = {"port": {"type": "integer"}, "protocol": protocol, "more": schema}
        items = {"type": "object", "required": ["port"], "properties": properties}
        keys = {"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["port", "protocol"]}

        def item(port: int) -> Any:
            said = {"protocol": "UDP"} if self._chance.random() < 0.3 else {}
            return {"port": port, **said, **({"more": make()} if self._chance.random() < 0.6 else {})}

        return {"type": "array", "items": items, **keys}, lambda: [
            item(port) for port in self._some((1, 2, 3))
        ]

    def _defaulted(self, schema: Schema, make: Make) -> Made:
        """Perhaps nullable, perhaps with a default, perhaps both."""
        nullable, defaulted = self._chance.random() < 0.3, self._chance.random() < 0.3
        schema = {**schema, **({"nullable": True} if nullable else {})}
        schema |= {"default": make()} if defaulted else {}
        return schema, lambda: None if nullable and self._chance.random() < 0.3 else make()

    def _free(self, depth: int) -> Any:
        choices: list[Make] = [lambda: self._chance.choice((*TEXTS, 1, 1.5, True, None))]
        if depth > 0:
            choices.append(lambda: {name: self._free(depth - 1) for name in self._some(NAMES)})
            choices.append(lambda: [self._free(depth - 1) for _ in range(self._chance.randint(0, 2))])
        return self._chance.choice(choices)()

    def _some(self, names: tuple[Any, ...]) -> list[Any]:
        return self._chance.sample(names, self._chance.randint(0, min(3, len(names))))


SCALARS = ("text", "integer", "number", "boolean", "int_or_string")
FEATURES = (
    *SCALARS,
    "object",
    "atomic_map",
    "dictionary",
    "left_overs",
    "pod_template",
    "unknown",
    "embedded",
    "atomic_list",
    "set_list",
    "map_list",
)
