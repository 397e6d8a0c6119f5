"""Subjects are Conventional Commits, whatever a commit is made from."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
import reverser_conventional as plugin
from reverser_conventional.settings import Settings, TypeRule

from reverser.model.change import Operation, Origin
from reverser.model.commit import CommitPlan
from reverser.model.entry import Along
from reverser.model.message import Message
from reverser.model.rule import Actors
from reverser.testing import ACTORS, contract, make, plan

CONVENTIONAL = re.compile(r"[a-z]+(\([^()\s]+\))?!?: \S.*")
WEB = make("Deployment")
EXCLUDED = (Actors(exclude_users=(ACTORS[1].name,), excluded="fold"),)
BEFORE = Message("[UPDATE] web", ("a line",), (("Ticket", "7"),))


def subject(made: CommitPlan, **settings: Any) -> str:
    """What the plugin says, after it was looked at for form."""
    plugin.reverser_configure(Settings(**settings))
    answer = plugin.reverser_message(made, BEFORE)
    assert CONVENTIONAL.fullmatch(answer.subject), answer.subject
    assert (answer.body, answer.trailers) == (BEFORE.body, BEFORE.trailers)
    return answer.subject


def together(*plans: CommitPlan, **changed: Any) -> CommitPlan:
    """One plan of the entries of many, each with fields of `changed`."""
    entries = [entry for made in plans for entry in made.entries]
    return CommitPlan(tuple(msgspec.structs.replace(entry, **changed) for entry in entries))


def test_contract() -> None:
    """Answers depend on the arguments alone."""
    rule = {"type": "fix", "fields": ["spec.*"]}
    assert contract(plugin, {"scope": "{kind}", "rules": [rule]}) == []


def test_what_came_along_is_not_told_as_done() -> None:
    """An autoscaler's replicas are no deed of whoever set a label, nor a reason for a type."""
    along = (Along("spec.replicas", "spec.replicas: 1 -> 9 (came along)"),)
    labelled = together(plan(WEB, ACTORS[0], 'metadata.labels.a: + "b"'), along=along)
    rule = TypeRule(type="ops", fields=("spec.replicas",))

    assert subject(labelled) == subject(together(labelled, along=()))
    assert not subject(labelled, rules=(rule,)).startswith("ops")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ("spec.replicas: 2 -> 5", "scale deployment web to 5"),
        ("spec.replicas: + 5", "scale deployment web to 5"),
        ("spec.replicas: - 5", "update deployment web"),
        (
            'spec.template.spec.containers[web].image: "nginx:1.28" -> "nginx:1.29"',
            "set image of deployment web to nginx:1.29",
        ),
        ("spec.paused: + true", "pause deployment web"),
        ("spec.suspend: true -> false", "resume deployment web"),
        ("spec.template.spec.containers: order changed", "update deployment web"),
        ('metadata.labels.a: "b: c" -> "d"', "update deployment web"),
    ],
)
def test_a_change_of_one_field_is_told(change: str, told: str) -> None:
    """Scaling, images and switches have words of their own."""
    assert subject(plan(WEB, ACTORS[0], change)) == f"feat(shop): {told}"


def test_what_happened_is_told() -> None:
    """Creation, deletion, leaving out, many fields, many objects, and what is not live."""
    made, gone = plan(WEB), together(plan(WEB), operation=Operation.DELETE)
    two = [plan(WEB), plan(make("Deployment", "api"))]
    cluster = plan(make("ClusterRole"))

    assert subject(made) == "feat(shop): create deployment web"
    assert subject(gone) == "feat(shop): delete deployment web"
    assert subject(together(gone, reason="no rule")) == "feat(shop): leave out deployment web"
    assert subject(plan(WEB, ACTORS[0], "spec.a: + 1", "spec.b: + 1")) == "feat(shop): update deployment web"
    assert subject(together(made, plan(WEB, ACTORS[0], "spec.replicas: 1 -> 2"))) == (
        "feat(shop): create deployment web"
    )
    assert subject(together(*two)) == "feat(shop): create 2 deployments"
    assert subject(together(*two, cluster)) == "feat: create 3 objects"
    assert subject(cluster) == "feat: create clusterrole web"
    assert (
        subject(together(*two, origin=Origin.SNAPSHOT)) == "chore(shop): snapshot of 2 deployments in 1 type"
    )
    assert (
        subject(together(*two, origin=Origin.SWEEP)) == "chore(shop): remove 2 deployments gone or left out"
    )
    moved = together(*two, cluster, origin=Origin.SNAPSHOT, previous_path="old")
    assert subject(moved) == "chore: move 3 files to new paths"


def test_the_first_rule_that_matches_gives_the_type() -> None:
    """Resources, namespaces, operations, fields and users all have to match."""
    image = 'spec.template.spec.containers[web].image: "a" -> "b"'
    updated = plan(WEB, ACTORS[0], image)
    rules = (
        TypeRule("build", fields=("spec.template.spec.containers[*].image",), users=("*@example.com",)),
        TypeRule("fix", breaking=True, resources=("*.apps",), operations=("UPDATE",)),
        TypeRule("ops", namespaces=("sh?p",)),
    )

    assert subject(updated, rules=rules).startswith("build(shop): ")
    assert subject(plan(WEB, ACTORS[1], image), rules=rules).startswith("fix(shop)!: ")
    assert subject(plan(make("ConfigMap"), ACTORS[1], "data.a: + 1"), rules=rules).startswith("ops(shop): ")
    assert subject(plan(make("ConfigMap", namespace="other")), rules=rules).startswith("feat(other): ")


def test_excluded_writes_alone_keep_their_subject() -> None:
    """Nobody's change is read into a commit of what rules exclude, whatever the rules for types say."""
    scaled = together(plan(WEB, ACTORS[1], "spec.replicas: 5 -> 2"), actors=EXCLUDED)
    plugin.reverser_configure(Settings(rules=(TypeRule("auto"),)))

    assert plugin.reverser_message(scaled, BEFORE) == BEFORE


def test_folded_writes_give_nothing_to_the_subject_of_others() -> None:
    """Type, scope and words are those of the author's own writes, wherever the folded ones stand."""
    folded = together(plan(WEB, ACTORS[1], "spec.paused: + true"), actors=EXCLUDED)
    own = together(plan(WEB, ACTORS[0], "spec.replicas: 2 -> 5"), actors=EXCLUDED)
    rules = (TypeRule("auto", users=(ACTORS[1].name,)),)

    for entries in (together(folded, own), together(own, folded)):
        assert subject(entries, rules=rules) == "feat(shop): scale deployment web to 5"


def test_a_scope_is_what_the_settings_say() -> None:
    """Any part of the key, and none where it is empty or would break the form."""
    assert subject(plan(WEB), scope="{cluster}/{kind}") == "feat(default/deployment): create deployment web"
    assert subject(plan(WEB), scope="") == "feat: create deployment web"
    assert subject(plan(WEB), scope="a (b) {name}") == "feat(abweb): create deployment web"


@pytest.mark.parametrize("settings", [{"type": "new feature"}, {"scope": "{pod}"}, {"scope": "{0}"}])
def test_settings_that_cannot_work_refuse_the_start(settings: dict[str, Any]) -> None:
    """A type is one word, a scope is made of what a key has."""
    assert "ValueError" in contract(plugin, settings)[0]
