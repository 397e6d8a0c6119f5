"""The three laws, each a check of documents; an answer is a problem, empty where there is none."""

from __future__ import annotations

from collections import defaultdict
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from tests.e2e.law.cluster import Objects, dry_run, everything, prepare, types_by_name, version
from tests.e2e.law.difference import difference
from tests.e2e.law.documents import FULL, Style, Written, content_of
from tests.e2e.law.making import write
from tests.e2e.law.samples import Way
from tests.e2e.servers import ControlPlane

ATTEMPTS = 5
Answers = list[tuple[Written, str]]
_RECREATE = (("create",), ("apply", "--server-side"))


def accepted(plane: ControlPlane, documents: list[Written], folder: Path) -> Answers:
    """Law a: kubectl applies every file, in a dry run of the server, by force, as a new manager."""
    groups: dict[tuple[Way, Style], list[Written]] = defaultdict(list)
    for document in documents:
        groups[document.way, document.style].append(document)
    answers: Answers = []
    for (way, style), group in groups.items():
        files = folder / f"{way.token}-{style}-files"
        write(files, [each.file for each in group])
        flags = ("--server-side", "--dry-run=server", "--force-conflicts", "--field-manager=law", "-o=name")
        names = plane.kubectl("apply", *flags, "-f", str(files), check=False).split()
        answers += [(each, "" if each.kubectl_name in names else "refused by kubectl") for each in group]
    return answers


def unchanged(plane: ControlPlane, documents: list[Written]) -> Answers:
    """Law b: applied to the live object, the file changes nothing."""
    return [(document, _change(plane, document)) for document in documents]


def _change(plane: ControlPlane, document: Written) -> str:
    """Asked again when a controller wrote in between."""
    problem = ""
    for _ in range(ATTEMPTS):
        before = plane.get(document.path)
        after = dry_run(plane, document.path, document.file)
        problem = difference(_unmanaged(before), _unmanaged(after))
        if not problem or version(plane.get(document.path)) == version(before):
            return problem
    return f"never stood still; {problem}"


def refusal(plane: ControlPlane, secret: Written) -> int:
    """The HTTP status that answers the application of a Secret's file with its digests."""
    return int(dry_run(plane, secret.path, secret.masked).get("code", 200))


def recreated(folder: Path, documents: Future[list[Written]]) -> Answers:
    """Law c: created again in another cluster, the object sanitizes to the same document.

    Also to the same full one, or else the style `minimal` would have left out more than defaults.
    """
    with ControlPlane.start(folder, controllers=False) as plane:
        prepare(plane)
        types = types_by_name(plane)
        wanted = documents.result()
        for number, verb in enumerate(_RECREATE):
            files = folder / f"files{number}"
            write(files, [each.file for each in wanted if each.way.number % 2 == number])
            plane.kubectl(*verb, "-f", str(files), check=False)
        found = everything(plane, {types[each.type.name] for each in wanted})
    return [(each, _another(each, found)) for each in wanted]


def _another(document: Written, found: Objects) -> str:
    obj = found.get(document.key)
    if obj is None:
        return "could not be created elsewhere"
    contents = (content_of(obj, document.key, document.type, style) for style in (document.style, FULL))
    return difference([document.content, document.full], list(contents))


def _unmanaged(obj: dict[str, Any]) -> dict[str, Any]:
    metadata = obj.get("metadata", {})
    return {**obj, "metadata": {k: v for k, v in metadata.items() if k != "managedFields"}}
