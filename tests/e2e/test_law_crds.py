"""The law of sanitizing for custom resources, whatever their schemas are like.

CRDs of every schema feature, and of random compositions of them, on a real API server; objects of them are
made by a POST and by server-side apply, and some are changed by a second manager. Then (a) a forced
server-side apply of the file by a new manager is accepted, (b) it changes nothing on the live object, and (c)
the object created from the file in another namespace has the same file.

It takes half a minute, and longer when `REVERSER_LAW_SECONDS` says so. `REVERSER_LAW_SEED` repeats a run.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from random import Random
from typing import Any

from reverser.manifest.emitter import render
from reverser.sanitize.document import Policy, sanitize
from tests.e2e.daemon import wait_for
from tests.e2e.law.cluster import collection, dry_run, key_of
from tests.e2e.law.difference import difference
from tests.e2e.law.schemas import FEATURES, Defined, define
from tests.e2e.servers import ControlPlane

SECONDS = float(os.environ.get("REVERSER_LAW_SECONDS", "0"))
SEED = int(os.environ.get("REVERSER_LAW_SEED", "0")) or time.time_ns() % 10**9
RANDOM = 10
"""CRDs of random compositions in each round, beside one for each feature."""
DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
YAML = {"Content-Type": "application/yaml"}
APPLY = {"Content-Type": "application/apply-patch+yaml"}
MERGE = {"Content-Type": "application/merge-patch+json"}


def test_the_law_holds_whatever_a_schema_is_like(plane: ControlPlane) -> None:
    """Of objects of random CRDs every file is accepted, changes nothing, and makes the same object again."""
    print(f"REVERSER_LAW_SEED={SEED}")
    until, counts, problems = time.monotonic() + SECONDS, Counter[str](), list[str]()
    for namespace in ("law-here", "law-there"):
        plane.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    number = 0
    while not number or (time.monotonic() < until and not problems):
        chance = Random(SEED + number)
        features = (*FEATURES, *[""] * RANDOM)
        defined = [define(number + index, chance, feature) for index, feature in enumerate(features)]
        number += len(defined)
        _serve(plane, defined)
        for each in defined:
            problems += _tried(plane, each, chance, counts)
        for each in defined:
            plane.http.delete(f"{DEFINITIONS}/{each.type.resource}.{each.type.group}")
    print(f"{number} CRDs, {counts['objects']} objects, {counts['refused']} that the API server refused")

    assert problems == [], f"REVERSER_LAW_SEED={SEED}"
    assert counts["objects"] > 10 * counts["refused"], "the objects do not fit their schemas"


def _serve(plane: ControlPlane, defined: list[Defined]) -> None:
    for each in defined:
        plane.create(DEFINITIONS, each.definition)
    for each in defined:
        path = collection(each.type, "law-here")
        wait_for(path, lambda path=path: plane.http.get(path).is_success)  # type: ignore[misc]


def _tried(plane: ControlPlane, defined: Defined, chance: Random, counts: Counter[str]) -> list[str]:
    problems: list[str] = []
    for obj in defined.objects:
        if not _made(plane, defined, obj, applied=chance.random() < 0.5):
            counts["refused"] += 1
            continue
        counts["objects"] += 1
        path = f"{collection(defined.type, 'law-here')}/{obj['metadata']['name']}"
        if chance.random() < 0.5:
            labels = {"metadata": {"labels": {"second": "manager"}, "annotations": {"a": "b"}}}
            plane.http.patch(path, params={"fieldManager": "second"}, json=labels, headers=MERGE)
        told = f"{defined.definition['spec']['versions'][0]['schema']}: {obj}"
        problems += [f"{problem}: {told}" for problem in _broken(plane, defined, path) if problem]
    return problems


def _made(plane: ControlPlane, defined: Defined, obj: dict[str, Any], *, applied: bool) -> bool:
    where = collection(defined.type, "law-here")
    if not applied:
        return plane.http.post(where, json=obj).is_success
    query = {"fieldManager": "person", "force": "true"}
    path = f"{where}/{obj['metadata']['name']}"
    return plane.http.patch(path, params=query, content=render(obj), headers=APPLY).is_success


def _broken(plane: ControlPlane, defined: Defined, path: str) -> list[str]:
    before = plane.get(path)
    content = _content(defined, before)
    after = dry_run(plane, path, render(content))
    if after.get("kind") == "Status":
        return [f"a: the file is refused: {after.get('message')}"]
    changed = difference(_unmanaged(before), _unmanaged(after))
    return [f"b: applied, it changes {changed}" if changed else "", _another(plane, defined, content)]


def _another(plane: ControlPlane, defined: Defined, content: dict[str, Any]) -> str:
    """What differs in the object that the file makes in another namespace."""
    file = {**content, "metadata": {**content["metadata"], "namespace": "law-there"}}
    where = collection(defined.type, "law-there")
    made = plane.http.post(where, content=render(file), headers=YAML)
    if not made.is_success:
        return f"c: it cannot be created again: {made.text}"
    other = difference(file, _content(defined, made.json()))
    return f"c: created again, it differs in {other}" if other else ""


def _content(defined: Defined, obj: dict[str, Any]) -> dict[str, Any]:
    key = key_of(obj, defined.type)
    full, minimal = (
        sanitize(obj, key, defined.type, Policy(style=style, secrets="mask", mask_key=b"law"))
        for style in ("full", "minimal")
    )
    assert full == minimal, "a style leaves out what a schema of somebody else's gave its default"
    return full.content


def _unmanaged(obj: dict[str, Any]) -> dict[str, Any]:
    return {**obj, "metadata": {k: v for k, v in obj["metadata"].items() if k != "managedFields"}}
