"""The golden cases: what an object looks like on the server, and what its document must be.

`<kind>#<case>.in.yaml` is the object. `<kind>#<case>.out.yaml` is its document, and
`<kind>#<case>.minimal.out.yaml` the one in style `minimal`; `<kind>#<case>.excluded` says instead
why there is none. `<kind>#<case>.secrets` lists strings that must not appear, one a line.

The first lines may be comments of the form `# name: value`. In an object: `# scaled: true` (an
autoscaler names it), `# status: field` (its CRD has no status subresource), `# suspicious: mask`
(the destination masks what looks like a secret). In a document: `# insignificant: spec.replicas`
and `# warning: …`.
"""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from typing import Any, Literal

import yaml

from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.document import Document, Policy, sanitize

CASES = Path(__file__).parent / "cases"
KEY = b"golden" * 5
NAMES = sorted(path.name.removesuffix(".in.yaml") for path in CASES.glob("*.in.yaml"))
_HEADER = re.compile(r"# (\w+): (.*)")

Style = Literal["full", "minimal"]


@cache
def load(path: Path) -> dict[str, Any]:
    """The YAML of a file; timestamps are texts, as in the API's JSON."""
    content: dict[str, Any] = yaml.load(path.read_text(), _Texts)
    return content


def header(path: Path) -> dict[str, list[str]]:
    """name -> values of the comments at the top."""
    found: dict[str, list[str]] = {}
    for line in path.read_text().splitlines():
        match = _HEADER.fullmatch(line)
        if match is None:
            break
        found.setdefault(match[1], []).append(match[2])
    return found


def source(name: str) -> dict[str, Any]:
    """The object of a case."""
    return load(CASES / f"{name}.in.yaml")


def resource_of(obj: dict[str, Any], *, has_status: bool = True) -> ResourceType:
    """The type of an object, as discovery would tell it."""
    group, _, version = obj["apiVersion"].rpartition("/")
    kind = obj["kind"]
    plural = re.sub("y$", "ie", kind.lower()).removesuffix("s") + "s"
    subresources = ("status",) if has_status else ()
    return ResourceType(group, version, plural, kind, True, subresources=subresources)


def key_of(obj: dict[str, Any]) -> ObjectKey:
    """The key of an object."""
    resource, metadata = resource_of(obj), obj["metadata"]
    return ObjectKey(
        "default", resource.group, resource.resource, metadata.get("namespace", ""), metadata.get("name", "")
    )


def policy(name: str, style: Style) -> Policy:
    """What the destination of a case wants."""
    masks = header(CASES / f"{name}.in.yaml").get("suspicious") == ["mask"]
    return Policy(style=style, secrets="mask", mask_key=KEY, suspicious="mask" if masks else "flag")


def document(name: str, style: Style) -> Document:
    """What the sanitizer makes of a case."""
    obj, told = source(name), header(CASES / f"{name}.in.yaml")
    resource = resource_of(obj, has_status="status" not in told)
    return sanitize(obj, key_of(obj), resource, policy(name, style), scaled="scaled" in told)


class _Texts(yaml.SafeLoader):
    """Reads no timestamps."""


_Texts.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
