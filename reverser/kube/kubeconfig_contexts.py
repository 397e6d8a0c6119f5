"""The contexts of a kubeconfig, for somebody who is to choose one; read without logging in."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml


class Contexts(msgspec.Struct, frozen=True):
    """What may be chosen."""

    names: tuple[str, ...] = ()
    current: str = ""
    """The one that is taken when none is chosen."""
    files: tuple[str, ...] = ()
    """Where they stand; empty where there is no kubeconfig."""


def contexts(kubeconfig: str) -> Contexts:
    """Of one file; "": of $KUBECONFIG, else ~/.kube/config. A file that cannot be read has none."""
    files = [file for each in _files(kubeconfig) if (file := Path(each).expanduser()).is_file()]
    documents = [_read(each) for each in files]
    names = [name for document in documents for name in _names(document)]
    current = next((str(each["current-context"]) for each in documents if each.get("current-context")), "")
    return Contexts(
        tuple(dict.fromkeys(names)), current, tuple(str(each) for each in files if each.is_file())
    )


def _files(kubeconfig: str) -> list[str]:
    if kubeconfig:
        return [kubeconfig]
    return [each for each in os.environ.get("KUBECONFIG", "").split(os.pathsep) if each] or ["~/.kube/config"]


def _read(file: Path) -> dict[str, Any]:
    try:
        document = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError):
        return {}
    return document if isinstance(document, dict) else {}


def _names(document: dict[str, Any]) -> Iterator[str]:
    listed = document.get("contexts")
    for each in listed if isinstance(listed, list) else ():
        if isinstance(each, dict) and each.get("name"):
            yield str(each["name"])
