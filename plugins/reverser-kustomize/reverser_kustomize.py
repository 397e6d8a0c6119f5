"""Keeps a kustomization.yaml beside the files that reverser writes, so that `kubectl apply -k` works.

Whatever objects are called, the folder builds, and what is built is what the files say. So an object whose
file would be called like the list has another name; annotations by which kustomize leaves objects out,
renames them, or which it takes away, are not in the files; and where a person keeps a kustomization under
another of its names there is no list of ours.

[plugins]
enabled = ["kustomize"]

[plugins.kustomize]
depth = 1                  # one in each folder of the first level: each namespace, by default
destinations = ["live"]    # empty: all
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import msgspec

from reverser import hookimpl
from reverser.errors import WithheldError
from reverser.layout.layouts import path_by_setting
from reverser.manifest.emitter import render
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType

NAME = "kustomization.yaml"
NAMES = ("kustomization.yaml", "kustomization.yml", "kustomization")
"""What kustomize takes for its own file; on some file systems, in capitals as well."""
MANIFEST = (".yaml", ".yml", ".json")
FEW = 4

OBEYED = ("config.kubernetes.io/local-config",)
"""An annotation by which kustomize leaves an object out, unless it is "false"."""
TAKEN = (
    "config.kubernetes.io/path",
    "config.kubernetes.io/index",
    "config.kubernetes.io/origin",
    "config.k8s.io/id",
    "alpha.config.kubernetes.io/transformations",
)
OWN = "internal.config.kubernetes.io/"
"""Annotations of kustomize's own, while it builds; one of them makes it rename the object."""


class Settings(msgspec.Struct, frozen=True):
    """The table `[plugins.kustomize]`."""

    depth: int = 1
    """How many folders below the destination's root; 0: one for everything."""
    destinations: tuple[str, ...] = ()
    """Names of destinations that get them; empty: all."""


settings = Settings()


@hookimpl
def reverser_settings() -> type[Settings]:
    """Its own table."""
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    """Take the settings; ValueError for a depth that makes no sense."""
    if settings.depth < 0:
        raise ValueError("depth must be 0 or more")
    globals()["settings"] = settings


@hookimpl
def reverser_layout(key: ObjectKey, resource: ResourceType, destination: Destination) -> str | None:
    """Another name for a file that would be called like the list beside it: no object's name has a `%`."""
    if not _concerned(destination):
        return None
    path = path_by_setting(key, resource, destination)
    folder, _, name = path.rpartition("/")
    if name.casefold() not in NAMES or _folder(path) != folder:
        return None
    stem, dot, extension = name.partition(".")
    return _join(folder, f"{stem}%{dot}{extension}")


@hookimpl
def reverser_sanitize(content: dict[str, Any], destination: Destination) -> dict[str, Any] | None:
    """Without the annotations that a build would obey or lose. Raises WithheldError for what breaks it."""
    if not _concerned(destination):
        return None
    if content["kind"].endswith("List") and "items" in content:
        raise WithheldError(
            "NotBuildable", "kustomize takes an object whose kind ends in List for many objects"
        )
    annotations = content["metadata"].get("annotations") or {}
    allowed = {name: value for name, value in annotations.items() if not _meant_for_kustomize(name, value)}
    if len(allowed) == len(annotations):
        return None
    metadata = {name: value for name, value in content["metadata"].items() if name != "annotations"}
    return {**content, "metadata": {**metadata, **({"annotations": allowed} if allowed else {})}}


@hookimpl
def reverser_companions(
    changed: Collection[str], files: Collection[str], destination: Destination, others: Collection[str]
) -> Mapping[str, str | None] | None:
    """One list a folder whose files changed; none where no file is left, or where a person keeps another."""
    if not _concerned(destination):
        return None
    folders = {folder for path in changed if (folder := _folder(path)) is not None}
    manifests: dict[str, list[str]] = {folder: [] for folder in folders}
    for path in _near(folders, files):
        folder = _folder(path)
        if folder in manifests and path.endswith(MANIFEST):
            manifests[folder].append(path.removeprefix(f"{folder}/") if folder else path)
    theirs = {path for path in others if path.rpartition("/")[2].casefold() in NAMES}
    return {
        _join(folder, NAME): None if not names or _has_other_list(folder, theirs) else _list(sorted(names))
        for folder, names in manifests.items()
    }


def _concerned(destination: Destination) -> bool:
    return not settings.destinations or destination.name in settings.destinations


def _meant_for_kustomize(name: str, value: str) -> bool:
    return name.startswith(OWN) or name in TAKEN or (name in OBEYED and value != "false")


def _has_other_list(folder: str, theirs: Collection[str]) -> bool:
    """Whether somebody keeps one in the folder: `kustomization.yaml` itself the host leaves alone."""
    return any(path.rpartition("/")[0] == folder and path != _join(folder, NAME) for path in theirs)


def _near(folders: Collection[str], files: Collection[str]) -> Collection[str]:
    """What may be in these folders: most commits change one, and there may be ten thousands of files."""
    if len(folders) > FEW:
        return files
    leads = tuple(f"{folder}/" if folder else "" for folder in folders)
    return [path for path in files if path.startswith(leads)]


def _folder(path: str) -> str | None:
    """The folder whose list has this file; None for files above all lists."""
    parts = path.split("/", settings.depth)
    return "/".join(parts[:-1]) if len(parts) > settings.depth else None


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name


def _list(names: Collection[str]) -> str:
    head = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
    return render({**head, "resources": [*names]}).decode()
