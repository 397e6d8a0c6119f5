"""Custom resources -> destinations, rules, logins and verdicts."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.custom_resources import compiler
from reverser.custom_resources.compiler import Compiler, compile_resources
from reverser.custom_resources.model import AccessQuestion, ClusterState, ObjectName, Tenancy
from reverser.model.destination import Credentials, Destination
from reverser.model.rule import Rule
from reverser.model.secret import SecretRef
from tests.cluster_states import (
    LOGIN,
    SSH_KEY,
    TYPES,
    cluster_rule,
    compiled,
    config,
    ref_of,
    state_of,
    verdict,
    watch_rule,
)

ALL = {"accessPolicy": {"namespacedRules": {"mode": "AllNamespaces"}, "allowClusterRules": True}}
SECRET = {"secretRef": {"name": "s"}}
ACCOUNT = Tenancy(service_account="default")


def question(group: str, resource: str, namespace: str = "shop") -> AccessQuestion:
    return AccessQuestion(namespace, "default", group, resource, namespace)


def test_a_config_becomes_a_destination_as_the_seed_wrote() -> None:
    """Layout, subject and branch are those of the seed, and the Secret is a login beside it."""
    result = compiled(config(**SECRET, path="live"), secrets={"shop/s": LOGIN})

    assert result.destinations == (
        Destination(
            name="shop/repo",
            url="https://git.example.com/acme/live",
            branch="main",
            create_branch=False,
            path="live",
            layout="rest",
            message="seed",
        ),
    )
    password = SecretRef(value="hunter2-of-the-tests")
    assert result.credentials == {"shop/repo": Credentials(username="git", password=password)}
    assert result.secrets == {ObjectName("shop", "s")}


def test_a_rotated_secret_changes_the_login_alone() -> None:
    """Destinations and rules are equal before and after."""
    objects = config(**SECRET), watch_rule()
    before = compiled(*objects, secrets={"shop/s": LOGIN})
    after = compiled(*objects, secrets={"shop/s": LOGIN | {"password": b"new"}})

    assert (after.destinations, after.rules) == (before.destinations, before.rules)
    assert after.credentials != before.credentials


@pytest.mark.parametrize(
    ("push", "interval", "commits", "warned"),
    [
        (None, "0s", 0, False),
        ({}, "0s", 0, False),
        ({"interval": "2m", "maxCommits": 50}, "120000ms", 50, False),
        ({"interval": "1m30s"}, "90000ms", 20, False),
        ({"interval": "1.5h"}, "5400000ms", 20, False),
        ({"interval": "250ms"}, "250ms", 20, False),
        ({"maxCommits": 5}, "1m", 5, False),
        ({"interval": "soon"}, "1m", 20, True),
        ({"interval": "-5s"}, "1m", 20, True),
        ({"interval": "100h"}, "1m", 20, True),
        ({"maxCommits": -1}, "1m", 20, False),
    ],
)
def test_when_is_pushed(push: dict[str, Any] | None, interval: str, commits: int, warned: bool) -> None:
    """What is given holds; the other one, or what cannot be read, is 1m or 20; without both: at once."""
    result = compiled(config(push=push) if push is not None else config())

    (destination,) = result.destinations
    assert (destination.push_interval, destination.push_commits) == (interval, commits)
    assert bool(result.verdicts[ref_of(config())].warnings) is warned


@pytest.mark.parametrize(
    ("spec", "around", "reason", "stalled"),
    [
        ({"repoUrl": "file:///srv/live"}, {}, "ConnectionFailed", "UrlRefused"),
        ({"branch": "../x"}, {}, "BranchNotFound", "BranchInvalid"),
        ({"branch": "refs/heads/main"}, {}, "BranchNotFound", "BranchInvalid"),
        ({"branch": "x" * 300}, {}, "BranchNotFound", "BranchInvalid"),
        ({"path": "/etc"}, {}, "PathInvalid", "PathInvalid"),
        ({"window": "soon"}, {}, "WindowInvalid", "WindowInvalid"),
        ({"repoUrl": "git@git.example.com:a/b"}, {}, "SecretNotFound", "CredentialsMissing"),
        ({"secretRef": {"name": "../x"}}, {}, "SecretNotFound", "SecretNameInvalid"),
        (SECRET, {"secrets": {"shop/s": None}}, "SecretNotFound", ""),
        (SECRET, {"secrets": {"shop/s": {}}}, "SecretMalformed", "SecretMalformed"),
        (SECRET, {"secret_errors": {ObjectName("shop", "s"): "no"}}, "SecretNotFound", "SecretUnreadable"),
    ],
)
def test_a_config_that_cannot_be_used_says_why(
    spec: dict[str, Any], around: dict[str, Any], reason: str, stalled: str
) -> None:
    """The reason is the seed's where it has one, and ours beside it where a person must act."""
    answer = verdict(config(**spec), **around)

    assert (answer.accepted, answer.reason, answer.stalled) == (False, reason, stalled)
    assert answer.message


