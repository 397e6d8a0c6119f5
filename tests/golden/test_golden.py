"""What the sanitizer does to objects, shown by example; tests/golden/corpus.py tells the file names."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
import yaml

from reverser.sanitize.defaults import DEFAULTS, OF_KIND, POD_SPEC
from reverser.sanitize.document import RULES, sanitize
from reverser.sanitize.field_path import parse_path
from reverser.sanitize.generated_objects import CHECKS, exclusion
from reverser.sanitize.metadata import (
    ANNOTATIONS,
    FINALIZERS,
    JOB_LABELS,
    LABELS,
    NAMESPACE_NAME,
    SERVER_FIELDS,
)
from reverser.sanitize.workloads import TEMPLATES
from tests.golden.corpus import (
    CASES,
    NAMES,
    Style,
    document,
    header,
    key_of,
    load,
    policy,
    resource_of,
    source,
)

STYLES: tuple[Style, ...] = ("full", "minimal")
SUFFIX = {"full": "out.yaml", "minimal": "minimal.out.yaml"}
EXPECTED = [(n, s) for n, s in product(NAMES, STYLES) if (CASES / f"{n}.{SUFFIX[s]}").exists()]
BOTH = [name for name in NAMES if {(name, style) for style in STYLES} <= set(EXPECTED)]
EXCLUDED = [name for name in NAMES if (CASES / f"{name}.excluded").exists()]
SECRETS = [name for name in NAMES if (CASES / f"{name}.secrets").exists()]


@pytest.mark.parametrize(("name", "style"), EXPECTED)
def test_a_document_is_as_expected(name: str, style: Style) -> None:
    """The object becomes exactly the expected document, with what is insignificant and odd about it."""
    path = CASES / f"{name}.{SUFFIX[style]}"
    told = header(path)

    made = document(name, style)

    assert made.content == load(path)
    assert [".".join(steps) for steps in made.insignificant] == told.get("insignificant", [])
    assert list(made.warnings) == told.get("warning", [])
    assert exclusion(source(name), resource_of(source(name))) == ""


@pytest.mark.parametrize("name", EXCLUDED)
def test_an_object_is_excluded_and_the_reason_told(name: str) -> None:
    """The object has no document, for the expected reason."""
    obj = source(name)

    assert exclusion(obj, resource_of(obj)) == (CASES / f"{name}.excluded").read_text().strip()


@pytest.mark.parametrize(("name", "style"), list(product(SECRETS, STYLES)))
def test_no_secret_survives(name: str, style: Style) -> None:
    """None of the strings that must not appear stands anywhere in the document."""
    told = yaml.safe_dump(document(name, style).content, width=10**6)
    hidden = (CASES / f"{name}.secrets").read_text().split("\n")

    assert [text for text in hidden if text and text in told] == []


@pytest.mark.parametrize(("name", "style"), EXPECTED)
def test_a_document_sanitizes_to_itself(name: str, style: Style) -> None:
    """What was written by the sanitizer needs no sanitizing."""
    once = document(name, style).content
    told = header(CASES / f"{name}.in.yaml")

    resource = resource_of(once, has_status="status" not in told)
    again = sanitize(once, key_of(once), resource, policy(name, style)).content

    assert again == once


def test_every_case_has_an_expectation_and_every_expectation_a_case() -> None:
    """No file of the corpus is left without use."""
    used = {f"{name}.in.yaml" for name in NAMES}
    used |= {f"{name}.{SUFFIX[style]}" for name, style in EXPECTED}
    used |= {f"{name}.excluded" for name in EXCLUDED} | {f"{name}.secrets" for name in SECRETS}

    assert {path.name for path in CASES.iterdir()} == used
    assert set(NAMES) == {name for name, _ in EXPECTED} ^ set(EXCLUDED)


def test_every_kind_with_a_rule_has_a_case() -> None:
    """Each kind that is treated specially, and each kind of which objects are excluded, is shown."""
    treated = {_kind(name) for name, _ in EXPECTED}
    excluded = {_kind(name) for name in EXCLUDED}

    assert RULES.keys() - treated == set()
    assert CHECKS.keys() - excluded == set()
    assert CHECKS.keys() - treated == set()


@pytest.mark.parametrize(
    ("place", "names"),
    [
        ("annotations", ANNOTATIONS),
        ("labels", (*LABELS, *JOB_LABELS, NAMESPACE_NAME)),
        ("finalizers", FINALIZERS),
        ("", SERVER_FIELDS),
    ],
)
def test_every_name_that_is_stripped_is_shown(place: str, names: tuple[str, ...]) -> None:
    """Each annotation, label, finalizer and server field stands in a case's metadata, and goes."""
    shown: set[str] = set()
    for name in {name for name, _ in EXPECTED}:
        before, after = source(name)["metadata"], load(_any_expectation(name))["metadata"]
        shown |= set(_inside(before, place)) - set(_inside(after, place))

    for name in names:
        assert name in shown or (
            name.endswith("*") and any(each.startswith(name[:-1]) and each != name for each in shown)
        )


ROWS = [(kind, path) for kind, rows in OF_KIND.items() for path, _ in rows]
INNER = [path for path, _ in (("restartPolicy", ""), *POD_SPEC)]


@pytest.mark.parametrize(("kind", "path"), ROWS, ids=lambda part: part if isinstance(part, str) else part[1])
def test_every_default_of_a_kind_is_shown(kind: tuple[str, str], path: str) -> None:
    """Each row of the table of defaults stands in a full document, and not in its minimal one."""
    assert _left_out(kind, path)


@pytest.mark.parametrize("path", INNER)
def test_every_default_of_pods_is_shown(path: str) -> None:
    """Each default of a pod spec stands in the full document of some workload, and not in its minimal one."""
    assert any(_left_out(kind, ".".join((*way, "spec", path))) for kind, way in TEMPLATES.items())


def test_pods_of_jobs_keep_their_restart_policy() -> None:
    """A Job has no default restart policy: it is never left out."""
    for kind in (("batch", "Job"), ("batch", "CronJob")):
        assert not any(path.endswith("restartPolicy") for path, _ in DEFAULTS[kind])


def _kind(name: str) -> tuple[str, str]:
    resource = resource_of(source(name))
    return resource.group, resource.kind


def _any_expectation(name: str) -> Any:
    return next(path for style in STYLES if (path := CASES / f"{name}.{SUFFIX[style]}").exists())


def _inside(metadata: dict[str, Any], place: str) -> Any:
    return metadata.get(place, ()) if place else metadata


def _left_out(kind: tuple[str, str], path: str) -> bool:
    steps = parse_path(path)
    return any(
        _count(load(CASES / f"{name}.out.yaml"), steps)
        > _count(load(CASES / f"{name}.minimal.out.yaml"), steps)
        for name in BOTH
        if _kind(name) == kind
    )


def _count(value: Any, steps: tuple[str, ...]) -> int:
    if not steps:
        return 1
    if steps[0] == "*":
        return sum(_count(item, steps[1:]) for item in value) if isinstance(value, list) else 0
    return _count(value[steps[0]], steps[1:]) if isinstance(value, dict) and steps[0] in value else 0
