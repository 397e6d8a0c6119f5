"""Where an object's file stands: a function of its key and type alone, one object one path.

`default`   {root}/{namespace or _cluster}/{resource}[.{group}]/{name}.yaml
`rest`      {root}/{group}/{version}/{resource}/{namespace}/{name}.yaml, as the API's own URLs are
`template`  a format string of the user's, checked at start (`stages.template`)

Two objects of one cluster never share a path; docs/layouts.md says why. Every path is checked
before it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType
from reverser.stages import paths
from reverser.stages.template import fields, template_problems

Layout: TypeAlias = Callable[[ObjectKey, ResourceType], str]
"""The path of an object's file, the destination's root included. Raises WithheldError(UnsafePath)."""

_LIKE_A_VERSION = re.compile("v[0-9]")


def compile_layout(destination: Destination) -> Layout:
    """The destination's layout. Raises ValueError for a template that has problems."""
    form = _forms(destination)[destination.layout]
    root = destination.path.strip("/")
    lead = f"{root}/" if root else ""

    def layout(key: ObjectKey, resource: ResourceType) -> str:
        path = lead + "/".join(map(paths.shorten, form(key, resource).split("/")))
        paths.check(path, root)
        return path

    return layout


def _forms(destination: Destination) -> dict[str, Layout]:
    def templated(key: ObjectKey, resource: ResourceType) -> str:
        return destination.template.format_map(fields(key, resource))

    if destination.layout == "template":
        problems = template_problems(destination.template)
        if problems:
            raise ValueError("; ".join(problems))
    return {"default": _default, "rest": _rest, "template": templated}


def _default(key: ObjectKey, _: ResourceType) -> str:
    return f"{key}.yaml"


def _rest(key: ObjectKey, resource: ResourceType) -> str:
    # A group that is called like a version would read as the core group; `_` opens no real group.
    group = f"_{key.group}" if _LIKE_A_VERSION.match(key.group) else key.group
    segments = [group, resource.version, key.resource, key.namespace, f"{key.name}.yaml"]
    return "/".join(filter(None, segments))