def test_a_secret_that_nobody_has_read_is_waited_for() -> None:
    """Before the Secret was read nothing is said to be wrong."""
    answer = verdict(config(**SECRET))

    assert (answer.reason, answer.waiting, answer.stalled) == ("Checking", True, "")


@pytest.mark.parametrize("secrets", [{}, {"shop/s": None}, {"shop/s": {}}])
def test_a_missing_login_suspends_the_destination(secrets: dict[str, Any]) -> None:
    """While the Secret is away changes wait: destination and rules stay, so that nothing is listed again."""
    objects = config(**SECRET), watch_rule()
    before, now = compiled(*objects, secrets={"shop/s": LOGIN}), compiled(*objects, secrets=secrets)

    assert now.rules == before.rules
    assert now.destinations == (msgspec.structs.replace(before.destinations[0], suspend=True),)
    assert not now.credentials
    rule = now.verdicts[ref_of(watch_rule())]
    assert (rule.accepted, rule.reason) == (True, "GitRepoConfigNotReady")
    assert rule.waiting is (not secrets)


def test_suspended_objects_are_accepted_and_say_so() -> None:
    """A suspended config keeps its rules and writes nothing; a suspended rule selects nothing."""
    result = compiled(config(suspend=True), watch_rule(), watch_rule(name="off", suspend=True))

    assert result.destinations[0].suspend
    assert [rule.name for rule in result.rules] == ["shop/rule[0]"]
    assert result.verdicts[ref_of(config())].reason == "Suspended"
    assert result.verdicts[ref_of(watch_rule())].reason == "GitRepoConfigNotReady"
    assert result.verdicts[ref_of(watch_rule(name="off"))].reason == "Suspended"


def test_a_watch_rule_selects_its_namespace_only() -> None:
    """Each element is a rule of the own namespace, without objects that have none."""
    elements = [
        {"resources": ["configmaps"], "operations": ["CREATE", "UPDATE"]},
        {"resources": ["deployments"], "apiGroups": ["apps"], "operations": ["*"]},
    ]
    rule = watch_rule(
        rules=elements,
        objectSelector={"matchLabels": {"app": "web"}},
        excludeUsers=["bot"],
        excludeManagers=["m"],
        onlyUsers=["u"],
    )
    common = Rule(
        name="",
        destination="shop/repo",
        namespaces=("shop",),
        cluster_scoped=False,
        exclude_namespaces=(),
        selector="app=web",
        exclude_users=("bot",),
        exclude_managers=("m",),
        only_users=("u",),
    )

    result = compiled(rule, config())

    assert result.rules == (
        msgspec.structs.replace(
            common, name="shop/rule[0]", resources=("configmaps",), operations=("create", "update")
        ),
        msgspec.structs.replace(common, name="shop/rule[1]", resources=("deployments.apps",)),
    )


def test_a_cluster_rule_selects_by_scope() -> None:
    """Cluster means objects without a namespace, Namespaced all namespaces or those with the labels."""
    pci = {"matchLabels": {"compliance": "pci"}}
    elements = [
        {"resources": ["clusterroles"], "scope": "Cluster", "namespaceSelector": pci},
        {"resources": ["deployments"], "scope": "Namespaced"},
        {"resources": ["configmaps"], "scope": "Namespaced", "namespaceSelector": pci},
        {
            "resources": ["pods"],
            "scope": "Namespaced",
            "namespaceSelector": {"matchLabels": {"nobody": "has"}},
        },
    ]

    rule = cluster_rule(rules=elements)
    result = compiled(
        rule, config(**ALL), namespaces={"b": {"compliance": "pci"}, "a": {"compliance": "pci"}, "c": {}}
    )

    assert [(each.name, each.namespaces, each.cluster_scoped) for each in result.rules] == [
        ("rule[0]", (), True),
        ("rule[1]", ("*",), False),
        ("rule[2]", ("a", "b"), False),
    ]
    answer = result.verdicts[ref_of(rule)]
    assert answer.matched == ("clusterroles.rbac.authorization.k8s.io", "configmaps", "deployments.apps")
    assert answer.unmatched == "no namespace has the labels of spec.rules[3].namespaceSelector"


