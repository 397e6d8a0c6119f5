"""What rules do to objects, on their own and in the host."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import reverser_policy as plugin

from reverser.builtin_hooks import BUILT_IN, BuiltInHooks
from reverser.errors import WithheldError
from reverser.manifest.emitter import render
from reverser.model.commit import CommitPlan
from reverser.model.entry import Edit
from reverser.model.message import Message
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins import Host, Plugin
from reverser.plugins.deciding_hooks import DecidingHooks
from reverser.testing import TYPES, contract, key_of, make, plan

TOO_MANY = {"name": "replicas", "expression": "object.spec.replicas > 50", "message": "too many"}
WEB = make("Deployment", spec={"replicas": 60})
SMALL = make("Deployment", spec={"replicas": 2})
NONE = make("Deployment", spec={})
DEPLOYMENTS = ["deployments.apps"]


def hooks(**rule: Any) -> DecidingHooks:
    """The plugin in a host, with one rule."""
    table = {"rules": [{**TOO_MANY, "resources": DEPLOYMENTS, **rule}]}
    assert contract(plugin, table) == []
    return Host([Plugin("policy", plugin, "")]).deciding(BuiltInHooks(disabled=BUILT_IN))


def committed(*objects: dict[str, Any]) -> CommitPlan:
    """A plan that writes the objects."""
    entries = [plan(obj).first for obj in objects]
    edits = [Edit("x.yaml", render(obj)) for obj in objects]
    return CommitPlan(
        tuple(msgspec.structs.replace(e, edit=edit) for e, edit in zip(entries, edits, strict=True))
    )


def about(obj: dict[str, Any]) -> tuple[ObjectKey, ResourceType]:
    return key_of(obj), TYPES[obj["kind"]]


def test_a_rule_withholds() -> None:
    """The object keeps the file it has, and the rule's own words are told; others pass untouched."""
    made = hooks()

    with pytest.raises(WithheldError) as caught:
        made.sanitize(*about(WEB), WEB)
    assert caught.value.reason == "PolicyRefused"
    assert caught.value.message == "plugin policy: replicas: too many"
    assert made.sanitize(*about(SMALL), SMALL) == SMALL
    assert made.sanitize(*about(make("ConfigMap")), make("ConfigMap")) == make("ConfigMap")
    assert made.leave_out(*about(WEB), {}, WEB) == ""


def test_a_rule_leaves_out() -> None:
    """The reason is what the commit that removes the file says."""
    made = hooks(action="leave-out")

    assert made.leave_out(*about(WEB), {}, WEB) == "replicas: too many"
    assert made.leave_out(*about(SMALL), {}, SMALL) == ""
    assert made.sanitize(*about(WEB), WEB) == WEB


def test_a_rule_flags() -> None:
    """The commit is made, and names what it holds; what a deletion held is not looked at."""
    made = hooks(action="flag")
    gone = plan(make("Deployment"))

    assert plugin.reverser_message(committed(SMALL), Message("x")) is None
    assert made.message(committed(WEB, SMALL)).trailers == (
        ("Policy-Finding", "replicas: too many (shop/deployments.apps/web)"),
    )
    entry = msgspec.structs.replace(gone.first, edit=Edit("x.yaml", None))
    assert made.message(CommitPlan((entry,))).trailers == ()


def test_findings_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit of very much names some, and says that there is more."""
    hooks(action="flag")
    many = committed(*(make("Deployment", f"web-{n}", spec={"replicas": 60}) for n in range(30)))

    answer = plugin.reverser_message(many, Message("x", trailers=(("Ticket", "7"),)))
    assert answer is not None
    assert (len(answer.trailers), answer.trailers[0]) == (21, ("Ticket", "7"))
    assert answer.trailers[-1][1] == "… and 11 more"
    monkeypatch.setattr("reverser_policy.rules.BYTES_MOST", 300)
    answer = plugin.reverser_message(many, Message("x"))
    assert answer is not None
    assert "not all objects" in answer.trailers[-1][1]


@pytest.mark.parametrize("action", ["withhold", "leave-out"])
def test_an_object_without_an_answer_is_withheld(action: str) -> None:
    """A missing field neither passes for good nor takes a file away, unless the rule says so."""
    made = hooks(action=action)
    with pytest.raises(WithheldError) as caught:
        made.leave_out(*about(NONE), {}, NONE) or made.sanitize(*about(NONE), NONE)
    assert caught.value.reason == "PolicyUnclear"

    made = hooks(action=action, on_error="ignore")
    assert made.leave_out(*about(NONE), {}, NONE) == ""
    assert made.sanitize(*about(NONE), NONE) == NONE


@pytest.mark.parametrize(
    ("expression", "rule", "refused"),
    [
        ("object.spec.replicas > 50", {"namespaces": ["sh*"]}, True),
        ("object.spec.replicas > 50", {"namespaces": ["prod"]}, False),
        ("object.spec.replicas > 50", {"resources": ["*.batch"]}, False),
        ('resource == "deployments.apps" && cluster == "default"', {}, True),
        ('object.metadata.labels["app"].matches("^w.b$")', {}, True),
        ("has(object.spec.paused) && object.spec.paused", {}, False),
        ("object.spec.replicas", {}, True),
    ],
)
def test_what_a_rule_concerns(expression: str, rule: dict[str, Any], refused: bool) -> None:
    """Types and namespaces by glob, and whatever CEL can say; a number is no answer."""
    made = hooks(expression=expression, **rule)

    if refused:
        with pytest.raises(WithheldError):
            made.sanitize(*about(WEB), WEB)
    else:
        assert made.sanitize(*about(WEB), WEB) == WEB


def test_an_expression_that_would_not_end_is_ended() -> None:
    """CEL counts iterations; the object is withheld."""
    made = hooks(expression="object.l.all(a, object.l.all(b, object.l.all(c, true)))")
    long = make("Deployment", l=[1] * 300)

    with pytest.raises(WithheldError) as caught:
        made.sanitize(*about(long), long)
    assert caught.value.reason == "PolicyUnclear"


@pytest.mark.parametrize(
    ("expression", "told"),
    [
        ("object.spec.replicas >", "Syntax error"),
        ("objekt > 1", "1:1: undeclared reference to 'objekt'"),
        ("1 + 'a' > 2", "no matching overload"),
        ("size(object.metadata.name)", "must be true or false"),
    ],
)
def test_an_expression_that_cannot_work_refuses_the_start(expression: str, told: str) -> None:
    """It is named, with what is wrong."""
    problem = contract(plugin, {"rules": [{**TOO_MANY, "expression": expression}]})[0]

    assert told in problem
    assert "'replicas'" in problem
