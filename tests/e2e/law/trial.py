"""Samples are made, read back and sanitized; then every document is held to the three laws.

Live is one cluster with its controllers. Elsewhere are two others without, one for each style, in
which the documents are created again: half of them by `create`, half by server-side apply. All of
it happens once, concurrently, before the first test asks what was found.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.excluded_types import excluded_type
from tests.e2e.law.cluster import Objects, key_of, prepare, settled, types_by_name
from tests.e2e.law.documents import STYLES, Style, Written, written
from tests.e2e.law.laws import Answers, accepted, recreated, refusal, unchanged
from tests.e2e.law.making import live_in, make
from tests.e2e.law.odd import Odd, odd_objects
from tests.e2e.law.samples import WAYS, manifests
from tests.e2e.servers import ControlPlane

Case = tuple[str, str, str]
"""Resource, way and style."""


class Findings(msgspec.Struct):
    """What the trial found: for each law, the documents that were checked and those that broke it."""

    types: dict[str, ResourceType]
    """What discovery served before any sample was there."""
    manifests: dict[ObjectKey, dict[str, Any]]
    """What people wrote."""
    found: Objects
    """All objects of the live cluster, but for the types that are excluded."""
    documents: list[Written]
    masked: dict[str, int]
    """The API server's answer to the file of each Secret with values."""
    odd: list[Odd]
    """What no law can hold for."""
    checked: Counter[tuple[str, Case]] = msgspec.field(default_factory=Counter)
    broken: dict[tuple[str, Case], list[str]] = msgspec.field(default_factory=lambda: defaultdict(list))

    def record(self, law: str, answers: Answers) -> None:
        """These documents were held to one law."""
        for document, problem in answers:
            place = law, (document.type.name, document.way.name, document.style)
            self.checked[place] += 1
            if problem:
                self.broken[place].append(f"{document}: {problem}")


def trial(folder: Path) -> Findings:
    """Everything that the tests ask for."""
    with ThreadPoolExecutor(len(STYLES) + 1) as pool, ControlPlane.start(folder / "live") as plane:
        # The processes of a control plane die with the thread that started them: each has its own.
        documents: dict[Style, Future[list[Written]]] = {style: Future() for style in STYLES}
        again = [pool.submit(recreated, folder / style, documents[style]) for style in STYLES]
        try:
            findings = _observed(plane, folder)
        except BaseException as error:
            for waiting in documents.values():
                waiting.set_exception(error)
            raise
        for style in STYLES:
            documents[style].set_result([each for each in findings.documents if each.style == style])
        kubectl = pool.submit(accepted, plane, findings.documents, folder)
        findings.record("b", unchanged(plane, findings.documents))
        findings.record("a", kubectl.result())
        for answers in again:
            findings.record("c", answers.result())
    return findings


def _observed(plane: ControlPlane, folder: Path) -> Findings:
    prepare(plane)
    types = types_by_name(plane)
    samples = {way: list(manifests(way, types)) for way in WAYS}
    for way in WAYS:
        make(plane, way, samples[way], folder / way.token)
        live_in(plane, way)
    found = settled(plane, [each for each in types.values() if not excluded_type(each)])
    wanted = [
        (key_of(manifest, each), manifest, each, way) for way in WAYS for each, manifest in samples[way]
    ]
    documents = [
        written(found[key], key, each, way, style) for style in STYLES for key, _, each, way in wanted
    ]
    masked = {str(each): refusal(plane, each) for each in documents if each.secret}
    odd = list(odd_objects(plane, types, WAYS[0].namespaces[0]))
    return Findings(types, {key: manifest for key, manifest, _, _ in wanted}, found, documents, masked, odd)