def test_secrets_in_a_rule_are_no_error_and_have_no_file() -> None:
    """The condition says in words that Secrets are left out; with mask they are watched."""
    rule = watch_rule(rules=[{"resources": ["configmaps", "secrets"]}])

    omitted, masked = verdict(rule, config()), verdict(rule, config(secrets="mask"))

    assert (omitted.reason, omitted.matched) == ("Ready", ("configmaps",))
    assert "Secrets have no file" in omitted.unmatched
    assert (masked.matched, masked.unmatched) == (("configmaps", "secrets"), "")


@pytest.mark.parametrize(
    ("rule", "reason", "stalled"),
    [
        (watch_rule(to="none"), "GitRepoConfigNotFound", ""),
        (cluster_rule(to="none"), "GitRepoConfigNotFound", ""),
        (cluster_rule(), "AccessDenied", "AccessDenied"),
        (watch_rule("other", to="shop/repo"), "AccessDenied", "AccessDenied"),
        (watch_rule(objectSelector={"matchLabels": {"a b": "c"}}), "InvalidSelector", "InvalidSelector"),
        (watch_rule(excludeUsers=[" "]), "UsersInvalid", "UsersInvalid"),
        (watch_rule(onlyUsers=["re:.*"]), "UsersInvalid", "UsersInvalid"),
        (watch_rule(rules=[{"resources": ["x"] * 3000}]), "RuleTooLarge", "RuleTooLarge"),
    ],
)
def test_a_refused_rule_selects_nothing(rule: Any, reason: str, stalled: str) -> None:
    """Its verdict has the reason, and no rule comes out of it."""
    result = compiled(rule, config())

    answer = result.verdicts[ref_of(rule)]
    assert (answer.accepted, answer.reason, answer.stalled) == (False, reason, stalled)
    assert answer.message
    assert not result.rules


def test_the_selector_of_a_rule_is_read_once_for_all_its_elements() -> None:
    """A large selector costs no more in a rule of a hundred elements than in one of one."""
    labels = {f"k{number}": "v" for number in range(200)}
    elements = [{"resources": ["configmaps"]}] * 100
    rule = watch_rule(objectSelector={"matchLabels": labels}, rules=elements)

    rules = compiled(config(), rule).rules

    assert len(rules) == 100
    assert all(each.selector is rules[0].selector for each in rules)


def test_an_invalid_selector_of_namespaces_refuses_the_whole_rule() -> None:
    """No element of a ClusterWatchRule is in force while one of its selectors cannot be read."""
    bad = {"matchExpressions": [{"key": "a", "operator": "Like"}]}
    elements = [
        {"resources": ["pods"], "scope": "Namespaced"},
        {"resources": ["pods"], "scope": "Namespaced", "namespaceSelector": bad},
    ]
    rule = cluster_rule(rules=elements)

    result = compiled(rule, config(**ALL))

    assert result.verdicts[ref_of(rule)].reason == "InvalidSelector"
    assert "spec.rules[1].namespaceSelector" in result.verdicts[ref_of(rule)].message
    assert not result.rules


def test_the_owner_of_another_namespace_does_not_learn_why_a_config_fails() -> None:
    """A rule of another namespace hears that the config is not ready, and nothing of its URL or Secret."""
    broken = config(**ALL, **SECRET)
    own, other = watch_rule(), watch_rule("other", to="shop/repo")

    result = compiled(broken, own, other, secrets={"shop/s": None})

    assert "Secret shop/s does not exist" in result.verdicts[ref_of(own)].message
    assert result.verdicts[ref_of(other)].message == (
        "GitRepoConfig shop/repo is not ready; its conditions tell its owner why"
    )


