"""Where a quantity is compared by its meaning, and where a text is a text."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from reverser.manifest import editor
from reverser.manifest.quantity import QUANTITIES, parse, spelled_as


def _object(kind: tuple[str, str], path: str, value: Any) -> dict[str, Any]:
    """An object with one value at a path; the items of a list have names."""
    group, name = kind
    made: Any = value
    steps = path.split(".")
    for at in range(len(steps) - 1, -1, -1):
        listed = at and steps[at - 1] in LISTS and steps[at] == "*"
        made = [{"name": "x", **made} if isinstance(made, dict) else made] if listed else {steps[at]: made}
    version = f"{group}/v1" if group else "v1"
    return {"apiVersion": version, "kind": name, "metadata": {"name": "x"}, **made}


LISTS = {
    "containers",
    "initContainers",
    "ephemeralContainers",
    "env",
    "volumes",
    "items",
    "sources",
    "metrics",
}
LISTS |= {"volumeClaimTemplates"}


def _paths() -> list[tuple[tuple[str, str], str]]:
    found = []

    def walk(kind: tuple[str, str], fields: dict[str, Any], path: str) -> None:
        if not fields:
            found.append((kind, path))
        for step, below in fields.items():
            walk(kind, below, f"{path}.{step}" if path else step)

    for kind, fields in QUANTITIES.items():
        if kind == ("", "LimitRange"):
            continue  # its list is called `limits`, as maps are elsewhere: it has a test of its own
        walk(kind, fields, "")
    return found


@pytest.mark.parametrize(("kind", "path"), _paths())
def test_a_quantity_keeps_its_spelling(kind: tuple[str, str], path: str) -> None:
    """In every field that is one, what means the same is no change, and what does not is one."""
    old, new, other = (_object(kind, path, value) for value in ("1024Mi", "1Gi", "2Gi"))
    text = yaml.safe_dump(old).encode()

    assert spelled_as(new, old) == old
    assert spelled_as(other, old) == other
    assert editor.edit(text, 0, new) == text


def test_a_limit_range_keeps_its_spelling() -> None:
    """It has a list of maps of quantities."""

    def made(cpu: Any) -> dict[str, Any]:
        limits = [{"type": "Container", "max": {"cpu": cpu}, "defaultRequest": {"cpu": cpu}}]
        return {
            "apiVersion": "v1",
            "kind": "LimitRange",
            "metadata": {"name": "l"},
            "spec": {"limits": limits},
        }

    assert spelled_as(made("500m"), made(0.5)) == made(0.5)


def test_a_quantity_keeps_its_spelling_beside_a_new_item() -> None:
    """A container that comes before another does not respell what stands in that one."""

    def pod(*containers: tuple[str, str]) -> dict[str, Any]:
        listed = [
            {"name": name, "image": "a", "resources": {"limits": {"cpu": cpu}}} for name, cpu in containers
        ]
        return {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}, "spec": {"containers": listed}}

    made = spelled_as(pod(("new", "1"), ("old", "1")), pod(("old", "1000m")))

    assert made == pod(("new", "1"), ("old", "1000m"))


TEXTS: list[dict[str, Any]] = [
    {"kind": "ConfigMap", "data": {"sizeLimit": "1024Mi", "divisor": "1024Mi", "limits": "1024Mi"}},
    {"kind": "Secret", "stringData": {"averageValue": "1024Mi"}},
    {"kind": "Pod", "metadata": {"name": "x", "annotations": {"sizeLimit": "1024Mi"}}},
    {"kind": "Pod", "metadata": {"name": "x", "labels": {"capacity": "1024Mi"}}},
    {
        "kind": "Pod",
        "spec": {"nodeSelector": {"max": "1024Mi"}, "containers": [{"name": "a", "args": ["1024Mi"]}]},
    },
    {"kind": "ResourceQuota", "spec": {"scopeSelector": {"hard": {"x": "1024Mi"}}}},
    {"kind": "Widget", "apiVersion": "example.com/v1", "spec": {"resources": {"limits": {"cpu": "1024Mi"}}}},
    {
        "kind": "Deployment",
        "apiVersion": "example.com/v1",
        "spec": {"template": {"spec": {"overhead": "1024Mi"}}},
    },
]


@pytest.mark.parametrize("old", TEXTS)
def test_what_only_looks_like_a_quantity_is_a_text(old: dict[str, Any]) -> None:
    """Another spelling is another text, and is written."""
    old = {"apiVersion": "v1", "metadata": {"name": "x"}} | old
    new = yaml.safe_load(yaml.safe_dump(old).replace("1024Mi", "1Gi"))

    assert spelled_as(new, old) == new
    assert yaml.safe_load(editor.edit(yaml.safe_dump(old).encode(), 0, new)) == new


@pytest.mark.parametrize(
    "value", ["1" * 5000, 10**5000, 2**63, "1." + "0" * 200], ids=lambda value: type(value).__name__
)
def test_a_number_without_end_is_no_quantity(value: Any) -> None:
    """Digits are bounded: a longer number is compared as it is written."""
    assert parse(value) is None
