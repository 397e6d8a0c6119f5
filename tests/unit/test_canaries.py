"""Sensitive values of every kind stay in the sanitizer, and the search for them is not blind."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import msgspec
import pytest
import yaml

from reverser.journal.sqlite import open_journal
from reverser.manifest.diff import describe
from reverser.manifest.emitter import render
from reverser.model.entry import Append
from reverser.model.rule import SensitiveRule
from reverser.sanitize.document import Policy, sanitize
from tests.canaries import Canaries, cells
from tests.golden.corpus import key_of, resource_of
from tests.unit.journal_conformance import record

SAMPLES = Path(__file__).parents[1] / "e2e" / "law" / "samples"
KINDS = sorted(path.name.removesuffix(".yaml") for path in SAMPLES.glob("*.yaml"))
KEY = b"canaries" * 4
IDENTITY = ("apiVersion", "kind", "metadata", "status")


def objects(kind: str) -> list[dict[str, Any]]:
    """The samples that the law is tried with, one type a file."""
    return [each for each in yaml.safe_load_all((SAMPLES / f"{kind}.yaml").read_text()) if each]


def planted(obj: dict[str, Any], canaries: Canaries) -> dict[str, Any]:
    """The object with a canary in each text of its fields and its annotations."""
    fields = {name: canaries.instead(value) for name, value in obj.items() if name not in IDENTITY}
    if obj["kind"] == "Secret" and "data" in obj:
        fields["data"] = {name: canaries.encoded() for name in obj["data"]}
    metadata = {**obj["metadata"], "annotations": {"note": canaries.value()}}
    return {**obj, "metadata": metadata, **fields}


def told(obj: dict[str, Any], rule: SensitiveRule, secrets: Literal["omit", "mask"]) -> bytes:
    """All that is made of a change of the object: file, record, message."""
    type_ = resource_of(obj)
    policy = Policy(style="full", secrets=secrets, mask_key=KEY, sensitive=(rule,))
    content = sanitize(obj, key_of(obj), type_, policy).content
    before = {name: content[name] for name in ("apiVersion", "kind", "metadata")}
    lines = [*describe(before, content), *describe(content, before)]
    return render(content) + msgspec.json.encode(content) + "\n".join(lines).encode()


@pytest.mark.parametrize("secrets", ["omit", "mask"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_sensitive_kind_is_told(kind: str, secrets: Literal["omit", "mask"]) -> None:
    """Every text of every field and of the annotations, whatever the kind, when all of it is sensitive."""
    canaries, everything = Canaries(), b""
    for obj in objects(kind):
        made = planted(obj, canaries)
        everything += told(made, SensitiveRule((resource_of(made).name,)), secrets)

    assert canaries.values
    assert canaries.found(kind, everything) == []


@pytest.mark.parametrize("secrets", ["omit", "mask"])
@pytest.mark.parametrize("kind", KINDS)
def test_nothing_of_a_sensitive_field_is_told(kind: str, secrets: Literal["omit", "mask"]) -> None:
    """The same when each field is named by its path; other fields, as the annotations, are no secret then."""
    canaries, everything = Canaries(), b""
    for obj in objects(kind):
        named = {name: value for name, value in obj.items() if name.isidentifier()}
        paths = tuple(name for name in named if name not in IDENTITY)
        made = planted(named, canaries) | {"metadata": obj["metadata"]}
        canaries.values = [each for each in canaries.values if each.encode() in msgspec.json.encode(made)]
        if paths:
            everything += told(made, SensitiveRule((resource_of(made).name,), paths=paths), secrets)

    assert canaries.found(kind, everything) == []


async def test_a_leak_into_the_journal_would_be_seen(tmp_path: Path) -> None:
    """What a record keeps compressed is found, plainly and in base64."""
    canaries = Canaries()
    content = msgspec.json.encode({"kind": "Secret", "a": canaries.value(), "b": canaries.encoded()})
    async with open_journal(tmp_path) as journal:
        await journal.append(Append(records=[msgspec.structs.replace(record("a", content), digest=b"")]))

    found = [hit for place, cell in cells(tmp_path / "journal.sqlite") for hit in canaries.found(place, cell)]

    assert found == [f"{value} in records" for value in canaries.values]