def test_a_rule_selects_only_what_its_service_account_may_read() -> None:
    """Types are left out until the access review has answered, and for good when it says no."""
    rule = watch_rule(rules=[{"resources": ["configmaps"]}, {"resources": ["deployments", "statefulsets"]}])
    asked = compiled(rule, config(), tenancy=ACCOUNT)
    answers = {question("", "configmaps"): True, question("apps", "deployments"): True}
    denied = answers | {question("apps", "statefulsets"): False}

    assert asked.questions == set(denied)
    assert not asked.rules
    assert asked.verdicts[ref_of(rule)].waiting
    now = compiled(rule, config(), tenancy=ACCOUNT, answers=denied)
    assert [each.resources for each in now.rules] == [("configmaps.",), ("deployments.apps",)]
    assert now.verdicts[ref_of(rule)].matched == ("configmaps", "deployments.apps")
    sentence = "system:serviceaccount:shop:default may not list and watch statefulsets.apps in namespace shop"
    assert sentence in now.verdicts[ref_of(rule)].unmatched
    none = compiled(rule, config(), tenancy=ACCOUNT, answers=dict.fromkeys(denied, False))
    assert none.verdicts[ref_of(rule)].reason == "AccessDenied"
    assert not none.rules


def test_types_that_are_not_known_yet_are_waited_for() -> None:
    """Before discovery has answered a rule is in force by its patterns, and its status is open."""
    result = compiled(watch_rule(), config(), types=())

    assert result.rules
    assert result.verdicts[ref_of(watch_rule())].waiting
    assert not compiled(watch_rule(), config(), types=(), tenancy=ACCOUNT).rules


OLD, NEW = config("a", created="2026-01-01T00:00:00Z"), config("b", created="2026-02-01T00:00:00Z")


@pytest.mark.parametrize(
    ("around", "winner"),
    [
        ({}, "a/repo"),
        ({"proven": frozenset({ObjectName("b", "repo")})}, "b/repo"),
        ({"proven": frozenset({ObjectName("a", "repo"), ObjectName("b", "repo")})}, "a/repo"),
        ({"yielding": frozenset({ObjectName("a", "repo")})}, "b/repo"),
        (
            {
                "yielding": frozenset({ObjectName("a", "repo")}),
                "proven": frozenset({ObjectName("a", "repo")}),
            },
            "b/repo",
        ),
        ({"tables": (Destination("file", "git@git.example.com:acme/live.git"),)}, None),
    ],
)
def test_of_two_configs_on_one_folder_one_writes(around: dict[str, Any], winner: str | None) -> None:
    """Who can push, then the older that has pushed, then the older; the configuration file always wins."""
    result = compiled(OLD, NEW, **around)

    assert [each.name for each in result.destinations] == ([winner] if winner else [])
    losers = [
        result.verdicts[ref_of(each)]
        for each in (OLD, NEW)
        if str(ObjectName(each.metadata.namespace, "repo")) != winner
    ]
    assert {(each.reason, each.stalled) for each in losers} == {("Overlap", "Overlap")}


def test_a_config_that_cannot_log_in_occupies_no_folder() -> None:
    """An older config whose Secret is missing gives way to one that can write."""
    squatter = config("a", **SECRET)

    result = compiled(squatter, NEW, secrets={"a/s": None})

    assert [each.name for each in result.destinations] == ["b/repo"]
    assert result.verdicts[ref_of(squatter)].reason == "SecretNotFound"


@pytest.mark.parametrize(
    ("one", "other", "overlap"),
    [
        ({}, {"path": "live"}, True),
        ({"path": "live"}, {"path": "live/shop"}, True),
        ({"path": "live"}, {"path": "live2"}, False),
        ({}, {"branch": "other"}, False),
        ({}, {"repoUrl": "ssh://git@git.example.com:2222/acme/live.git", **SECRET}, True),
        ({}, {"repoUrl": "https://git.example.com/ACME/live"}, True),
        ({}, {"repoUrl": "https://git.example.com/acme/other"}, False),
    ],
)
def test_folders_inside_each_other_overlap(one: dict[str, Any], other: dict[str, Any], overlap: bool) -> None:
    """Equal and nested folders of one branch overlap, however the repository is spelt."""
    secrets = {"shop/s": {"ssh-privatekey": SSH_KEY, "known_hosts": b"h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"}}
    result = compiled(config(name="a", **one), config(name="b", **other), secrets=secrets)

    answer = result.verdicts[ref_of(config(name="b"))]
    assert (answer.reason == "Overlap") is overlap
    assert ("GitRepoConfig shop/a writes" in answer.message) is overlap


