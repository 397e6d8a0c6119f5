"""What a `kustomization.yaml` says of the files around it.

Of each file that it lists: whether the objects in it are built as they stand, or the file only changes
others. Of the objects that it makes: what they are called. What is built of all of them together is in
`kustomize_build`.
"""

from __future__ import annotations

import posixpath
from typing import Any

import msgspec

from reverser.manifest.nodes import UnreadableError, compose

NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
READ_MOST = 256 * 1024
_INPUTS = ("crds", "configurations", "transformers", "generators", "validators")


class Generator(msgspec.Struct, frozen=True):
    """A ConfigMap or Secret that is made by a generator."""

    kind: str
    name: str
    namespace: str
    hashed: bool
    """Its name ends in a hash of its content."""


class PatchTarget(msgspec.Struct, frozen=True):
    """Which objects a patch changes."""

    kind: str
    """Empty: of any kind."""
    name: str
    """Empty: of any name."""


class Kustomization(msgspec.Struct, frozen=True):
    """One kustomization."""

    namespace: str = ""
    """Given to all objects in it."""
    prefix: str = ""
    suffix: str = ""
    component: bool = False
    """It is included by others, for a part of their variants."""
    resources: tuple[str, ...] = ()
    """Files and folders that are built, as it names them."""
    components: tuple[str, ...] = ()
    inputs: tuple[str, ...] = ()
    """Files that are read while building, and describe no object: patches, values, configuration."""
    patches: tuple[str, ...] = ()
    """Those of `inputs` that name their object by themselves."""
    targets: tuple[PatchTarget, ...] = ()
    generated: tuple[Generator, ...] = ()


def is_kustomization(path: str) -> bool:
    """Whether a file is one by its name."""
    return posixpath.basename(path) in NAMES


def read_kustomization(text: str) -> Kustomization:
    """What it says; of one that cannot be read, nothing."""
    if len(text) > READ_MOST:
        return Kustomization()
    try:
        node = compose(text.removeprefix("\ufeff"))
    except UnreadableError:
        return Kustomization()
    data = node.data if node is not None and isinstance(node.data, dict) else {}
    patches, targets, inline = _patches(data)
    return Kustomization(
        namespace=_text(data.get("namespace")),
        prefix=_text(data.get("namePrefix")),
        suffix=_text(data.get("nameSuffix")),
        component=data.get("kind") == "Component",
        resources=(*_texts(data.get("resources")), *_texts(data.get("bases"))),
        components=_texts(data.get("components")),
        inputs=(*patches, *_inputs(data)),
        patches=patches,
        targets=(*targets, *inline),
        generated=tuple(_generated(data)),
    )


def _patches(data: dict[str, Any]) -> tuple[tuple[str, ...], list[PatchTarget], list[PatchTarget]]:
    """(files, targets that are named, targets of patches that stand in the kustomization itself)."""
    files, targets, inline = [], [], []
    for each in _maps(data.get("patches")) + _maps(data.get("patchesJson6902")):
        target, path, text = each.get("target"), _text(each.get("path")), _text(each.get("patch"))
        files += [path] if path else []
        if isinstance(target, dict):
            targets.append(PatchTarget(_text(target.get("kind")), _text(target.get("name"))))
        elif text:
            inline += _inline(text)
    for entry in _texts(data.get("patchesStrategicMerge")):
        if "\n" in entry:
            inline += _inline(entry)
        else:
            files.append(entry)
    return tuple(files), targets, inline


def _inline(text: str) -> list[PatchTarget]:
    try:
        node = compose(text)
    except UnreadableError:
        return [PatchTarget("", "")]
    data = node.data if node is not None and isinstance(node.data, dict) else {}
    metadata = data.get("metadata")
    return [
        PatchTarget(
            _text(data.get("kind")), _text(metadata.get("name") if isinstance(metadata, dict) else "")
        )
    ]


def _inputs(data: dict[str, Any]) -> list[str]:
    paths = [path for key in _INPUTS for path in _texts(data.get(key)) if "\n" not in path]
    paths += [_text(each.get("path")) for each in _maps(data.get("replacements"))]
    for each in _maps(data.get("helmCharts")):
        paths += [_text(each.get("valuesFile")), *_texts(each.get("additionalValuesFiles"))]
    for each in _maps(data.get("configMapGenerator")) + _maps(data.get("secretGenerator")):
        files = (path.partition("=")[2] or path for path in _texts(each.get("files")))
        paths += [*files, *_texts(each.get("envs")), _text(each.get("env"))]
    return [path for path in paths if path]


def _generated(data: dict[str, Any]) -> list[Generator]:
    whole = data.get("generatorOptions")
    generated = []
    for kind, key in (("ConfigMap", "configMapGenerator"), ("Secret", "secretGenerator")):
        for each in _maps(data.get(key)):
            options = [options for options in (whole, each.get("options")) if isinstance(options, dict)]
            hashed = not any(option.get("disableNameSuffixHash") is True for option in options)
            generated.append(Generator(kind, _text(each.get("name")), _text(each.get("namespace")), hashed))
    return [each for each in generated if each.name]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in value if isinstance(each, str)) if isinstance(value, list) else ()


def _maps(value: Any) -> list[dict[str, Any]]:
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []
