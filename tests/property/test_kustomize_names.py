"""Folders with a list of `reverser-kustomize`, built by the real kubectl.

Names, annotations and values are as odd as the API server takes them.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import reverser_kustomize as plugin
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.layout.layouts import compile_layout, path_by_setting
from reverser.manifest.emitter import render
from reverser.model.resource import ObjectKey, ResourceType
from reverser.testing import DESTINATION, TYPES, key_of, make
from tests.e2e.servers import ASSETS

KUBECTL = ASSETS / "kubectl"
TEMPLATE = "{namespace}/{kind}.{group}/{name}.yaml"
Objects = dict[str, tuple[ObjectKey, ResourceType, dict[str, Any]]]

WORDS = [
    "kustomization",
    "Kustomization",
    "resources",
    "github.com:x",
    "a?ref=b",
    "a:b",
    "r😀",
    "-",
    "null",
    "yes",
]
SEGMENTS = st.sampled_from(WORDS) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="/%"), min_size=1, max_size=20
).filter(lambda name: name not in (".", ".."))
"""Names of roles: whatever is a segment of a path."""
LABELS = st.sampled_from(["kustomization", "kustomization.yaml", "a", "web-1", "1", "null"])
ANNOTATIONS = st.sampled_from(
    [
        "config.kubernetes.io/local-config",
        "config.kubernetes.io/function",
        "config.kubernetes.io/path",
        "config.kubernetes.io/index",
        "config.kubernetes.io/origin",
        "config.k8s.io/id",
        "alpha.config.kubernetes.io/transformations",
        "internal.config.kubernetes.io/needsHashSuffix",
        "internal.config.kubernetes.io/previousNames",
        "internal.config.kubernetes.io/annotations-migration-resource-id",
        "kustomize.config.k8s.io/needs-hash",
        "kustomize.config.k8s.io/behavior",
        "example.com/note",
    ]
)
VALUES = st.sampled_from(["true", "false", "enabled", "merge", "1", "", "null"]) | st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), max_size=20
)
MADE = st.builds(
    lambda kind, role, label, notes, data: noted(make(kind, role if "Role" in kind else label), notes, data),
    st.sampled_from(["ConfigMap", "ClusterRole"]),
    SEGMENTS,
    LABELS,
    st.dictionaries(ANNOTATIONS, VALUES, max_size=2),
    st.dictionaries(st.sampled_from(["a", "true", "1"]), VALUES, min_size=1, max_size=2),
)


@pytest.fixture(autouse=True)
def _kubectl() -> None:
    if not KUBECTL.is_file():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail("no kubectl: run make test-servers")
        pytest.skip("no kubectl: run make test-servers")


def noted(obj: dict[str, Any], notes: dict[str, str], data: dict[str, str]) -> dict[str, Any]:
    """The object with these annotations; of a ConfigMap, with these values."""
    metadata = {**obj["metadata"], "annotations": notes}
    return {**obj, "metadata": metadata, **({"data": data} if obj["kind"] == "ConfigMap" else {})}


@settings(max_examples=8, phases=[Phase.explicit, Phase.generate])
@given(st.lists(MADE, min_size=1, max_size=25), st.sampled_from([0, 1, 2]), st.booleans())
def test_whatever_objects_are_called_folders_build(
    objects: list[dict[str, Any]], depth: int, template: bool
) -> None:
    """What kubectl builds of the folders is what the files say, and nothing is missing or renamed."""
    plugin.reverser_configure(plugin.Settings(depth=depth))
    layout = {"layout": "template", "template": TEMPLATE} if template else {}
    destination = type(DESTINATION)("live", "x", **layout)
    place = compile_layout(
        destination, lambda *about: plugin.reverser_layout(*about) or path_by_setting(*about)
    )
    files: dict[str, dict[str, Any]] = {}
    for obj in objects:
        key, resource = key_of(obj), TYPES[obj["kind"]]
        try:
            files[place(key, resource)] = plugin.reverser_sanitize(obj, destination) or obj
        except WithheldError:
            continue  # a name that is no path for a file
    told = plugin.reverser_companions([*files], [*files], destination, ()) or {}
    with tempfile.TemporaryDirectory() as folder:
        for path, content in files.items():
            write(Path(folder) / path, render(content))
        for path, text in told.items():
            assert path not in files
            if text is not None:
                write(Path(folder) / path, text.encode())
        built = [obj for path, text in told.items() if text for obj in build(Path(folder) / path)]

    assert sorted(map(as_text, built)) == sorted(map(as_text, map(bare, files.values())))


def write(path: Path, content: bytes) -> None:
    """Write a file in folders that may be missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def build(path: Path) -> list[dict[str, Any]]:
    """What kubectl would apply of the folder with this list."""
    made = subprocess.run([KUBECTL, "kustomize", path.parent], capture_output=True, check=False)
    assert made.returncode == 0, made.stderr
    command = [KUBECTL, "label", "--local", "-o", "json", "-f", "-", "no-such-label-"]
    read = subprocess.run(command, input=made.stdout, capture_output=True, text=False, check=True)
    decoder, text, at, found = json.JSONDecoder(), read.stdout.decode(), 0, []
    while at < len(text.rstrip()):
        value, at = decoder.raw_decode(text, at)
        found.append(bare(value))
        at += 1
    return found


def bare(obj: dict[str, Any]) -> dict[str, Any]:
    """Without maps that are empty, which say nothing."""
    metadata = {name: value for name, value in obj["metadata"].items() if value}
    return {**obj, "metadata": metadata}


def as_text(obj: dict[str, Any]) -> str:
    """Equal for equal objects."""
    return json.dumps(obj, sort_keys=True)
