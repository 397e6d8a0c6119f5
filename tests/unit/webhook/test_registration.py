"""The registration asks for what the rules select: never for less, and as little more as can be told."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import CompiledRule
from reverser.webhook.address import by_service, by_url
from reverser.webhook.registration import registration

URL, SERVICE = by_url("https://127.0.0.1:9443"), by_service("ops/reverser")

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, short_names=("deploy",))
CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True, short_names=("cm",))
SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
SPACES = ResourceType("", "v1", "namespaces", "Namespace", False, short_names=("ns",))
DEFINITIONS = ResourceType(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", False
)
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False)
LEASES = ResourceType("coordination.k8s.io", "v1", "leases", "Lease", True)
EVENTS = ResourceType("", "v1", "events", "Event", True, short_names=("ev",))
REPORTS = ResourceType("reports.kyverno.io", "v1", "ephemeralreports", "EphemeralReport", True)
LATER = ResourceType("example.com", "v1", "widgets", "Widget", True, short_names=("wd",))
TYPES = (DEPLOYMENTS, CONFIG_MAPS, SECRETS, SPACES, ROLES, LEASES, EVENTS, REPORTS)


def webhook(*rules: Rule, endpoint: Any = URL, **more: Any) -> dict[str, Any]:
    [only] = registration(rules, endpoint, b"PEM", **more)["webhooks"]
    assert isinstance(only, dict)
    return only


def called(
    hook: dict[str, Any], type_: ResourceType, namespace: str = "", operation: str = "UPDATE", sub: str = ""
) -> bool:
    """What an API server would do with a request, as its reference describes rules and conditions."""
    resource = f"{type_.resource}/{sub}" if sub else type_.resource
    wild = f"*/{sub}" if sub else "*"
    matched = any(
        {type_.group, "*"} & set(rule["apiGroups"])
        and {resource, wild} & set(rule["resources"])
        and operation in rule["operations"]
        for rule in hook["rules"]
    )
    request = {"group": type_.group, "plural": type_.resource, "namespace": namespace, "operation": operation}
    return matched and all(holds(row["expression"], request) for row in hook["matchConditions"])


def holds(expression: str, request: dict[str, str]) -> bool:
    """The few words of CEL that are used, in Python; the end-to-end test asks a real API server."""
    words = {
        r"has\(request\.namespace\)": "bool(request['namespace'])",
        r"request\.namespace\.matches\(": "matches(request['namespace'], ",
        r"request\.resource\.group": "request['group']",
        r"request\.resource\.resource": "request['plural']",
        r"request\.(namespace|operation)": r"request['\1']",
        r"&&": " and ",
        r"\|\|": " or ",
        r"!(?!=)": " not ",
    }
    for word, python in words.items():
        expression = re.sub(word, python, expression)
    return bool(eval(expression, {"request": request, "matches": lambda text, regex: re.search(regex, text)}))


def test_it_can_do_no_harm() -> None:
    """Failures are ignored, dry runs have no effect, nobody waits for more than two seconds."""
    document = registration([Rule("all", "live")], SERVICE, b"PEM")

    assert (document["apiVersion"], document["kind"], document["metadata"]["name"]) == (
        "admissionregistration.k8s.io/v1",
        "ValidatingWebhookConfiguration",
        "reverser",
    )
    [hook] = document["webhooks"]
    assert {key: hook[key] for key in hook if key not in ("rules", "matchConditions", "clientConfig")} == {
        "name": "admission.gitops-reverser.io",
        "admissionReviewVersions": ["v1"],
        "failurePolicy": "Ignore",
        "matchPolicy": "Equivalent",
        "sideEffects": "NoneOnDryRun",
        "timeoutSeconds": 2,
    }
    assert hook["clientConfig"]["service"]["path"] == "/process-validating-webhook"
    assert hook["clientConfig"]["caBundle"] == "UEVN"


def test_status_writes_are_no_reason_for_a_call() -> None:
    """Subresources are named one by one."""
    [rule] = webhook(Rule("all", "live"))["rules"]

    assert rule["resources"] == ["*", "*/scale", "*/resize", "*/ephemeralcontainers"]
    assert rule["operations"] == ["CREATE", "UPDATE", "DELETE"]


@pytest.mark.parametrize("types", [(), TYPES], ids=["offline", "discovered"])
def test_leases_and_events_are_left_out(types: tuple[ResourceType, ...]) -> None:
    """Also without discovery; unless a rule names them, by whatever name."""
    hook = webhook(Rule("all", "live"), types=types)
    assert not called(hook, LEASES, "shop")
    assert not called(hook, EVENTS, "shop")
    assert called(hook, CONFIG_MAPS, "shop")

    hook = webhook(Rule("all", "live"), Rule("more", "live", resources=("ev", "leases.coordination.k8s.io")))
    assert called(hook, LEASES, "shop")
    assert called(hook, EVENTS, "shop")


def test_questions_with_tokens_in_them_are_left_out() -> None:
    """A TokenReview holds a password, and is never stored."""
    hook = webhook(Rule("all", "live"))

    for group, plural in (
        ("authentication.k8s.io", "tokenreviews"),
        ("authorization.k8s.io", "subjectaccessreviews"),
    ):
        assert not called(hook, ResourceType(group, "v1", plural, "", False), operation="CREATE")


def test_secrets_are_sent_only_where_they_are_kept() -> None:
    """With `secrets = "omit"` everywhere no Secret leaves the API server."""
    assert called(webhook(Rule("all", "live"), secrets=True), SECRETS, "shop")
    assert not called(webhook(Rule("all", "live"), secrets=False), SECRETS, "shop")


def test_our_own_namespace_is_left_out() -> None:
    """The namespace of the Service is ours; behind a URL none is known."""
    assert not called(webhook(Rule("all", "live"), endpoint=SERVICE), CONFIG_MAPS, "ops")
    assert called(webhook(Rule("all", "live"), endpoint=SERVICE), CONFIG_MAPS, "shop")
    assert called(webhook(Rule("all", "live"), endpoint=SERVICE), ROLES)
    assert called(webhook(Rule("all", "live")), CONFIG_MAPS, "ops")


def test_types_that_no_rule_selects_are_left_out() -> None:
    """Named types only, when they are known; what a rule excludes; what is excluded by default."""
    hook = webhook(Rule("some", "live", resources=("deploy", "cm")), types=TYPES)
    assert called(hook, DEPLOYMENTS, "shop")
    assert called(hook, DEPLOYMENTS, "shop", sub="scale")
    assert not called(hook, DEPLOYMENTS, "shop", sub="status")
    assert not called(hook, ROLES)

    hook = webhook(Rule("all", "live", exclude_resources=("configmaps",)), types=TYPES)
    assert not called(hook, CONFIG_MAPS, "shop")
    assert not called(hook, REPORTS, "shop")
    assert called(hook, LATER, "shop")


def test_a_name_that_nothing_has_yet_is_waited_for() -> None:
    """A CRD that is still to come may have the name as its short name."""
    hook = webhook(Rule("some", "live", resources=("wd", "configmaps")), types=TYPES)

    assert called(hook, LATER, "shop")


def test_groups_are_told_without_discovery() -> None:
    """`*.apps` names its group, and `v1.apps` may be a version of it."""
    hook = webhook(Rule("some", "live", resources=("*.apps", "cronjobs.v1.batch", "pods.v1.")))

    assert hook["rules"][0]["apiGroups"] == ["", "apps", "batch", "v1.batch"]


def test_namespaces_are_told() -> None:
    """Globs, names and exclusions; a Namespace counts as an object without one."""
    hook = webhook(Rule("some", "live", namespaces=("shop", "team-?"), exclude_namespaces=("team-x",)))

    asked = ["shop", "shop2", "team-a", "team-x", "kube-system"]
    assert [space for space in asked if called(hook, CONFIG_MAPS, space)] == ["shop", "team-a"]
    assert not called(hook, ROLES)
    assert not called(hook, SPACES, "shop")


def test_a_glob_with_a_set_is_not_narrowed() -> None:
    """Regular expressions of an API server read sets differently: more is told than the rule selects."""
    hook = webhook(Rule("some", "live", namespaces=("team-[ab]",), exclude_namespaces=("*-[!c]", "kube-*")))

    asked = ["team-a", "team-c", "shop", "kube-system"]
    assert [space for space in asked if called(hook, CONFIG_MAPS, space)] == ["team-a", "team-c", "shop"]


@pytest.mark.parametrize("types", [(), TYPES], ids=["offline", "discovered"])
def test_the_deletion_of_a_namespace_is_always_told(types: tuple[ResourceType, ...]) -> None:
    """It causes every deletion inside, also where no rule selects the Namespace itself."""
    for rule in (
        Rule("some", "live", resources=("deploy",), namespaces=("shop",)),
        Rule("all", "live", exclude_resources=("namespaces",)),
    ):
        assert called(webhook(rule, types=types), SPACES, "shop", "DELETE")


@pytest.mark.parametrize("types", [(), (*TYPES, DEFINITIONS)], ids=["offline", "discovered"])
@pytest.mark.parametrize(
    "rule",
    [
        Rule("some", "live", resources=("widgets.example.com",), namespaces=("shop",)),
        Rule("some", "live", resources=("deploy",), namespaces=("shop",), cluster_scoped=True),
        Rule("all", "live", exclude_resources=("customresourcedefinitions",)),
        Rule("all", "live", namespaces=("shop",)),
    ],
)
def test_the_deletion_of_a_definition_is_always_told(types: tuple[ResourceType, ...], rule: Rule) -> None:
    """It deletes every object of its type without asking about one of them."""
    assert called(webhook(rule, types=types), DEFINITIONS, operation="DELETE")


def test_the_mark_of_a_self_managed_authority() -> None:
    """Only such a registration may be changed by a running daemon."""
    rules = [Rule("all", "live")]

    assert registration(rules, URL, b"", keep_bundle=True)["metadata"]["annotations"] == {
        "gitops-reverser.io/keep-ca-bundle": "true"
    }
    assert "annotations" not in registration(rules, URL, b"")["metadata"]


GLOBS = st.lists(st.sampled_from(["*", "shop", "team-*", "team-?", "[a-t]*", "kube-*", "*-x"]), max_size=3)
PATTERNS = st.lists(
    st.sampled_from(
        [
            "*",
            "*.apps",
            "deploy",
            "deployments.apps",
            "deployments.v1.apps",
            "Deployment",
            "configmaps",
            "cm",
            "*.",
            "ns",
            "*.rbac.authorization.k8s.io",
            "leases",
            "events.",
            "wd",
            "widgets.example.com",
            "pods",
        ]
    ),
    min_size=1,
    max_size=3,
)


@st.composite
def some_rule(draw: st.DrawFn) -> Rule:
    return Rule(
        "rule",
        "live",
        resources=tuple(draw(PATTERNS)),
        exclude_resources=tuple(draw(st.one_of(st.just([]), PATTERNS))),
        namespaces=tuple(draw(GLOBS) or ["*"]),
        exclude_namespaces=tuple(draw(GLOBS)),
        cluster_scoped=draw(st.sampled_from(["auto", True, False])),
        default_excludes=draw(st.booleans()),
    )


@settings(max_examples=500, deadline=None)
@given(
    rules=st.lists(some_rule(), min_size=1, max_size=3),
    discovered=st.booleans(),
    type_=st.sampled_from([*TYPES, LATER]),
    namespace=st.sampled_from(["shop", "team-a", "team-x", "kube-system", "zoo"]),
    operation=st.sampled_from(["CREATE", "UPDATE", "DELETE"]),
    sub=st.sampled_from(["", "scale", "resize", "ephemeralcontainers"]),
)
def test_every_write_that_a_rule_selects_is_told(
    rules: list[Rule], discovered: bool, type_: ResourceType, namespace: str, operation: str, sub: str
) -> None:
    """Whatever the rules say, no selected object is written without a call."""
    hook = webhook(*rules, types=TYPES if discovered else ())
    space = namespace if type_.namespaced else ""
    key = ObjectKey("default", type_.group, type_.resource, space, "x")
    compiled = [CompiledRule(rule, excluded_type) for rule in rules]
    wanted = any(rule.selects_type(type_) and rule.selects(key, {}) for rule in compiled)
    carried = namespace if type_ is SPACES else space

    assert called(hook, type_, carried, operation, sub) or not wanted
