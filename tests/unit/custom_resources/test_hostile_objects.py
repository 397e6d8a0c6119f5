"""Objects with anything in them: none raises, none is a bug, and none opens what is closed."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.custom_resources.api_types import (
    AccessPolicy,
    AnyObject,
    ClusterResourceRule,
    ClusterWatchRule,
    ClusterWatchRuleSpec,
    GitRepoConfig,
    GitRepoConfigSpec,
    LabelSelector,
    LabelSelectorRequirement,
    NamespacedRules,
    ObjectMetadata,
    Push,
    Reference,
    ResourceRule,
    SecretReference,
    WatchRule,
    WatchRuleSpec,
)
from reverser.custom_resources.conditions import Moment, config_status, rule_status
from reverser.custom_resources.model import Activity, ObjectName, Tenancy
from tests.cluster_states import LOGIN, SSH_KEY, compiled, ref_of

TEXT = st.text(max_size=12) | st.sampled_from(
    ["", "*", "..", "a/../b", "main", "-x", "\x00", "\ud800", "https://git.example.com/a/b", "git@h:a/b",
     "cm", "configmaps", "secrets", "pods/log", "deployments.apps", "apps", "v1", "In", "Exists", "1m", "-1s",
     "9" * 40]
)  # fmt: skip
TEXTS = st.lists(TEXT, max_size=3).map(tuple)
SELECTORS = st.none() | st.builds(
    LabelSelector,
    st.dictionaries(TEXT, TEXT, max_size=2),
    st.lists(st.builds(LabelSelectorRequirement, TEXT, TEXT, TEXTS), max_size=2).map(tuple),
)
NAMESPACES = st.sampled_from(["shop", "mallory"])
NAMES = st.sampled_from(["repo", "rule", "other"])
METADATA = st.builds(ObjectMetadata, NAMES, NAMESPACES, creation_timestamp=TEXT)
POLICIES = st.none() | st.builds(
    AccessPolicy,
    st.none()
    | st.builds(
        NamespacedRules, st.sampled_from(["SameNamespace", "AllNamespaces", "FromSelector"]), SELECTORS
    ),
    st.booleans(),
)
CONFIGS = st.builds(
    GitRepoConfig,
    METADATA,
    st.builds(
        GitRepoConfigSpec,
        TEXT,
        TEXT,
        st.none() | st.builds(SecretReference, TEXT | st.just("s")),
        st.none() | st.builds(Push, TEXT, st.integers(-5, 100)),
        POLICIES,
        TEXT,
        window=TEXT,
        suspend=st.booleans(),
    ),
)
REFERENCES = st.builds(Reference, TEXT | NAMES, TEXT | NAMESPACES | st.just(""))
OPERATIONS = st.lists(st.sampled_from(["CREATE", "UPDATE", "DELETE", "*"]), max_size=2).map(tuple)
ELEMENTS = st.builds(ResourceRule, TEXTS, OPERATIONS, TEXTS, TEXTS)
CLUSTER_ELEMENTS = st.builds(
    ClusterResourceRule,
    TEXTS,
    st.sampled_from(["Cluster", "Namespaced"]),
    OPERATIONS,
    TEXTS,
    TEXTS,
    SELECTORS,
)
RULES = st.builds(
    WatchRule,
    METADATA,
    st.builds(
        WatchRuleSpec,
        REFERENCES,
        st.lists(ELEMENTS, max_size=3).map(tuple),
        SELECTORS,
        exclude_users=TEXTS,
        only_users=TEXTS,
    ),
)
CLUSTER_RULES = st.builds(
    ClusterWatchRule,
    st.builds(ObjectMetadata, NAMES),
    st.builds(ClusterWatchRuleSpec, REFERENCES, st.lists(CLUSTER_ELEMENTS, max_size=3).map(tuple)),
)
TENANCIES = st.builds(Tenancy, TEXTS, st.sampled_from(["", "default"]))
SECRETS = {
    "shop/s": LOGIN,
    "mallory/s": {"ssh-privatekey": SSH_KEY, "known_hosts": b"h ssh-ed25519 AAAAC3NzaC1lZDI1NTE5"},
}


@settings(max_examples=60)
@given(st.lists(CONFIGS | RULES | CLUSTER_RULES, max_size=6), TENANCIES)
def test_whatever_objects_say_is_contained(objects: list[AnyObject], tenancy: Tenancy) -> None:
    """Every object gets a verdict and a status, and a WatchRule never leaves its namespace."""
    result = compiled(*objects, tenancy=tenancy, secrets=SECRETS)

    assert result.verdicts.keys() == {ref_of(each) for each in objects}
    names = {each.name for each in result.destinations}
    assert {rule.destination for rule in result.rules} <= names
    assert result.credentials.keys() <= names
    for rule in result.rules:
        namespace, slash, _ = rule.name.partition("/")
        assert not slash or (rule.namespaces, rule.cluster_scoped) == ((namespace,), False)
    for secret in result.secrets:
        assert secret in {ObjectName(namespace, secret.name) for namespace in ("shop", "mallory")}
    moment = Moment(1, "2026-01-01T00:00:00Z")
    for each in objects:
        verdict = result.verdicts[ref_of(each)]
        assert verdict.reason != "Bug", verdict.message
        if isinstance(each, GitRepoConfig):
            assert config_status(each, verdict, Activity(), None, moment).conditions
        else:
            assert rule_status(each.metadata.namespace, verdict, None, None, moment).conditions


@settings(max_examples=40)
@given(CONFIGS, RULES, CLUSTER_RULES)
def test_without_a_policy_nobody_else_gets_in(
    target: GitRepoConfig, rule: WatchRule, cluster_rule: ClusterWatchRule
) -> None:
    """A config without an access policy takes WatchRules of its own namespace only."""
    spec = GitRepoConfigSpec(target.spec.repo_url, target.spec.branch)
    closed = GitRepoConfig(ObjectMetadata("repo", "shop"), spec)
    foreign = WatchRule(ObjectMetadata("rule", "mallory"), rule.spec)

    result = compiled(closed, foreign, cluster_rule, secrets=SECRETS)

    assert not result.rules
