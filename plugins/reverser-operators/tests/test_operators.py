"""What each rule takes away, shown by example: `cases/<kind>#<case>.in.yaml` and `.out.yaml`.

A case that ends in `.atomic` is for `atomic = true`. `.made` instead of `.out.yaml` tells why there is no
file. A case whose object comes out as it went in shows what must be kept.

The objects of the cases have no managedFields: `live` gives them those that such an object has, in which the
operator owns what goes, and a person the rest.
"""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import msgspec
import pytest
import reverser_operators as plugin
import yaml
from reverser_operators.rule import concerns, stripped
from reverser_operators.settings import Operator, Settings
from reverser_operators.tables import TABLES

from reverser.builtin_hooks import BUILT_IN, BuiltInHooks
from reverser.model.owners import Owners
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins import Host, Plugin
from reverser.sanitize.field_path import parse_path
from reverser.sanitize.managed_fields import managers_of
from reverser.testing import DESTINATION, contract

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


def fields_of(value: Any) -> dict[str, Any]:
    """What somebody owns who wrote the value, as managedFields have it; lists as a whole."""
    return {f"f:{key}": fields_of(item) for key, item in value.items()} if isinstance(value, dict) else {}


def managed(*writers: tuple[str, dict[str, Any]], version: str) -> dict[str, Any]:
    """An object's part that tells who wrote what."""
    rows = []
    for manager, content in writers:
        tree = fields_of({key: value for key, value in content.items() if key not in ("apiVersion", "kind")})
        metadata = content.get("metadata", {})
        if "finalizers" in metadata:
            tree["f:metadata"]["f:finalizers"] = {f'v:"{each}"': {} for each in metadata["finalizers"]}
        rows.append({"manager": manager, "apiVersion": version, "operation": "Update", "fieldsV1": tree})
    return {"metadata": {"managedFields": rows}}


def less(whole: Any, part: Any) -> Any:
    """What is in the first and not in the second."""
    if isinstance(whole, dict) and isinstance(part, dict):
        left = {key: less(value, part.get(key)) for key, value in whole.items() if value != part.get(key)}
        return {key: value for key, value in left.items() if value != {}}
    if isinstance(whole, list) and isinstance(part, list):
        return [each for each in whole if each not in part]
    return whole


def owners(name: str, by: str = "") -> Owners:
    """Of the object of a case: all of it is somebody's, or what goes is the operator's."""
    obj, left = load(f"{name}.in.yaml"), CASES / f"{name}.out.yaml"
    writers = [(by or managers_for(name)[0].replace("*", "x"), obj)]
    if not by and left.exists():
        writers = [(writers[0][0], less(obj, load(left.name))), ("kubectl-edit", load(left.name))]
    return managers_of(managed(*writers, version=obj["apiVersion"]), obj["apiVersion"])


def nobodys(obj: dict[str, Any]) -> Owners:
    """Of an object of which somebody has written one field that no rule is about."""
    written = {"metadata": {"labels": {"example.com/x": "y"}}}
    return managers_of(managed(("kubectl-edit", written), version=obj["apiVersion"]), obj["apiVersion"])


def managers_for(name: str) -> tuple[str, ...]:
    """The field managers of the operator that the case is about."""
    operator = name.partition("#")[2].partition(".")[0]
    table = next(
        (each for each in sorted(TABLES, key=len, reverse=True) if operator.startswith(each)), "flux"
    )
    rows = [*TABLES[table][0], *TABLES[table][1]]
    found: tuple[str, ...] = rows[0].managers
    return found


def live(name: str, by: str = "") -> dict[str, Any]:
    """The object of a case as the API server has it."""
    obj = load(f"{name}.in.yaml")
    rows = owners(name, by)._obj["metadata"]["managedFields"]  # type: ignore[attr-defined]
    return {**obj, "metadata": {**obj["metadata"], "managedFields": rows}}


