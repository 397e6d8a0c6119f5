"""Keeps a kustomization.yaml beside the files that reverser writes, so that `kubectl apply -k` works.

[plugins]
enabled = ["kustomize"]

[plugins.kustomize]
depth = 1                  # one in each folder of the first level: each namespace, by default
destinations = ["live"]    # empty: all
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping

import msgspec

from reverser import hookimpl
from reverser.model.destination import Destination

NAME = "kustomization.yaml"
PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
MANIFEST = (".yaml", ".yml")
FEW = 4


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
def reverser_companions(
    changed: Collection[str], files: Collection[str], destination: Destination
) -> Mapping[str, str | None] | None:
    """One list a folder whose files changed; none where no file is left."""
    if settings.destinations and destination.name not in settings.destinations:
        return None
    folders = {folder for path in changed if (folder := _folder(path)) is not None}
    found: dict[str, list[str]] = {folder: [] for folder in folders}
    for path in _near(folders, files):
        folder = _folder(path)
        if folder in found and path.endswith(MANIFEST):
            found[folder].append(path.removeprefix(f"{folder}/") if folder else path)
    return {_join(folder, NAME): _list(sorted(names)) if names else None for folder, names in found.items()}


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
    lines = [f"- {name if PLAIN.fullmatch(name) else json.dumps(name)}" for name in names]
    head = ["apiVersion: kustomize.config.k8s.io/v1beta1", "kind: Kustomization", "resources:"]
    return "\n".join([*head, *lines]) + "\n"
