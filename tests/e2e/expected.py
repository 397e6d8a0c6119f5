"""What the files should be: everything that the API server holds, sanitized by today's rules.

Read over plain HTTP with kubectl, independent of the daemon's own list and watch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from reverser.errors import WithheldError
from reverser.layout.layouts import compile_layout, path_by_setting
from reverser.manifest.emitter import render
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.document import Policy, sanitize
from reverser.sanitize.excluded_types import excluded_type
from reverser.sanitize.generated_objects import exclusion
from reverser.select.rules import CompiledRule


def resource_types(plane: Any) -> list[ResourceType]:
    """Every type of the API server that can be listed and watched, by its preferred version."""
    accept = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
    types: list[ResourceType] = []
    for root in ("/api", "/apis"):
        for group in plane.get(root, accept)["items"]:
            seen: set[str] = set()
            for version in group["versions"]:
                for row in version["resources"]:
                    verbs = tuple(row["verbs"])
                    if row["resource"] in seen or not {"list", "watch"} <= set(verbs):
                        continue
                    seen.add(row["resource"])
                    types.append(
                        ResourceType(
                            group["metadata"].get("name", ""),
                            version["version"],
                            row["resource"],
                            row["responseKind"]["kind"],
                            row["scope"] == "Namespaced",
                            verbs,
                            tuple(row.get("shortNames", ())),
                            row.get("singularResource", ""),
                            tuple(row.get("categories", ())),
                            tuple(sub["subresource"] for sub in row.get("subresources", ())),
                        )
                    )
    return types


def objects(plane: Any, resource: ResourceType) -> Iterator[dict[str, Any]]:
    """Every object of one type."""
    prefix = f"/apis/{resource.group}/{resource.version}" if resource.group else f"/api/{resource.version}"
    for item in plane.get(f"{prefix}/{resource.resource}")["items"]:
        yield {"apiVersion": resource.api_version, "kind": resource.kind, **item}


def expected_files(
    plane: Any, rule: Rule, destination: Destination, withheld: set[str] | None = None
) -> dict[str, bytes]:
    """path -> content of every file that the destination should have.

    `withheld`: gets the paths of objects of which no file can be made; without it there may be none.
    """
    compiled, layout = CompiledRule(rule, excluded_type), compile_layout(destination, path_by_setting)
    policy = Policy(style=destination.style, secrets=destination.secrets, mask_key=b"x" * 32, rules=())
    files: dict[str, bytes] = {}
    for resource in resource_types(plane):
        if not compiled.selects_type(resource) or resource.name == "secrets":
            continue
        for obj in objects(plane, resource):
            metadata = obj["metadata"]
            key = ObjectKey(
                "default", resource.group, resource.resource, metadata.get("namespace", ""), metadata["name"]
            )
            if exclusion(obj, resource) or not compiled.selects(key, metadata.get("labels", {})):
                continue
            if "deletionTimestamp" in metadata:
                continue
            path = layout(key, resource)
            try:
                files[path] = render(sanitize(obj, key, resource, policy).content)
            except WithheldError:
                if withheld is None:
                    raise
                withheld.add(path)
    return files


def difference(found: dict[str, bytes], wanted: dict[str, bytes]) -> str:
    """Empty when equal; else what differs, for a person."""
    rows = [f"missing {path}" for path in sorted(wanted.keys() - found.keys())]
    rows += [f"too many {path}" for path in sorted(found.keys() - wanted.keys())]
    rows += [
        f"differs {path}" for path in sorted(wanted.keys() & found.keys()) if wanted[path] != found[path]
    ]
    return json.dumps(rows[:20], indent=1) if rows else ""