@pytest.mark.parametrize("name", NAMES)
def test_an_object_becomes_what_a_person_wrote(name: str) -> None:
    """The host lets through what the plugin made of it, and it is exactly the expected one."""
    obj = load(f"{name}.in.yaml")
    plugin.reverser_configure(Settings(atomic=name.endswith(".atomic")))
    hooks = Host([Plugin("operators", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))
    made = CASES / f"{name}.made"

    reason = made.read_text().strip() if made.exists() else ""
    assert hooks.leave_out(*about(obj), {}, live(name)) == reason
    if not made.exists():
        assert hooks.sanitize(*about(obj), obj, DESTINATION, live(name)) == load(f"{name}.out.yaml")


@pytest.mark.parametrize("name", [name for name in NAMES if not name.endswith(".atomic")])
def test_what_somebody_else_owns_stays(name: str) -> None:
    """A person who sets what the operator would have set means it, and so does who deploys for a person."""
    obj = load(f"{name}.in.yaml")
    plugin.reverser_configure(Settings())
    hooks = Host([Plugin("operators", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))

    for by in ("kubectl-edit", "helm", "argocd-application-controller", "kustomize-controller"):
        if not any(fnmatchcase(by, glob) for glob in managers_for(name)):
            assert hooks.sanitize(*about(obj), obj, DESTINATION, live(name, by)) == obj
            assert hooks.leave_out(*about(obj), {}, live(name, by)) == ""


def test_an_object_that_tells_nothing_of_its_writers_stays() -> None:
    """Neither is anything taken away, nor is it left out."""
    plugin.reverser_configure(Settings())
    hooks = Host([Plugin("operators", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))
    for name in NAMES:
        obj = load(f"{name}.in.yaml")
        assert hooks.sanitize(*about(obj), obj, DESTINATION, obj) == obj
        assert hooks.leave_out(*about(obj), {}, obj) == ""


def test_what_nobody_owns_was_set_while_the_object_was_admitted() -> None:
    """An API server that allocates a host, or a webhook that notes who wrote, is no field manager."""
    plugin.reverser_configure(Settings())
    hooks = Host([Plugin("operators", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))
    for name in ("Route#openshift-generated", "Service#knative"):
        obj, left = load(f"{name}.in.yaml"), load(f"{name}.out.yaml")
        told = managed(("kubectl-create", left), version=obj["apiVersion"])
        assert hooks.sanitize(*about(obj), obj, DESTINATION, told) == left


def test_a_host_that_looks_like_nobody_s_invention_stays() -> None:
    """A generated host begins with the name and the namespace, whoever owns it."""
    plugin.reverser_configure(Settings())
    route = load("Route#openshift-generated.in.yaml")
    route["spec"]["host"] = "www.example.com"
    told = managed(
        ("kubectl-create", load("Route#openshift-generated.out.yaml")), version=route["apiVersion"]
    )
    hooks = Host([Plugin("operators", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))

    assert hooks.sanitize(*about(route), route, DESTINATION, told)["spec"]["host"] == "www.example.com"


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
            assert any(stripped(obj, [single], nobodys(obj)) != obj for obj in concerned), name


@pytest.mark.parametrize("row", MADE, ids=lambda row: row.reason)
def test_everything_that_is_made_has_a_case(row: Any) -> None:
    """Each reason is told of some object."""
    assert row.reason in {path.read_text().strip() for path in CASES.glob("*.made")}


def test_every_rule_names_its_source() -> None:
    """The operator's own code or documentation, by its address, and paths that can be read."""
    for row in (*STRIP, *MADE):
        for url in [row.source] if isinstance(row.source, str) else row.source:
            assert re.fullmatch(
                r"https://(github\.com/[\w.-]+/[\w.-]+/blob/[0-9a-f]{40}/|docs\.openshift\.com/)\S+", url
            )
        assert row.managers
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

    once = plugin.reverser_sanitize(key, obj, owners(name)) or obj

    assert (plugin.reverser_sanitize(key, once, owners(name)) or once) == once


def test_operators_can_be_left_alone() -> None:
    """Neither what is skipped nor, if so wished, what is made is looked at; all have a name to skip."""
    plugin.reverser_configure(Settings(skip=("rancher", "istio"), generated=False))
    namespace, deployment = load("Namespace#rancher.in.yaml"), load("Deployment#istio-gateway.in.yaml")

    told = owners("Namespace#rancher")
    assert (plugin.reverser_sanitize(about(namespace)[0], namespace, told) or namespace) == namespace
    assert plugin.reverser_select(*about(deployment), deployment) is None
    assert {*Operator.__args__} == {*TABLES}  # type: ignore[attr-defined]
