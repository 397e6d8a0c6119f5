"""Which file describes an object: the index over the manifests of others in one folder of a branch.

    index = ObjectIndex()
    index.update(path, scanner.read(path, content))      for each file that is there, or has changed
    index.update(path, None)                             for one that has gone
    index.find(identity)                                 where the object is described, and why not to edit it

`scanner.read` depends on the file alone, and can be remembered by blob. What a file is to kustomize follows
from all kustomizations together, and is worked out anew when one of them has changed. More than one
description means that nobody can tell which to edit; one with a `reason` is left alone. In both cases the
object gets no file beside it: whoever applies the folder would meet it twice.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import msgspec

from reverser.manifest.kustomization import PatchTarget
from reverser.manifest.kustomize_build import Build, GeneratedObject, Variant
from reverser.manifest.placeholders import fixed_parts, matches
from reverser.manifest.scanner import Described, Identity, Manifest

_HASH = re.compile(r"-[2456789bcdfghkmt]{10}")
"""Kustomize writes a hexadecimal hash in these letters, so that it makes no words."""
_Table = dict[tuple[str, ...], dict[str, None]]


class Description(msgspec.Struct, frozen=True):
    """One place that describes an object."""

    path: str
    index: int
    namespace: str = ""
    """As the document has it; kustomize may give another."""
    reason: str = ""
    """Why it is left alone; empty: it may be edited."""
    why: str = ""
    """Half a sentence about the file: `is a template`."""
    guessed: bool = False
    """It may be another object: its name or namespace is a placeholder, or nobody tells the namespace."""


class DescribedObject(msgspec.Struct, frozen=True):
    """One object that files of others describe, for people."""

    object: str
    """`ConfigMap shop/web`."""
    files: tuple[str, ...]
    reason: str = ""
    """Why it is left alone; empty: it is edited there."""
    why: str = ""


class ObjectIndex:
    """The objects that the files of others describe."""

    def __init__(self) -> None:
        self._files: dict[str, Manifest] = {}
        self._named: _Table = {}
        self._patterns: _Table = {}
        self._charts: dict[str, str] = {}
        self._stale = True
        self._build = Build({})
        self._generated: list[GeneratedObject] = []
        self._renamed: _Table = {}

    def update(self, path: str, manifest: Manifest | None) -> None:
        """A file is there, has changed, or (None) has gone."""
        before = self._files.pop(path, None)
        if before is not None:
            self._index_names(path, before, removed=True)
        if manifest is not None and (manifest.objects or manifest.kustomization):
            self._files[path] = manifest
            self._index_names(path, manifest, removed=False)
        folder, name = posixpath.split(path)
        if name == "Chart.yaml":
            self._charts.pop(folder, None)
            self._charts |= {folder: path} if manifest is not None else {}
        changed = [each for each in (before, manifest) if each is not None and each.kustomization is not None]
        self._stale = self._stale or bool(changed)
        if self._build.renames and not self._stale:
            self._index_built_names(path, before, removed=True)
            self._index_built_names(path, manifest, removed=False)

    def find(self, identity: Identity) -> list[Description]:
        """Every place that describes the object: those that surely do, or else those that may."""
        self._refresh()
        every = list(dict.fromkeys((*self._by_own_name(identity), *self._by_built_name(identity))))
        return [description for description in every if not description.guessed] or every

    def manifest(self, path: str) -> Manifest | None:
        """What the file holds, as of its last `update`."""
        return self._files.get(path)

    def report(self) -> list[DescribedObject]:
        """Every object that is described, and what becomes of it as far as the files alone tell."""
        self._refresh()
        names = {each.identity for _, each in self.objects()}
        for (group, kind, name), paths in self._renamed.items():
            spaces = {each.identity.namespace for path in paths for each in self._files[path].objects}
            names |= {Identity(group, kind, space, name) for space in spaces}
        every = ((identity, self.find(identity)) for identity in sorted(names, key=msgspec.structs.astuple))
        return [
            self._described_object(identity, descriptions) for identity, descriptions in every if descriptions
        ]

    def _described_object(self, identity: Identity, descriptions: list[Description]) -> DescribedObject:
        name = f"{identity.namespace}/{identity.name}" if identity.namespace else identity.name
        files = tuple(dict.fromkeys(description.path for description in descriptions))
        description = descriptions[0]
        reason, why = description.reason, f"the file {description.why}" if description.reason else ""
        documents = [
            each for each in self._files[description.path].objects if each.index == description.index
        ]
        if len(descriptions) > 1:
            reason, why = "Ambiguous", "more than one document describes it"
        elif not reason and any(each.placeholders for each in documents):
            reason, why = "Templated", "the file has placeholders, and cannot be edited at one"
        return DescribedObject(f"{identity.kind} {name}", files, reason, why)

    def objects(self) -> Iterator[tuple[str, Described]]:
        """All that is described, with its file."""
        for path, manifest in self._files.items():
            yield from ((path, each) for each in manifest.objects)

    def _index_names(self, path: str, manifest: Manifest, *, removed: bool) -> None:
        for each in manifest.objects:
            identity = each.identity
            parts = fixed_parts(identity.name)
            if len(parts) > 1:
                if not "".join(parts).strip("-."):
                    continue  # it could be any object of its kind
                _set(self._patterns, (identity.group, identity.kind), path, removed=removed)
            else:
                _set(self._named, (identity.group, identity.kind, identity.name), path, removed=removed)

    def _refresh(self) -> None:
        if not self._stale:
            return
        kustomizations = {path: each.kustomization for path, each in self._files.items()}
        by_folder = {
            posixpath.dirname(path): (path, each) for path, each in kustomizations.items() if each is not None
        }
        self._build = Build(by_folder)
        self._generated = list(self._build.generated_objects())
        self._renamed = {}
        for path, manifest in self._files.items() if self._build.renames else ():
            self._index_built_names(path, manifest, removed=False)
        self._stale = False

    def _index_built_names(self, path: str, manifest: Manifest | None, *, removed: bool) -> None:
        """The names that kustomize gives the objects of a file."""
        objects = manifest.objects if manifest is not None else ()
        for variant in self._build.variants(path):
            for each in objects if variant.prefix or variant.suffix else ():
                key = (each.identity.group, each.identity.kind, _renamed(variant, each.identity.name))
                _set(self._renamed, key, path, removed=removed)

    def _by_own_name(self, identity: Identity) -> Iterator[Description]:
        """By the name in the document, with the placeholders in it filled in."""
        key = (identity.group, identity.kind, identity.name)
        for path in (*self._named.get(key, ()), *self._patterns.get(key[:2], ())):
            for each in self._candidates(path, identity):
                if matches(each.identity.name, identity.name):
                    yield from self._descriptions_in(path, each, identity, renamed=False)

    def _by_built_name(self, identity: Identity) -> Iterator[Description]:
        """By the name that kustomize gives."""
        for path in self._renamed.get((identity.group, identity.kind, identity.name), ()):
            for each in self._candidates(path, identity):
                yield from self._descriptions_in(path, each, identity, renamed=True)
        for generated in self._generated:
            if identity.group == "" and _generates(generated, identity):
                yield Description(generated.path, 0, reason="Generated", why="makes it with a generator")

    def _candidates(self, path: str, identity: Identity) -> Iterator[Described]:
        if (path in self._build.inputs and path not in self._build.included) or self._in_chart(path):
            return
        for each in self._files[path].objects:
            same = (each.identity.group, each.identity.kind) == (identity.group, identity.kind)
            if same and not each.patch:
                yield each

    def _in_chart(self, path: str) -> bool:
        """Whether a file is a template of a Helm chart: it is no manifest before it is rendered."""
        parts = path.split("/templates/")
        return any("/templates/".join(parts[:count]) in self._charts for count in range(1, len(parts))) or (
            path.startswith("templates/") and "" in self._charts
        )

    def _descriptions_in(
        self, path: str, each: Described, identity: Identity, *, renamed: bool
    ) -> Iterator[Description]:
        variants = self._build.variants(path)
        for variant in variants or [Variant()]:
            if bool(variant.prefix or variant.suffix) is not renamed:
                continue
            if renamed and _renamed(variant, each.identity.name) != identity.name:
                continue
            namespace = variant.namespace or each.identity.namespace
            if identity.namespace and namespace and not matches(namespace, identity.namespace):
                continue
            anywhere = bool(identity.namespace) and (not namespace or len(fixed_parts(namespace)) > 1)
            anything = len(fixed_parts(each.identity.name)) > 1
            if anywhere and anything:
                continue  # a scaffold, from which objects of any namespace are made
            reason, why = self._reason(each, identity, variant, several=len(variants) > 1)
            if not reason and identity.namespace and not namespace:
                reason, why = "Ambiguous", "names no namespace"
            yield Description(path, each.index, each.identity.namespace, reason, why, anywhere or anything)

    def _reason(
        self, each: Described, identity: Identity, variant: Variant, *, several: bool
    ) -> tuple[str, str]:
        if each.reason:
            return each.reason, each.why
        if several:
            return "Generated", "is built into several variants by kustomize"
        if variant.component:
            return "Generated", "belongs to a kustomize component"
        if variant.prefix or variant.suffix:
            return "Generated", "is given another name by kustomize"
        if self._patched(identity.kind, each.identity.name, variant):
            return "Generated", "is patched by kustomize"
        return "", ""

    def _patched(self, kind: str, name: str, variant: Variant) -> bool:
        if any(_covers(target, kind, name) for target in variant.targets):
            return True
        files = (self._files[path] for path in variant.patches if path in self._files)
        return any(
            (each.identity.kind, each.identity.name) == (kind, name)
            for file in files
            for each in file.objects
        )


def _set(table: _Table, key: tuple[str, ...], path: str, *, removed: bool) -> None:
    """A file into the row of `key`, or out of it; rows keep the order in which files came."""
    if not removed:
        table.setdefault(key, {})[path] = None
    elif path in table.get(key, {}):
        del table[key][path]
        if not table[key]:
            del table[key]


def _renamed(variant: Variant, name: str) -> str:
    return f"{variant.prefix}{name}{variant.suffix}"


def _covers(target: PatchTarget, kind: str, name: str) -> bool:
    """Kustomize takes both for regular expressions: one that may match does."""
    pairs = ((target.kind, kind), (target.name, name))
    return all(not text or text == value or not text.replace("-", "").isalnum() for text, value in pairs)


def _generates(generated: GeneratedObject, identity: Identity) -> bool:
    if generated.kind != identity.kind or (generated.namespace and generated.namespace != identity.namespace):
        return False
    if not generated.hashed:
        return generated.name == identity.name
    rest = identity.name.removeprefix(generated.name)
    return rest != identity.name and _HASH.fullmatch(rest) is not None
