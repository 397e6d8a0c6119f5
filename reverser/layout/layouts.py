"""Where an object's file stands: a function of its key and type alone, one object one path.

`default`   {root}/{namespace or _cluster}/{resource}[.{group}]/{name}.yaml
`rest`      {root}/{group}/{version}/{resource}/{namespace}/{name}.yaml, as the API's own URLs are
`template`  a format string of the user's, checked at start (`layout.template`)

Two objects of one cluster never share a path; docs/layouts.md says why. Every path is checked
before it leaves.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TypeAlias

from reverser.layout import paths
from reverser.layout.template import fields, template_problems
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType

Layout: TypeAlias = Callable[[ObjectKey, ResourceType], str]
"""The path of an object's file, the destination's root included. Raises WithheldError(UnsafePath)."""
RelativeLayout: TypeAlias = Callable[[ObjectKey, ResourceType, Destination], str]
"""The path below the destination's root, unchecked."""

_LIKE_A_VERSION = re.compile("v[0-9]")


def path_by_setting(key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
    """The path that the destination's own `layout` gives, below its root and unchecked."""
    match destination.layout:
        case "rest":
            return _rest(key, resource)
        case "template":
            return destination.template.format_map(fields(key, resource))
    return f"{key}.yaml"


def compile_layout(destination: Destination, relative: RelativeLayout) -> Layout:
    """The destination's layout. Raises ValueError for a template that has problems."""
    if destination.layout == "template" and (problems := template_problems(destination.template)):
        raise ValueError("; ".join(problems))
    root = destination.path.strip("/")
    lead = f"{root}/" if root else ""

    def layout(key: ObjectKey, resource: ResourceType) -> str:
        path = lead + paths.shortened(relative(key, resource, destination))
        paths.check(path, root)
        return path

    return layout


def _rest(key: ObjectKey, resource: ResourceType) -> str:
    # A group that is called like a version would read as the core group; `_` opens no real group.
    group = f"_{key.group}" if _LIKE_A_VERSION.match(key.group) else key.group
    segments = [group, resource.version, key.resource, key.namespace, f"{key.name}.yaml"]
    return "/".join(filter(None, segments))
