"""Objects that the API server stores and whose documents it refuses: no law can hold for them.

What the sanitizer does instead is to say so.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import yaml

from reverser.manifest.emitter import render
from reverser.model.resource import ResourceType
from reverser.sanitize.document import Policy, sanitize
from tests.e2e.law.cluster import collection, dry_run, key_of, path_of
from tests.e2e.servers import ControlPlane

_MANIFESTS = Path(__file__).parent / "duplicates.yaml"


class Odd(msgspec.Struct, frozen=True):
    """One object with two items of one merge key."""

    name: str
    warnings: tuple[str, ...]
    """What the sanitizer says about it."""
    answer: str
    """What the API server says to its document."""


def odd_objects(plane: ControlPlane, types: dict[str, ResourceType], namespace: str) -> Iterator[Odd]:
    """Make them, and apply their documents."""
    by_kind = {(each.api_version, each.kind): each for each in types.values()}
    for manifest in yaml.safe_load_all(_MANIFESTS.read_text()):
        resource = by_kind[manifest["apiVersion"], manifest["kind"]]
        obj = plane.create(collection(resource, namespace), manifest)
        key = key_of(obj, resource)
        document = sanitize(obj, key, resource, Policy(style="full", secrets="mask", mask_key=b"law"))
        answer = dry_run(plane, path_of(key, resource), render(document.content))
        yield Odd(str(key), document.warnings, answer.get("message", ""))
