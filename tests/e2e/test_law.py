"""The law of sanitizing, on a real API server, for several objects of every built-in kind.

Each sample is made by `kubectl create`, client-side apply, server-side apply and a plain POST, read
back, and sanitized in both styles. Then (a) a server-side apply of the file, forced and by a new
manager, is accepted; (b) it changes nothing on the live object; (c) the object created from the
file in another cluster sanitizes to the same file.
"""

from __future__ import annotations

import json
import os
from collections import defaultdict

import pytest

from reverser.sanitize.generated_objects import exclusion
from tests.e2e.conftest import REASON
from tests.e2e.law.difference import added, difference
from tests.e2e.law.documents import STYLES, Style, Written
from tests.e2e.law.intent import ADDED, LOST, TOLD
from tests.e2e.law.samples import RESOURCES, WAYS
from tests.e2e.law.trial import Findings, trial
from tests.e2e.servers import built

LAWS = {
    "a": "server-side apply accepts the file",
    "b": "applying the file changes nothing",
    "c": "created again elsewhere, the object has the same file",
}
NEVER_DECLARED = {
    "certificatesigningrequests.certificates.k8s.io",
    "controllerrevisions.apps",
    "csinodes.storage.k8s.io",
    "csistoragecapacities.storage.k8s.io",
    "events",
    "events.events.k8s.io",
    "ipaddresses.networking.k8s.io",
    "leases.coordination.k8s.io",
    "nodes",
    "resourceslices.resource.k8s.io",
    "volumeattachments.storage.k8s.io",
}
CUSTOM = {"records.law.example", "things.law.example"}
SEVERAL = 2
CASES = [(resource, way.name, style) for resource in RESOURCES for way in WAYS for style in STYLES]


@pytest.fixture(scope="module")
def findings(tmp_path_factory: pytest.TempPathFactory) -> Findings:
    """What the trial found."""
    if not built():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail(REASON)
        pytest.skip(REASON)
    return trial(tmp_path_factory.mktemp("law"))


@pytest.mark.parametrize("law", LAWS)
@pytest.mark.parametrize("case", CASES, ids="-".join)
def test_law(findings: Findings, law: str, case: tuple[str, str, str]) -> None:
    """Every document keeps the law, and several objects of its kind were tried."""
    assert findings.broken.get((law, case), []) == [], LAWS[law]
    assert findings.checked[law, case] >= SEVERAL


def test_every_served_type_has_samples(findings: Findings) -> None:
    """No type escapes: what discovery serves is what is sampled and the few that nobody declares."""
    assert set(findings.types) == set(RESOURCES) | NEVER_DECLARED
    assert set(RESOURCES).isdisjoint(NEVER_DECLARED)


def test_nothing_else_would_be_written(findings: Findings) -> None:
    """Of all that the cluster made by itself or from the samples, nothing gets a file."""
    own = {f"law-{way.token}{suffix}" for way in WAYS for suffix in ("", "-limited")} | CUSTOM
    written = {
        str(key)
        for key, obj in findings.found.items()
        if not exclusion(obj, findings.types[key.type_name]) and key.name not in own
    }

    assert written == {str(key) for key in findings.manifests}


@pytest.mark.parametrize("style", STYLES)
def test_documents_do_not_tell_how_objects_were_made(findings: Findings, style: Style) -> None:
    """The four ways lead to one document: beside what a person wrote, the same is added and left out."""
    found: dict[tuple[str, str], set[str]] = defaultdict(set)
    for document in findings.documents:
        if document.style == style:
            found[document.type.name, _anyway(document, document.key.name)].add(_beside(findings, document))

    told = {name for name, differences in found.items() if len(differences) > 1}
    assert told == TOLD, {name: found[name] for name in told}


def test_full_documents_lose_nothing_that_was_written(findings: Findings) -> None:
    """A full document says all that the person wrote, but for the known exceptions."""
    lost: dict[str, set[str]] = defaultdict(set)
    for document in findings.documents:
        if document.style == "full":
            lost[document.type.name] |= set(added(document.content, findings.manifests[document.key]))

    assert {name: places for name, places in lost.items() if places} == LOST


def test_minimal_documents_say_little_that_was_not_written(findings: Findings) -> None:
    """A minimal document says what the person wrote, but for the known exceptions."""
    more: dict[str, set[str]] = defaultdict(set)
    for document in findings.documents:
        if document.style == "minimal":
            more[document.type.name] |= set(added(findings.manifests[document.key], document.content))

    assert {name: places for name, places in more.items() if places} == ADDED


def test_masked_secrets_cannot_be_applied(findings: Findings) -> None:
    """Digests never overwrite the values of a Secret: the API server refuses the file."""
    assert len(findings.masked) >= SEVERAL
    assert {status for status in findings.masked.values() if status < 400} == set()


def test_what_cannot_be_applied_is_reported(findings: Findings) -> None:
    """The API server refuses a document with duplicate merge keys, and the sanitizer has said so."""
    assert len(findings.odd) >= SEVERAL
    for odd in findings.odd:
        assert "duplicate entries" in odd.answer, odd
        assert len(odd.warnings) == 1, odd


def _beside(findings: Findings, document: Written) -> str:
    return _anyway(document, difference(findings.manifests[document.key], document.content))


def _anyway(document: Written, text: str) -> str:
    return json.dumps(text).replace(document.way.token, "way")