def test_the_other_of_an_overlap_is_named_in_one_namespace_only() -> None:
    """The loser does not learn who else has a config for the repository."""
    message = compiled(OLD, NEW).verdicts[ref_of(NEW)].message

    assert message.startswith("another GitRepoConfig writes")
    assert "a/repo" not in message


def test_a_bug_about_one_object_stops_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """An unexpected error is the verdict of its object; all others are compiled."""
    genuine = compiler.compile_rule

    def broken(rule: Any, *rest: Any) -> Any:
        if rule.metadata.name == "bad":
            raise KeyError("value of the object")
        return genuine(rule, *rest)

    monkeypatch.setattr(compiler, "compile_rule", broken)

    result = compiled(config(), watch_rule(), watch_rule(name="bad"))

    bad = result.verdicts[ref_of(watch_rule(name="bad"))]
    assert (bad.accepted, bad.reason, bad.stalled) == (False, "Bug", "Bug")
    assert "value of the object" not in bad.message
    assert result.verdicts[ref_of(watch_rule())].reason == "Ready"


OBJECTS = [
    config(**ALL, **SECRET),
    config("b"),
    watch_rule(),
    watch_rule("b", to="shop/repo"),
    cluster_rule(),
    cluster_rule("other", to="b/repo"),
]
SECRETS = st.sampled_from([{}, {"shop/s": None}, {"shop/s": LOGIN}])
STATES = st.builds(
    lambda objects, secrets, types, namespaces, proven: state_of(
        *objects, secrets=secrets, types=types, namespaces=namespaces, proven=proven
    ),
    st.lists(st.sampled_from(OBJECTS), unique_by=id),
    SECRETS,
    st.sampled_from([(), TYPES, TYPES[:4]]),
    st.sampled_from([{}, {"shop": {"a": "b"}, "b": {}}]),
    st.sampled_from([frozenset(), frozenset({ObjectName("b", "repo")})]),
)


@given(st.lists(STATES, min_size=1, max_size=5), st.sampled_from([Tenancy(), ACCOUNT]))
def test_what_is_remembered_changes_no_result(states: list[ClusterState], tenancy: Tenancy) -> None:
    """A compiler that has seen other states before gives what a new one gives."""
    compiler = Compiler(tenancy, "default")

    for state in states:
        assert compiler.compile(state) == compile_resources(state, tenancy, "default")


def test_one_change_leaves_all_other_values_as_they_were() -> None:
    """What a change does not concern is the very same value, so a session sees that at once."""
    objects = [config(**ALL), *(watch_rule(f"n{number}", to="shop/repo") for number in range(20))]
    compiler = Compiler(Tenancy(), "default")
    before = compiler.compile(state_of(*objects))

    after = compiler.compile(state_of(*objects[:-1], watch_rule("n19", to="shop/repo", suspend=True)))

    assert after.destinations[0] is before.destinations[0]
    unchanged = {id(each) for each in before.rules}
    assert len(after.rules) == len(before.rules) - 1
    assert all(id(each) in unchanged for each in after.rules)


def test_the_order_of_creation_does_not_matter() -> None:
    """Config, Secret, namespace label and rule in all 24 orders end in the same state."""
    selector = {"mode": "FromSelector", "namespaceSelector": {"matchLabels": {"team": "a"}}}
    target = config(**SECRET, accessPolicy={"namespacedRules": selector})
    rule = watch_rule("team-a", to="shop/repo")
    steps: dict[str, dict[str, Any]] = {
        "config": {"configs": {ObjectName("shop", "repo"): target}},
        "secret": {"secrets": {ObjectName("shop", "s"): LOGIN}},
        "label": {"namespaces": {"team-a": {"team": "a"}, "shop": {}}},
        "rule": {"watch_rules": {ObjectName("team-a", "rule"): rule}},
    }
    ends = []

    for order in itertools.permutations(steps):
        compiler, state = Compiler(Tenancy(), "default"), ClusterState(types=TYPES, namespaces={"team-a": {}})
        for step in order:
            state = msgspec.structs.replace(state, **steps[step])
            last = compiler.compile(state)
        ends.append(last)

    assert ends[0].verdicts[ref_of(rule)].reason == "Ready"
    assert [each.name for each in ends[0].rules] == ["team-a/rule[0]"]
    assert all(each == ends[0] for each in ends)
