"""What each rule takes away, shown by example: `cases/<kind>#<case>.in.yaml` and `.out.yaml`.

A case that ends in `.atomic` is for `atomic = true`. `.made` instead of `.out.yaml` tells why there is no
file. A case whose object comes out as it went in shows what must be kept.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest
import reverser_operators as plugin
import yaml
from reverser_operators.matching import concerns, stripped
from reverser_operators.settings import Operator, Settings
from reverser_operators.tables import TABLES

from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins import Host, Plugin
from reverser.stages.sanitize import parse_path
from reverser.testing import contract

CASES = Path(__file__).parent / "cases"
NAMES = sorted(path.name.removesuffix(".in.yaml") for path in CASES.glob("*.in.yaml"))
STRIP = [row for rows, _ in TABLES.values() for row in rows]
MADE = [row for _, rows in TABLES.values() for row in rows]


def load(name: str) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load((CASES / name).read_text())
    return content


def about(obj: dict[str, Any]) -> tuple[ObjectKey, ResourceType]:
    """The key and the type, with a plural as Kubernetes makes it."""
    group, _, version = obj["apiVersion"].rpartition("/")
    kind, metadata = obj["kind"], obj["metadata"]
    lower = kind.lower()
    plural = lower[:-1] + "ies" if lower.endswith("ry") else lower + ("es" if lower.endswith("ss") else "s")
    namespace = metadata.get("namespace", "")
    resource = ResourceType(group, version, plural, kind, bool(namespace))
    return ObjectKey("default", group, plural, namespace, metadata["name"]), resource


@pytest.mark.parametrize("name", NAMES)
def test_an_object_becomes_what_a_person_wrote(name: str) -> None:
    """The host lets through what the plugin made of it, and it is exactly the expected one."""
    obj = load(f"{name}.in.yaml")
    plugin.reverser_configure(Settings(atomic=name.endswith(".atomic")))
    hooks = Host([Plugin("operators", plugin, "")]).deciding({})
    made = CASES / f"{name}.made"

    assert hooks.leave_out(*about(obj), {}, obj) == (made.read_text().strip() if made.exists() else "")
    if not made.exists():
        assert hooks.sanitize(*about(obj), obj) == load(f"{name}.out.yaml")


@pytest.mark.parametrize("row", STRIP, ids=lambda row: row.why)
def test_every_name_of_a_rule_has_a_case(row: Any) -> None:
    """There is no annotation, label, finalizer or field in the tables that no case shows."""
    objects = [load(f"{name}.in.yaml") for name in NAMES]
    concerned = [obj for obj in objects if concerns(row, about(obj)[0].type_name, obj["metadata"])]

    assert concerned
    for part in ("annotations", "labels", "finalizers", "fields"):
        for name in getattr(row, part):
            single = msgspec.structs.replace(row, annotations=(), labels=(), finalizers=(), fields=())
            single = msgspec.structs.replace(single, **{part: (name,)})
            assert any(stripped(obj, [single]) != obj for obj in concerned), name


@pytest.mark.parametrize("row", MADE, ids=lambda row: row.reason)
def test_everything_that_is_made_has_a_case(row: Any) -> None:
    """Each reason is told of some object."""
    assert row.reason in {path.read_text().strip() for path in CASES.glob("*.made")}


def test_every_rule_names_its_source() -> None:
    """A repository and a file, and paths that can be read."""
    for source in [row.source for row in STRIP] + [row.source for row in MADE]:
        repository, _, file = source.partition(" ")
        assert repository.count("/") == 1
        assert "/" in file
    for row in STRIP:
        assert all(parse_path(field) for field in row.fields)
        assert row.annotations or row.labels or row.finalizers or row.fields


def test_contract() -> None:
    """Cleaning settles at once, and nothing is added."""
    assert contract(plugin) == []
    assert contract(plugin, {"atomic": True, "skip": ["flux"]}) == []


@pytest.mark.parametrize("name", NAMES)
def test_cleaning_settles_at_once(name: str) -> None:
    """What was cleaned is not cleaned again."""
    plugin.reverser_configure(Settings(atomic=name.endswith(".atomic")))
    obj = load(f"{name}.in.yaml")
    key, _ = about(obj)

    once = plugin.reverser_sanitize(key, obj) or obj

    assert (plugin.reverser_sanitize(key, once) or once) == once


def test_operators_can_be_left_alone() -> None:
    """Neither what is skipped nor, if so wished, what is made is looked at; all have a name to skip."""
    plugin.reverser_configure(Settings(skip=("rancher", "istio"), made=False))
    namespace, deployment = load("Namespace#rancher.in.yaml"), load("Deployment#istio-gateway.in.yaml")

    assert (plugin.reverser_sanitize(about(namespace)[0], namespace) or namespace) == namespace
    assert plugin.reverser_select(about(deployment)[0], deployment) is None
    assert {*Operator.__args__} == {*TABLES}  # type: ignore[attr-defined]
