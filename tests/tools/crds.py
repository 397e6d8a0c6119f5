"""The CustomResourceDefinitions in config/crd, generated from the structs that read the objects.

`make crds` writes them. The text under a field becomes its description, which `kubectl explain` prints; a
Literal becomes an enum, `Meta` becomes bounds. What a struct cannot say stands here: the two defaults, the
rules in CEL, the columns of `kubectl get`. A test compares the files with what this module makes.
"""

from __future__ import annotations

import ast
import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from reverser.custom_resources import api_types
from reverser.custom_resources.api_types import (
    GROUP,
    PLURALS,
    VERSION,
    AccessPolicy,
    ClusterWatchRule,
    GitRepoConfig,
    GitRepoConfigSpec,
    Kind,
    LabelSelector,
    NamespacedRules,
    WatchRule,
)
from reverser.manifest.emitter import render

FOLDER = Path(__file__).parents[2] / "config/crd"
HEADER = b"# Generated from reverser/custom_resources/api_types.py by `make crds`.\n"
STRUCTS: dict[Kind, type[msgspec.Struct]] = {
    "GitRepoConfig": GitRepoConfig,
    "WatchRule": WatchRule,
    "ClusterWatchRule": ClusterWatchRule,
}
SHORT_NAMES: dict[Kind, str] = {"GitRepoConfig": "grc", "WatchRule": "wr", "ClusterWatchRule": "cwr"}
CATEGORY = "gitops-reverser"

DEFAULTS = {(NamespacedRules, "mode"), (AccessPolicy, "allow_cluster_rules")}
"""The only defaults that the API server writes into a spec. Any other would show up as a change in what
people keep in Git."""
ATOMIC = {LabelSelector}
"""Server-side apply takes them as one value, as everywhere in Kubernetes."""

_POLICY = "!has(self.accessPolicy) || !has(self.accessPolicy.namespacedRules) || "
_SELECTOR = "has(self.accessPolicy.namespacedRules.namespaceSelector)"
_IS_FROM_SELECTOR = "self.accessPolicy.namespacedRules.mode == 'FromSelector'"
_WHERE = "accessPolicy.namespacedRules"
RULES: dict[tuple[type, str], tuple[tuple[str, str], ...]] = {
    (GitRepoConfigSpec, ""): (
        (
            f"{_POLICY}!{_SELECTOR} || {_IS_FROM_SELECTOR}",
            f"{_WHERE}.namespaceSelector has no effect unless {_WHERE}.mode is FromSelector: "
            "set the mode, or remove the selector",
        ),
        (
            f"{_POLICY}{_SELECTOR} || !({_IS_FROM_SELECTOR})",
            f"{_WHERE}.mode is FromSelector, which needs {_WHERE}.namespaceSelector",
        ),
    ),
    (GitRepoConfigSpec, "path"): (
        (
            "!self.startsWith('/') && !self.split('/').exists(part, part == '..' || part == '.')",
            "must be a folder inside the repository, such as clusters/prod: no leading /, no . or ..",
        ),
    ),
    (GitRepoConfigSpec, "window"): (
        (
            "self.matches('^([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$')",
            "must be a duration such as 500ms, 5s, 1m30s or 2h",
        ),
    ),
}
"""Struct and field, or "" for the struct itself -> expressions in CEL, and what a refusal says."""

Column = dict[str, Any]


def column(name: str, path: str, kind: str = "string", *, wide: bool = False) -> Column:
    """One column of `kubectl get`; `wide` ones are shown with `-o wide` only."""
    return {"name": name, "type": kind, "jsonPath": path} | ({"priority": 1} if wide else {})


_READY = '.status.conditions[?(@.type=="Ready")]'
_STATE = [
    column("Ready", f"{_READY}.status"),
    column("Status", f"{_READY}.message"),
    column("Age", ".metadata.creationTimestamp", "date"),
]
COLUMNS: dict[Kind, list[Column]] = {
    "GitRepoConfig": [
        column("Repo", ".spec.repoUrl"),
        column("Branch", ".spec.branch"),
        *_STATE,
        column("Commit", ".status.lastPush.commit", wide=True),
        column("Pushed", ".status.lastPush.time", "date", wide=True),
    ],
    "WatchRule": [column("GitRepoConfig", ".spec.gitRepoConfigRef.name"), *_STATE],
    "ClusterWatchRule": [
        column("GitRepoConfig", ".spec.gitRepoConfigRef.name"),
        column("Namespace", ".spec.gitRepoConfigRef.namespace"),
        *_STATE,
    ],
}

