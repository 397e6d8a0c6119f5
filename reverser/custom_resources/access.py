"""Which rule may use which GitRepoConfig: a pure function of the two and the labels of a namespace.

| `spec.accessPolicy` says | WatchRule of the same namespace | of another one | ClusterWatchRule |
|---|---|---|---|
| nothing, or mode SameNamespace | yes | no | no |
| AllNamespaces | yes | yes | no |
| FromSelector | if its labels match | if its labels match | no |
| allowClusterRules: true | | | yes |

What is not known is refused: a namespace whose labels nobody has read, a selector that nobody can read.

A WatchRule of another namespace gets one sentence, whether the GitRepoConfig refuses it or does not exist:
else anybody could find out by guessing which GitRepoConfigs there are. The owner of a ClusterWatchRule may
read all of the cluster, and is answered precisely.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from reverser.custom_resources import label_selector
from reverser.custom_resources.api_types import AccessPolicy, AnyRule, GitRepoConfig, WatchRule
from reverser.custom_resources.model import ObjectName
from reverser.text import cut, visible


class Access(msgspec.Struct, frozen=True):
    """Whether a rule may use a GitRepoConfig."""

    allowed: bool
    reason: str = ""
    """`AccessDenied` or `GitRepoConfigNotFound`; empty when it is allowed."""
    message: str = ""
    """A sentence for the rule's owner: which policy refuses, and who may change it."""
    waiting: bool = False
    """Whether the labels of the namespace are still to be read."""
    early: bool = False
    """Whether the rule is so new that its GitRepoConfig may follow in a moment."""


ALLOWED = Access(True)


def referenced(rule: AnyRule) -> ObjectName:
    """The GitRepoConfig that a rule names; a ClusterWatchRule may have left out its namespace."""
    reference = rule.spec.git_repo_config_ref
    return ObjectName(reference.namespace or rule.metadata.namespace, reference.name)


def decide(
    rule: AnyRule,
    config: GitRepoConfig | None,
    labels: Mapping[str, str] | None,
    elsewhere: tuple[str, ...] = (),
    *,
    new: bool = False,
) -> Access:
    """Whether the rule may use the config that it names; None: there is none of that name.

    `labels` are those of the rule's namespace, None while they are not known; `elsewhere` are namespaces
    that have a GitRepoConfig of that name, for the owner of a ClusterWatchRule. A `new` rule of another
    namespace may have come before the config: nobody has to act yet.
    """
    if not isinstance(rule, WatchRule):
        return _cluster_rule(referenced(rule), config, elsewhere)
    if rule.metadata.namespace == referenced(rule).namespace:
        return _own_namespace(referenced(rule), config, labels)
    access = _other_namespace(rule.metadata.namespace, referenced(rule), config, labels)
    return msgspec.structs.replace(access, early=new and not access.allowed)


def _cluster_rule(name: ObjectName, config: GitRepoConfig | None, elsewhere: tuple[str, ...]) -> Access:
    if config is None:
        return Access(False, "GitRepoConfigNotFound", _missing_for_cluster_rule(name, elsewhere))
    if (config.spec.access_policy or AccessPolicy()).allow_cluster_rules:
        return ALLOWED
    message = (
        f"spec.accessPolicy.allowClusterRules of GitRepoConfig {name} is not true; {_who(name)} can set it"
    )
    return Access(False, "AccessDenied", message)


def _missing_for_cluster_rule(name: ObjectName, elsewhere: tuple[str, ...]) -> str:
    shown = cut(visible(name.name), 80)
    others = f"; namespace {cut(', '.join(elsewhere), 200)} has one of this name" if elsewhere else ""
    if not name.namespace:
        return f"spec.gitRepoConfigRef.namespace is missing: say in which namespace {shown} is{others}"
    where = cut(visible(name.namespace), 80)
    return (
        f"there is no GitRepoConfig {shown} in namespace {where}{others}: "
        "create it, or set spec.gitRepoConfigRef.namespace"
    )


def _own_namespace(
    name: ObjectName, config: GitRepoConfig | None, labels: Mapping[str, str] | None
) -> Access:
    if config is None:
        where, shown = cut(visible(name.namespace), 80), cut(visible(name.name), 80)
        message = (
            f"there is no GitRepoConfig {shown} in namespace {where}: "
            "create it, or set spec.gitRepoConfigRef.name and .namespace"
        )
        return Access(False, "GitRepoConfigNotFound", message)
    if _mode(config) != "FromSelector" or _selected(config, labels):
        return ALLOWED
    if labels is None:
        return _unknown_labels(name.namespace)
    message = (
        f"spec.accessPolicy.namespacedRules.namespaceSelector of GitRepoConfig {name} does not match the "
        f"labels of namespace {name.namespace}, and FromSelector does not imply its own: {_who(name)} can "
        "change the selector, a cluster administrator the labels"
    )
    return Access(False, "AccessDenied", message)


def _other_namespace(
    namespace: str, name: ObjectName, config: GitRepoConfig | None, labels: Mapping[str, str] | None
) -> Access:
    """The same answer for a config that refuses and for none; also while the labels are not known."""
    if config is not None and (_mode(config) == "AllNamespaces" or _selected(config, labels)):
        return ALLOWED
    if labels is None:
        return _unknown_labels(namespace)
    where, shown = cut(visible(name.namespace), 80), cut(visible(name.name), 80)
    message = (
        f"there is no GitRepoConfig {shown} in namespace {where} whose spec.accessPolicy.namespacedRules "
        f"admits WatchRules of namespace {namespace}; whoever may edit GitRepoConfigs there can change it"
    )
    return Access(False, "AccessDenied", message)


def _mode(config: GitRepoConfig) -> str:
    policy = config.spec.access_policy
    if policy is None or policy.namespaced_rules is None:
        return "SameNamespace"
    return policy.namespaced_rules.mode


def _selected(config: GitRepoConfig, labels: Mapping[str, str] | None) -> bool:
    """Whether mode FromSelector admits a namespace with these labels."""
    policy = config.spec.access_policy
    if labels is None or policy is None or policy.namespaced_rules is None:
        return False
    rules = policy.namespaced_rules
    if rules.mode != "FromSelector" or rules.namespace_selector is None:
        return False
    try:
        return label_selector.matches(rules.namespace_selector, labels)
    except ValueError:
        return False  # `config_compiler` tells the owner of the config


def _unknown_labels(namespace: str) -> Access:
    return Access(False, "AccessDenied", f"the labels of namespace {namespace} are not known yet", True)


def _who(name: ObjectName) -> str:
    return f"whoever may edit GitRepoConfigs in namespace {name.namespace}"
