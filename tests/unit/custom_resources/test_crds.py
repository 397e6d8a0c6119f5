"""The CustomResourceDefinitions in config/crd are those of the structs. `make check` runs this."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import yaml

from reverser.custom_resources.api_types import GitRepoConfig, Kind, WatchRule
from tests.e2e.seed_shapes import SEED_CRDS
from tests.tools import crd_tables
from tests.tools.crds import FOLDER, NO_STATUS, RULES, STRUCTS, definition, fields, files

BOUNDS = ("pattern", "format", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum")
MOST_BYTES = 262_144
"""What the annotation of a client-side `kubectl apply` holds."""


def schemas(given: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema with all schemas inside it."""
    yield given
    for each in (
        *given.get("properties", {}).values(),
        given.get("items"),
        given.get("additionalProperties"),
    ):
        if each:
            yield from schemas(each)


def test_the_files_are_what_the_structs_say() -> None:
    """Nobody edits config/crd by hand: the folder holds what `make crds` writes, and nothing else."""
    stored = {path.name: path.read_bytes() for path in FOLDER.iterdir()}

    assert stored.keys() == files().keys(), "run make crds"
    for name, content in files().items():
        assert stored[name] == content, f"{name}: run make crds"


def test_the_page_has_every_field() -> None:
    """The tables of docs/custom-resources.md hold each field with what the structs say of it."""
    page = crd_tables.PAGE.read_text()

    assert crd_tables.page(page) == page, "run make crds"


def test_a_client_side_apply_takes_all_of_them_with_room_to_spare() -> None:
    """Together they need less than a quarter of what kubectl can write into one object."""
    assert sum(map(len, files().values())) < MOST_BYTES / 4


@pytest.mark.parametrize("kind", STRUCTS)
def test_every_field_is_explained(kind: Kind) -> None:
    """`kubectl explain` has a sentence for each field, and it ends as sentences do."""
    described = dict(fields(STRUCTS[kind]))

    assert [name for name, text in described.items() if not text.endswith(".")] == []


@pytest.mark.parametrize("kind", STRUCTS)
def test_the_api_server_writes_two_defaults_and_no_others(kind: Kind) -> None:
    """What people keep in Git does not change because a newer schema fills in more."""
    (version,) = definition(kind)["spec"]["versions"]
    whole = version["schema"]["openAPIV3Schema"]["properties"]
    found = [each["default"] for each in schemas(whole["spec"]) if "default" in each]

    assert whole["status"]["default"] == NO_STATUS
    assert found == (["SameNamespace", False] if kind == "GitRepoConfig" else [])


def stricter(seed: dict[str, Any], ours: dict[str, Any], path: str = "") -> Iterator[str]:
    """Where our schema refuses what the seed's accepts, or stores something else."""
    if ours.get("type") != seed["type"] or ours.get("default") not in (seed.get("default"), NO_STATUS):
        yield f"{path}: type or default"
    if not set(ours.get("required", ())) <= set(seed.get("required", ())):
        yield f"{path}: required"
    if "enum" in ours and not set(seed.get("enum", ["any text"])) <= set(ours["enum"]):
        yield f"{path}: enum"
    yield from (f"{path}: {bound}" for bound in BOUNDS if ours.get(bound) not in (None, seed.get(bound)))
    for name, each in seed.get("properties", {}).items():
        yield from stricter(each, ours.get("properties", {}).get(name, {}), f"{path}.{name}")
    for inside in ("items", "additionalProperties"):
        if inside in seed:
            yield from stricter(seed[inside], ours.get(inside, {}), f"{path}[]")


@pytest.mark.parametrize(
    "seed", [*yaml.safe_load_all(SEED_CRDS.read_text())], ids=lambda each: each["metadata"]["name"]
)
def test_nothing_that_the_seed_accepted_is_refused(seed: dict[str, Any]) -> None:
    """Each field of the seed's schema is in ours, with no bound that it did not have there."""
    kind = seed["spec"]["names"]["kind"]
    theirs, ours = (
        each["spec"]["versions"][0]["schema"]["openAPIV3Schema"] for each in (seed, definition(kind))
    )

    assert [*stricter(theirs, ours, kind)] == []


def test_every_rule_in_cel_belongs_to_a_field() -> None:
    """A renamed field does not lose its rule silently."""
    for kind, field in RULES:
        assert not field or field in {each.name for each in msgspec.structs.fields(kind)}


def test_the_folder_is_a_kustomization_of_all_definitions() -> None:
    """`kubectl apply -k config/crd` installs the three kinds."""
    listed = yaml.safe_load((FOLDER / "kustomization.yaml").read_text())["resources"]

    assert [yaml.safe_load((FOLDER / name).read_text())["spec"]["names"]["kind"] for name in listed] == [
        *STRUCTS
    ]


def test_what_a_newer_release_adds_is_ignored() -> None:
    """An object with a field that this release does not know is read without it."""
    document = {"metadata": {"name": "a"}, "spec": {"repoUrl": "u", "branch": "b", "later": {"x": 1}}}

    assert msgspec.convert(document, GitRepoConfig).spec.branch == "b"


def test_a_stored_object_of_the_seed_is_read() -> None:
    """Status without observedGeneration, a condition without one, and empty lists are all read."""
    condition = {"type": "Ready", "status": "True", "reason": "Ready", "message": ""}
    document = {
        "metadata": {"name": "a", "namespace": "b"},
        "spec": {"gitRepoConfigRef": {"name": "c"}, "rules": [{"resources": ["*"], "operations": []}]},
        "status": {"conditions": [condition | {"lastTransitionTime": "2025-10-15T10:00:00Z"}]},
    }

    assert msgspec.convert(document, WatchRule).status.conditions[0].reason == "Ready"
