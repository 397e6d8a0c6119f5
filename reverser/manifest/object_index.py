"""Which file describes an object: the index over the manifests of others in one folder of a branch.

    index = Descriptions()
    index.update(path, scanner.read(path, content))      for each file that is there, or has changed
    index.update(path, None)                             for one that has gone
    index.find(identity)                                 where the object is described, and why not to edit it

`scanner.read` depends on the file alone, and can be remembered by blob. What a file is to kustomize follows
from all kustomizations together, and is worked out anew when one of them has changed. More than one place
means that nobody can tell which to edit; one with a `reason` is left alone. In both cases the object gets
no file beside it: whoever applies the folder would meet it twice.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator

import msgspec

from reverser.manifest.kustomization import Target
from reverser.manifest.kustomize_build import Build, Made, Variant
from reverser.manifest.placeholders import fixed_parts, matches
from reverser.manifest.scanner import Described, Identity, Manifest

_HASH = re.compile(r"-[2456789bcdfghkmt]{10}")
"""Kustomize writes a hexadecimal hash in these letters, so that it makes no words."""
_Table = dict[tuple[str, ...], dict[str, None]]


class Place(msgspec.Struct, frozen=True):
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


class Told(msgspec.Struct, frozen=True):
    """One object that files of others describe, for people."""

    object: str
    """`ConfigMap shop/web`."""
    files: tuple[str, ...]
    reason: str = ""
    """Why it is left alone; empty: it is edited there."""
    why: str = ""


class Descriptions:
    """The objects that the files of others describe."""

    def __init__(self) -> None:
        self._files: dict[str, Manifest] = {}
        self._named: _Table = {}
        self._patterns: _Table = {}
        self._charts: dict[str, str] = {}
        self._stale = True
        self._build = Build({})
        self._made: list[Made] = []
        self._renamed: _Table = {}

    def update(self, path: str, manifest: Manifest | None) -> None:
        """A file is there, has changed, or (None) has gone."""
        before = self._files.pop(path, None)
        if before is not None:
            self._enter(path, before, gone=True)
        if manifest is not None and (manifest.objects or manifest.kustomization):
            self._files[path] = manifest
            self._enter(path, manifest, gone=False)
        folder, name = posixpath.split(path)
        if name == "Chart.yaml":
            self._charts.pop(folder, None)
            self._charts |= {folder: path} if manifest is not None else {}
        changed = [each for each in (before, manifest) if each is not None and each.kustomization is not None]
        self._stale = self._stale or bool(changed)
        if self._build.renames and not self._stale:
            self._rename(path, before, gone=True)
            self._rename(path, manifest, gone=False)

    def find(self, identity: Identity) -> list[Place]:
        """Every place that describes the object: those that surely do, or else those that may."""
        self._refresh()
        found = list(dict.fromkeys((*self._plain(identity), *self._changed(identity))))
        return [place for place in found if not place.guessed] or found

    def manifest(self, path: str) -> Manifest | None:
        """What was last told of a file."""
        return self._files.get(path)

    def told(self) -> list[Told]:
        """Every object that is described, and what becomes of it as far as the files alone tell."""
        self._refresh()
        names = {each.identity for _, each in self.objects()}
        for (group, kind, name), paths in self._renamed.items():
            spaces = {each.identity.namespace for path in paths for each in self._files[path].objects}
            names |= {Identity(group, kind, space, name) for space in spaces}
        found = ((identity, self.find(identity)) for identity in sorted(names, key=msgspec.structs.astuple))
        return [self._told(identity, places) for identity, places in found if places]

    def _told(self, identity: Identity, places: list[Place]) -> Told:
        name = f"{identity.namespace}/{identity.name}" if identity.namespace else identity.name
        files = tuple(dict.fromkeys(place.path for place in places))
        place = places[0]
        reason, why = place.reason, f"the file {place.why}" if place.reason else ""
        documents = [each for each in self._files[place.path].objects if each.index == place.index]
        if len(places) > 1:
            reason, why = "Ambiguous", "more than one document describes it"
        elif not reason and any(each.placeholders for each in documents):
            reason, why = "Templated", "the file has placeholders, and cannot be edited at one"
        return Told(f"{identity.kind} {name}", files, reason, why)

    def objects(self) -> Iterator[tuple[str, Described]]:
        """All that is described, with its file."""
        for path, manifest in self._files.items():
            yield from ((path, each) for each in manifest.objects)

    def _enter(self, path: str, manifest: Manifest, *, gone: bool) -> None:
        for each in manifest.objects:
            identity = each.identity
            parts = fixed_parts(identity.name)
            if len(parts) > 1:
                if not "".join(parts).strip("-."):
                    continue  # it could be any object of its kind
                _put(self._patterns, (identity.group, identity.kind), path, gone=gone)
            else:
                _put(self._named, (identity.group, identity.kind, identity.name), path, gone=gone)

    def _refresh(self) -> None:
        if not self._stale:
            return
        said = {path: each.kustomization for path, each in self._files.items()}
        by_folder = {posixpath.dirname(path): (path, each) for path, each in said.items() if each is not None}
        self._build = Build(by_folder)
        self._made = list(self._build.made())
        self._renamed = {}
        for path, manifest in self._files.items() if self._build.renames else ():
            self._rename(path, manifest, gone=False)
        self._stale = False

    def _rename(self, path: str, manifest: Manifest | None, *, gone: bool) -> None:
        """The names that kustomize gives the objects of a file."""
        objects = manifest.objects if manifest is not None else ()
        for variant in self._build.variants(path):
            for each in objects if variant.prefix or variant.suffix else ():
                key = (each.identity.group, each.identity.kind, _renamed(variant, each.identity.name))
                _put(self._renamed, key, path, gone=gone)

    def _plain(self, identity: Identity) -> Iterator[Place]:
        """By the name in the document, with the placeholders in it filled in."""
        key = (identity.group, identity.kind, identity.name)
        for path in (*self._named.get(key, ()), *self._patterns.get(key[:2], ())):
            for each in self._describing(path, identity):
                if matches(each.identity.name, identity.name):
                    yield from self._placed(path, each, identity, renamed=False)

    def _changed(self, identity: Identity) -> Iterator[Place]:
        """By the name that kustomize gives."""
        for path in self._renamed.get((identity.group, identity.kind, identity.name), ()):
            for each in self._describing(path, identity):
                yield from self._placed(path, each, identity, renamed=True)
        for made in self._made:
            if identity.group == "" and _generates(made, identity):
                yield Place(made.path, 0, reason="Generated", why="makes it with a generator")

    def _describing(self, path: str, identity: Identity) -> Iterator[Described]:
        if (path in self._build.inputs and path not in self._build.listed) or self._in_chart(path):
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

    def _placed(self, path: str, each: Described, identity: Identity, *, renamed: bool) -> Iterator[Place]:
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
            reason, why = self._judged(each, identity, variant, several=len(variants) > 1)
            if not reason and identity.namespace and not namespace:
                reason, why = "Ambiguous", "names no namespace"
            yield Place(path, each.index, each.identity.namespace, reason, why, anywhere or anything)

    def _judged(
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


def _put(table: _Table, key: tuple[str, ...], path: str, *, gone: bool) -> None:
    """A file into the row of `key`, or out of it; rows keep the order in which files came."""
    if not gone:
        table.setdefault(key, {})[path] = None
    elif path in table.get(key, {}):
        del table[key][path]
        if not table[key]:
            del table[key]


def _renamed(variant: Variant, name: str) -> str:
    return f"{variant.prefix}{name}{variant.suffix}"


def _covers(target: Target, kind: str, name: str) -> bool:
    """Kustomize takes both for regular expressions: one that may match does."""
    pairs = ((target.kind, kind), (target.name, name))
    return all(not text or text == value or not text.replace("-", "").isalnum() for text, value in pairs)


def _generates(made: Made, identity: Identity) -> bool:
    if made.kind != identity.kind or (made.namespace and made.namespace != identity.namespace):
        return False
    if not made.hashed:
        return made.name == identity.name
    rest = identity.name.removeprefix(made.name)
    return rest != identity.name and _HASH.fullmatch(rest) is not None