NO_STATUS = {"observedGeneration": -1}
"""Of an object that nobody has looked at: without it kstatus, and so Flux, takes the object for ready."""

_TAKEN = ("type", "enum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")
_TAKEN += ("format", "description", "required")


def files() -> dict[str, bytes]:
    """Name -> content of every file in config/crd."""
    crds = {f"{PLURALS[kind]}.yaml": HEADER + render(definition(kind)) for kind in STRUCTS}
    kustomization = {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": list(crds),
    }
    return crds | {"kustomization.yaml": HEADER + render(kustomization)}


def definition(kind: Kind) -> dict[str, Any]:
    """The CustomResourceDefinition of a kind."""
    version = {
        "name": VERSION,
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": COLUMNS[kind],
        "schema": {"openAPIV3Schema": schema(STRUCTS[kind])},
    }
    names = {
        "kind": kind,
        "listKind": f"{kind}List",
        "plural": PLURALS[kind],
        "singular": kind.lower(),
        "shortNames": [SHORT_NAMES[kind]],
        "categories": [CATEGORY],
    }
    scope = "Cluster" if kind == "ClusterWatchRule" else "Namespaced"
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{PLURALS[kind]}.{GROUP}"},
        "spec": {"group": GROUP, "scope": scope, "names": names, "versions": [version]},
    }


def schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The structural schema of a whole object; its metadata is the API server's business."""
    result = struct_schema(kind)
    text = {"type": "string"}
    result["properties"] |= {"apiVersion": text, "kind": text, "metadata": {"type": "object"}}
    result["properties"]["status"]["default"] = NO_STATUS
    result["required"] = ["spec"]
    return result


def struct_schema(kind: type[msgspec.Struct]) -> dict[str, Any]:
    """The structural schema of one struct, described by its docstring."""
    _, components = msgspec.json.schema_components([kind], ref_template="{name}")
    component = components[kind.__name__]
    properties = {}
    for field in msgspec.structs.fields(kind):
        if field.name == "metadata":
            continue
        given = component["properties"][field.encode_name]
        described = structural(given) | _description(docstrings(kind).get(field.name))
        if (kind, field.name) in DEFAULTS:
            described["default"] = given["default"]
        properties[field.encode_name] = described | _validations(kind, field.name)
    required = [name for name in component["required"] if name != "metadata"]
    return {
        "type": "object",
        **_description(inspect.getdoc(kind)),
        "properties": properties,
        **({"required": required} if required else {}),
        **({"x-kubernetes-map-type": "atomic"} if kind in ATOMIC else {}),
        **_validations(kind, ""),
    }


def structural(given: dict[str, Any]) -> dict[str, Any]:
    """A JSON schema in the form that the API server wants: references resolved, null left out."""
    if "$ref" in given:
        return struct_schema(getattr(api_types, given["$ref"]))
    if "anyOf" in given:
        (only,) = [each for each in given["anyOf"] if each.get("type") != "null"]
        return structural(only)
    result = {key: value for key, value in given.items() if key in _TAKEN or key.startswith("x-kubernetes-")}
    if "enum" in result:
        result["type"] = "string"
    for key in ("items", "additionalProperties"):
        if key in given:
            result[key] = structural(given[key])
    return result


@cache
def docstrings(kind: type) -> dict[str, str]:
    """Field of a struct -> the text under it."""
    (definition,) = ast.parse(inspect.getsource(kind)).body
    assert isinstance(definition, ast.ClassDef)
    texts = {}
    for node, after in zip(definition.body, definition.body[1:], strict=False):
        match node, after:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                texts[name] = text
    return texts


def _description(text: str | None) -> dict[str, str]:
    return {"description": " ".join(text.split())} if text else {}


def _validations(kind: type, field: str) -> dict[str, Any]:
    rules = [{"rule": rule, "message": message} for rule, message in RULES.get((kind, field), ())]
    return {"x-kubernetes-validations": rules} if rules else {}


def fields(kind: type[msgspec.Struct]) -> Iterator[tuple[str, str]]:
    """Every field below a struct as `a.b[].c`, with its description."""
    yield from _below(struct_schema(kind), "")


def _below(given: dict[str, Any], path: str) -> Iterator[tuple[str, str]]:
    for name, each in given.get("properties", {}).items():
        yield f"{path}{name}", each.get("description", "")
        yield from _below(each, f"{path}{name}.")
        yield from _below(each.get("items", {}), f"{path}{name}[].")


if __name__ == "__main__":
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        (FOLDER / name).write_bytes(content)
