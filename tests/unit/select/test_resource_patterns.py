"""Promises of patterns for resource types: what they match, mean, and have meant."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest

from reverser.app.cluster_reports import ClusterReports
from reverser.config import parse
from reverser.errors import WithheldError
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.change import Stream
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.sanitize.document import Policy, field_rules, sanitize
from reverser.select.resource_patterns import Meanings, matches, may_mean, means, names_exactly
from reverser.select.rules import CompiledRule

DEPLOYMENTS = ResourceType(
    "apps", "v1", "deployments", "Deployment", True, short_names=("deploy",), singular="deployment"
)
PODS = ResourceType("", "v1", "pods", "Pod", True, short_names=("po",), singular="pod")
WIDGETS = ResourceType("example.com", "v1beta1", "widgets", "Widget", True)
EVENTS = ResourceType("", "v1", "events", "Event", True)
NEW_EVENTS = ResourceType("events.k8s.io", "v1", "events", "Event", True)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        *((p, DEPLOYMENTS) for p in ("deployments", "deployments.apps", "deployments.v1.apps", "deploy")),
        *(
            (p, DEPLOYMENTS)
            for p in ("Deployment", "DEPLOYMENT", "deployment", "deploy.apps", "Deployment.apps")
        ),
        *((p, PODS) for p in ("pods", "po", "Pod", "pods.", "pods.v1.")),
        *((p, WIDGETS) for p in ("widgets", "widgets.example.com", "widgets.v1beta1.example.com", "Widget")),
        ("events", EVENTS),
        ("events", NEW_EVENTS),
    ],
)
def test_every_spelling_of_kubectl_names_the_type(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """Plural, singular, short name and kind, with and without group and version, name a type exactly."""
    assert matches(pattern, type)
    assert names_exactly(pattern, type)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        ("*", PODS),
        ("*", WIDGETS),
        ("*.apps", DEPLOYMENTS),
        ("*.", PODS),
        ("*.example.com", WIDGETS),
        ("*.v1.apps", DEPLOYMENTS),
    ],
)
def test_wildcards_match_but_do_not_name(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """A wildcard covers types, but does not override the default exclusions of any."""
    assert matches(pattern, type)
    assert not names_exactly(pattern, type)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        ("deployments.extensions", DEPLOYMENTS),
        ("deployments.v1beta1.apps", DEPLOYMENTS),
        ("deployments.", DEPLOYMENTS),
        ("deploymen", DEPLOYMENTS),
        ("", DEPLOYMENTS),
        ("", WIDGETS),
        ("pods.v1", PODS),
        ("*.example", WIDGETS),
        ("*.com", WIDGETS),
        ("events.events.k8s.io", EVENTS),
    ],
)
def test_other_types_are_not_meant(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """Another group, another version or half a name matches nothing."""
    assert not matches(pattern, type)


MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True, short_names=("cm",))
DATABASES = ResourceType("example.com", "v1beta1", "databases", "Database", True, short_names=("db",))
BACKUPS = ResourceType("example.com", "v1", "backups", "Backup", True)
WIDGETS_IO = ResourceType("widgets.io", "v1", "widgets", "Widget", True)
SERVED = [MAPS, DATABASES, BACKUPS, WIDGETS_IO]
SPEC = {"password": "canary"}


def written(type_: ResourceType, pattern: str) -> dict[str, Any]:
    """The document of an object of the type, where `spec.password` is sensitive by this pattern."""
    obj = {"apiVersion": type_.api_version, "kind": type_.kind, "metadata": {"name": "x"}, "spec": SPEC}
    rule = SensitiveRule((pattern,), paths=("spec.password",))
    policy = Policy(style="full", secrets="omit", mask_key=b"k", sensitive=(rule,))
    return sanitize(obj, ObjectKey("default", type_.group, type_.resource, "", "x"), type_, policy).content


def named(meanings: Meanings, *types: ResourceType) -> dict[str, ResourceType]:
    """The types by their plurals, as a session knows them."""
    return {each.resource: each for each in meanings.named("default", types)}


def again(meanings: Meanings, *patterns: str) -> Meanings:
    """After a restart: what the journal has kept."""
    return Meanings(patterns, (), meanings.changed())


@pytest.mark.parametrize(
    "pattern", ["databases.v1beta1.example.com", "db.v1beta1.example.com", "databases.v7."]
)
def test_what_is_hidden_is_hidden_in_every_version(pattern: str) -> None:
    """A rule that names a version hides the type by its group and name when another version is served."""
    group = pattern.partition(".")[2].partition(".")[2]
    newer = msgspec.structs.replace(DATABASES, version="v1", group=group)

    assert "canary" not in str(written(newer, pattern))


@pytest.mark.parametrize("pattern", ["db", "db.example.com", "database", "databases.stable.example.com"])
def test_what_a_pattern_has_matched_stays_matched(pattern: str) -> None:
    """A CRD that loses short name, singular or version of a pattern is hidden, after a restart too."""
    served = msgspec.structs.replace(DATABASES, version="stable", singular="database")
    meanings = Meanings([pattern], (), {})
    named(meanings, MAPS, served, BACKUPS, WIDGETS_IO)
    changed = msgspec.structs.replace(DATABASES, version="v2", short_names=(), singular="dbase", kind="Dbase")

    for later in (meanings, again(meanings, pattern)):
        types = named(later, MAPS, changed, BACKUPS, WIDGETS_IO)
        assert "canary" not in str(written(types["databases"], pattern))
        assert "canary" in str(written(types["backups"], pattern))


@pytest.mark.parametrize(
    ("pattern", "withheld"),
    [
        ("appset", {"databases", "backups", "widgets"}),
        ("databsaes.example.com", {"databases", "backups"}),
        ("databases.exmaple.com", {"databases"}),
        ("databases.old.io", {"databases"}),
        ("*.exmaple.com", {"databases", "backups"}),
        ("configmpas", {"configmaps", "databases", "backups", "widgets"}),
        ("certificates.cert-manager.io", set()),
    ],
)
def test_a_pattern_that_matches_nothing_withholds_what_it_could_mean(
    pattern: str, withheld: set[str]
) -> None:
    """Objects of types that it could mean have no file; all others go on."""
    types = named(Meanings([pattern], (), {}), *SERVED)

    for name in withheld:
        with pytest.raises(WithheldError, match=f"by '{re.escape(pattern)}'") as caught:
            written(types[name], pattern)
        assert caught.value.reason == "PerhapsSensitive"
        assert "canary" not in str(caught.value)
    for name in types.keys() - withheld:
        assert written(types[name], pattern)


def test_types_that_were_there_are_not_meant() -> None:
    """When what a pattern meant has gone, only types that came since could be what it means now."""
    meanings = Meanings(["db"], (), {})
    named(meanings, *SERVED)
    came = ResourceType("other.io", "v1", "stores", "Store", True)

    types = named(again(meanings, "db"), MAPS, BACKUPS, WIDGETS_IO, came)

    assert {name for name, type_ in types.items() if type_.perhaps} == {"stores"}


def test_a_type_that_has_gone_leaves_its_pattern_in_doubt_at_once() -> None:
    """What discovery lacks is followed for a while yet, but what comes in its place may be what is meant."""
    meanings = Meanings(["databases.example.com"], (), {})
    named(meanings, MAPS, DATABASES, BACKUPS)
    came = ResourceType("example.com", "v1", "stores", "Store", True)

    types = {each.resource: each for each in meanings.named("default", [*SERVED, came], {DATABASES})}

    assert {name for name, type_ in types.items() if type_.perhaps} == {"stores"}
    assert "canary" not in str(written(types["databases"], "databases.example.com"))


def test_a_pattern_that_lost_its_name_is_in_doubt_about_new_types() -> None:
    """It hides what it meant; of types that come later nobody can tell."""
    meanings = Meanings(["db"], (), {})
    named(meanings, *SERVED)
    came = ResourceType("other.io", "v1", "stores", "Store", True)

    types = named(meanings, MAPS, msgspec.structs.replace(DATABASES, short_names=()), BACKUPS, came)

    assert {name for name, type_ in types.items() if type_.perhaps} == {"stores"}


def test_a_type_that_comes_ends_the_doubt() -> None:
    """Once something is called what the pattern says, all other types are written again."""
    meanings = Meanings(["databases.example.com"], (), {})

    assert named(meanings, MAPS, BACKUPS)["backups"].perhaps
    assert not named(meanings, MAPS, BACKUPS, DATABASES)["backups"].perhaps


def test_what_is_excluded_or_stripped_stays_so() -> None:
    """The same memory serves `exclude_resources` and `[[sanitize]]`, but these withhold nothing."""
    meanings = Meanings((), ["db", "backups.v1beta1.example.com", "nothing"], {})
    named(meanings, *SERVED)
    later = Meanings((), ["db", "backups.v1beta1.example.com", "nothing"], meanings.changed())
    types = named(later, msgspec.structs.replace(DATABASES, short_names=()), BACKUPS)
    rule = CompiledRule(
        Rule("all", "live", exclude_resources=("db", "backups.v1beta1.example.com")), lambda _: ""
    )
    strip = (SanitizeRule(("db",), strip=("spec.password",)),)

    assert [rule.selects_type(type_) for type_ in types.values()] == [False, False]
    assert field_rules(strip, types["databases"]).strip == (("spec", "password"),)
    assert not any(type_.perhaps for type_ in types.values())


def test_a_version_that_is_no_version_is_a_part_of_the_group() -> None:
    """Two groups, one of which ends like the other, are two."""
    inner = ResourceType("aws.example.com", "v1", "databases", "Database", True)

    assert means("databases.aws.example.com", inner)
    assert not means("databases.aws.example.com", DATABASES)


def test_rubbish_in_the_journal_forgets_one_pattern() -> None:
    """A fact that cannot be read is as if the pattern had matched nothing yet."""
    meanings = Meanings(["appset"], (), {"meaning/appset": "{"})

    assert named(meanings, WIDGETS_IO)["widgets"].perhaps == "appset"


def test_kubernetes_own_types_are_meant_by_what_looks_like_them_alone() -> None:
    """Their names do not change: a misspelling can mean them, and a group from which they moved."""
    assert may_mean("configmpas", MAPS)
    assert may_mean("deployments.extensions", ResourceType("apps", "v1", "deployments", "Deployment", True))
    assert may_mean(
        "deployments.v1beta1.extensions", ResourceType("apps", "v1", "deployments", "Deployment", True)
    )
    assert not may_mean(
        "ingresses.example.com", ResourceType("networking.k8s.io", "v1", "ingresses", "Ingress", True)
    )
    assert not may_mean("sealedsecrets", ResourceType("", "v1", "secrets", "Secret", True))


def test_a_pattern_that_withholds_is_a_condition_while_it_does() -> None:
    """It names the pattern, some of the types, and what to do; it ends when the pattern matches."""
    text = """
    destinations = [{name = "live", url = "file:///x"}]
    rules = [{name = "all", destination = "live"}]
    clusters = [{name = "default"}]
    sensitive = [{resources = ["appset"]}]
    """
    health = Health()
    reports = ClusterReports(parse(text, {}), "default", Metrics(), health)
    doubtful = msgspec.structs.replace(WIDGETS_IO, perhaps="appset")

    reports.watching([Stream("default", doubtful), Stream("default", MAPS)])
    (condition,) = health.conditions
    assert (condition.subject, condition.reason) == ("sensitive/default/appset", "PatternMatchesNothing")
    assert "widgets.widgets.io" in condition.message
    assert "plural.group" in condition.message
    assert "configmaps" not in condition.message
    reports.watching([Stream("default", WIDGETS_IO), Stream("default", MAPS)])

    assert [each.status for each in health.conditions] == [False]
