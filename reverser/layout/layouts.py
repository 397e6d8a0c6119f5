"""Where an object's file stands: a function of its key and type alone, one object one path.

`default`   {root}/{namespace or _cluster}/{resource}[.{group}]/{name}.yaml
`rest`      {root}/{group}/{version}/{resource}/{namespace}/{name}.yaml, as the API's own URLs are
`template`  a format string of the user's, as `{namespace}/{kind}.{group}/{name}.yaml`

Two objects of one cluster never share a path; docs/layouts.md says why. Every path is checked before it
leaves. A template is refused at start unless every path it makes leads back to one object: it mentions
everything that tells objects apart, and fields in one segment stand apart by a character that one of them
cannot hold.
"""

from __future__ import annotations

import re
import string
from collections.abc import Callable
from itertools import pairwise
from typing import TypeAlias

from reverser.errors import WithheldError
from reverser.layout import paths
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


_LOWER = frozenset(string.ascii_lowercase + string.digits + "-")
_ALPHABETS = {
    "cluster": None,
    "group": _LOWER | {"."},
    "version": _LOWER - {"-"},
    "resource": _LOWER,
    "kind": frozenset(string.ascii_letters + string.digits),
    "namespace": _LOWER,
    "name": None,
}
"""Which characters a field can hold after its first; None: any but `/` and `%`."""


def fields(key: ObjectKey, resource: ResourceType) -> dict[str, str]:
    """What fills a template; objects without namespace and the core group have a word each."""
    return {
        "cluster": key.cluster,
        "group": key.group or "_core",
        "version": resource.version,
        "resource": key.resource,
        "kind": resource.kind,
        "namespace": key.namespace or "_cluster",
        "name": key.name,
    }


def template_problems(text: str) -> list[str]:
    """What is wrong with a template, a sentence each; empty when it can be used."""
    try:
        parts = list(string.Formatter().parse(text))
    except ValueError as error:
        return [f"not a template: {error}"]
    names = [name for _, name, _, _ in parts if name is not None]
    strange = [
        f"unknown field {{{name}}}; known are {', '.join(_ALPHABETS)}"
        for name in names
        if name not in _ALPHABETS
    ]
    if any(spec or conversion for _, _, spec, conversion in parts):
        strange.append("fields stand alone in their braces: no `!` and no `:`")
    return strange or _missing(set(names)) + _ambiguous(text) + _unsafe(text)


def separates_clusters(text: str) -> bool:
    """Whether the paths of two clusters differ, so that both may use one destination."""
    return not template_problems(text) and "cluster" in (
        name for _, name, _, _ in string.Formatter().parse(text)
    )


def _missing(names: set[str]) -> list[str]:
    wanted = ["group", "resource" if "kind" not in names else "kind", "namespace", "name"]
    return [
        f"{{{name}}} is missing: without it two objects could share one file"
        for name in wanted
        if name not in names
    ]


def _unsafe(text: str) -> list[str]:
    sample = dict.fromkeys(_ALPHABETS, "x")
    problems = [] if text.endswith((".yaml", ".yml")) else ["the path must end in .yaml or .yml"]
    if "%" in text:
        problems.append("% is kept for shortened names")
    try:
        paths.check(text.format_map(sample))
    except WithheldError as error:
        problems.append(error.message)
    return problems


def _ambiguous(text: str) -> list[str]:
    return [
        f"`{segment}` does not tell where one field ends and the next begins"
        for segment in text.split("/")
        if not _decodable(segment)
    ]


def _decodable(segment: str) -> bool:
    """Whether all fields but one can be cut off at the beginning or at the end."""
    parts = [(before, name) for before, name, _, _ in string.Formatter().parse(segment) if name]
    gaps = [(before, gap, after) for (_, before), (gap, after) in pairwise(parts)]
    forward = [bool(gap) and not _holds(before, gap[0]) for before, gap, _ in gaps]
    backward = [bool(gap) and not _holds(after, gap[-1]) for _, gap, after in gaps]
    return any(all(forward[:cut]) and all(backward[cut:]) for cut in range(len(gaps) + 1))


def _holds(field: str, character: str) -> bool:
    alphabet = _ALPHABETS[field]
    return alphabet is None or character in alphabet
