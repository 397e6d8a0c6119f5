"""What a CustomResourceDefinition means: the types it serves, and the status it gets at once."""

from __future__ import annotations

from typing import Any

from reverser.model.resource import ResourceType
from reverser.sandbox.catalogue import priority
from reverser.sandbox.types import VERBS, Served

CRD = ("apiextensions.k8s.io", "customresourcedefinitions")
FINALIZER = "customresourcecleanup.apiextensions.k8s.io"


def table(definition: dict[str, Any]) -> tuple[str, str]:
    """(group, plural) of the type that it defines."""
    return definition["spec"]["group"], definition["spec"]["names"]["plural"]


def served_by(definition: dict[str, Any]) -> list[Served]:
    """Every served version of the type, the preferred one first."""
    versions = [version for version in definition["spec"]["versions"] if version["served"]]
    versions.sort(key=lambda version: priority(version["name"]))
    return [_served(definition["spec"], version) for version in versions]


def completed(definition: dict[str, Any]) -> dict[str, Any]:
    """The definition with the defaults that a server writes into it."""
    spec = definition["spec"]
    names = {"singular": spec["names"]["kind"].lower(), "listKind": f"{spec['names']['kind']}List"}
    completed = {"conversion": {"strategy": "None"}, **spec, "names": {**names, **spec["names"]}}
    return {**definition, "spec": completed}


def established(definition: dict[str, Any], now: str) -> dict[str, Any]:
    """The status of a definition whose names are free and whose types are served."""
    reasons = {"NamesAccepted": "NoConflicts", "Established": "InitialNamesAccepted"}
    return {
        "conditions": [_condition(kind, reason, now) for kind, reason in reasons.items()],
        "acceptedNames": definition["spec"]["names"],
        "storedVersions": [v["name"] for v in definition["spec"]["versions"] if v.get("storage")],
    }


def _condition(kind: str, reason: str, now: str) -> dict[str, str]:
    return {"type": kind, "status": "True", "reason": reason, "lastTransitionTime": now, "message": ""}


def _served(spec: dict[str, Any], version: dict[str, Any]) -> Served:
    names = spec["names"]
    return Served(
        ResourceType(
            group=spec["group"],
            version=version["name"],
            resource=names["plural"],
            kind=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            verbs=VERBS,
            short_names=tuple(names.get("shortNames", ())),
            singular=names["singular"],
            categories=tuple(names.get("categories", ())),
            subresources=tuple(sorted(version.get("subresources", {}))),
        ),
        custom=True,
    )


def hold(definition: dict[str, Any]) -> None:
    """Keep the definition until its objects are deleted."""
    finalizers = definition["metadata"].get("finalizers", [])
    definition["metadata"]["finalizers"] = [*finalizers, FINALIZER]


def release(definition: dict[str, Any]) -> None:
    """The objects are deleted; other people's finalizers stay."""
    finalizers = definition["metadata"].get("finalizers", [])
    definition["metadata"]["finalizers"] = [name for name in finalizers if name != FINALIZER]
