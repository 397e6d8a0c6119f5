"""Which variants of a file kustomize builds: the chain of kustomizations from the file to the outermost one.

In goes what each folder's kustomization says; out comes, for a file, one `Variant` for each outermost
kustomization that includes it. A file that none lists has no variant: it is applied as it stands.
"""

from __future__ import annotations

import itertools
import posixpath
from collections.abc import Iterator, Mapping

import msgspec

from reverser.manifest.kustomization import Generator, Kustomization, PatchTarget

STEPS_MOST = 50
VARIANTS_MOST = 16
"""More are not told apart: two are already too many to edit their base."""


class Variant(msgspec.Struct, frozen=True):
    """What one outermost kustomization makes of a file."""

    namespace: str = ""
    """Given to all its objects; empty: they keep their own."""
    prefix: str = ""
    suffix: str = ""
    component: bool = False
    targets: tuple[PatchTarget, ...] = ()
    """What patches on the way change."""
    patches: tuple[str, ...] = ()
    """Files of patches on the way that name their object by themselves."""


class GeneratedObject(msgspec.Struct, frozen=True):
    """An object that a generator makes, under the name that it gets."""

    path: str
    """The kustomization's file."""
    kind: str
    name: str
    hashed: bool
    namespace: str


class Build:
    """All kustomizations of one folder tree, by the folder each stands in."""

    def __init__(self, kustomizations: Mapping[str, tuple[str, Kustomization]]) -> None:
        """folder -> (path of the file, what it says)."""
        self._all = kustomizations
        self._parents: dict[str, list[str]] = {}
        self.inputs: set[str] = set()
        """Files that describe no object."""
        for folder, (_, each) in kustomizations.items():
            for entry in (*each.resources, *each.components):
                self._parents.setdefault(_resolved(folder, entry), []).append(folder)
            self.inputs.update(_resolved(folder, entry) for entry in each.inputs)
        self.included = self._parents.keys()
        """Files and folders that some kustomization includes."""

    @property
    def renames(self) -> bool:
        """Whether any name is changed while building."""
        return any(each.prefix or each.suffix for _, each in self._all.values())

    def variants(self, path: str) -> list[Variant]:
        """What becomes of a file, at most 16 of them."""
        if path not in self._parents:
            return []
        return [self._variant(chain) for chain in itertools.islice(self._chains(path, ()), VARIANTS_MOST)]

    def generated_objects(self) -> Iterator[GeneratedObject]:
        """What generators make, in every variant."""
        for folder, (path, each) in self._all.items():
            for generated in each.generated:
                for variant in self.variants(folder) or [Variant()]:
                    yield self._generated_object(path, each, generated, variant)

    def _generated_object(
        self, path: str, own: Kustomization, generated: Generator, variant: Variant
    ) -> GeneratedObject:
        name = f"{variant.prefix}{own.prefix}{generated.name}{own.suffix}{variant.suffix}"
        namespace = variant.namespace or own.namespace or generated.namespace
        return GeneratedObject(path, generated.kind, name, generated.hashed, namespace)

    def _chains(self, path: str, below: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
        """Folders from the innermost to the outermost kustomization that includes `path`."""
        parents = [folder for folder in self._parents.get(path, ()) if folder not in below]
        if below and (not parents or len(below) == STEPS_MOST):
            yield below
            return
        for folder in parents:
            yield from self._chains(folder, (*below, folder))

    def _variant(self, chain: tuple[str, ...]) -> Variant:
        steps = [self._all[folder][1] for folder in chain]
        outer = steps[::-1]
        touching = [(folder, self._all[folder][1]) for folder in self._with_components(chain)]
        return Variant(
            namespace=next((each.namespace for each in outer if each.namespace), ""),
            prefix="".join(each.prefix for each in outer),
            suffix="".join(each.suffix for each in steps),
            component=any(each.component for each in steps),
            targets=tuple(target for _, each in touching for target in each.targets),
            patches=tuple(_resolved(folder, path) for folder, each in touching for path in each.patches),
        )

    def _with_components(self, chain: tuple[str, ...]) -> list[str]:
        folders = list(chain)
        for folder in folders:
            parts = (_resolved(folder, entry) for entry in self._all[folder][1].components)
            folders += [part for part in parts if part in self._all and part not in folders]
        return folders


def _resolved(folder: str, entry: str) -> str:
    path = posixpath.normpath(posixpath.join(folder, entry))
    return "" if path == "." else path
