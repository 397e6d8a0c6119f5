"""What a tenant may try: each attempt is refused with its reason, and nothing of another namespace gets out.

Tenant `mallory` may write any GitRepoConfig, WatchRule and Secret of its own namespace. The namespace `shop`
belongs to somebody else: its config admits nobody but the namespaces with the label `team: shop`.
"""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from reverser.custom_resources.api_types import AnyObject, GitRepoConfig
from reverser.custom_resources.model import AccessQuestion, Compiled, ObjectName, Tenancy, Verdict
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import CompiledRule
from tests.cluster_states import (
    LOGIN,
    SSH_KEY,
    TYPES,
    cluster_rule,
    compiled,
    config,
    ref_of,
    served,
    watch_rule,
)

TENANCY = Tenancy(
    allow_urls=("https://git.example.com/*", "git@git.example.com:*"), service_account="default"
)
TEAM = {"mode": "FromSelector", "namespaceSelector": {"matchLabels": {"team": "shop"}}}
VICTIM = config("shop", accessPolicy={"namespacedRules": TEAM}, secretRef={"name": "creds"}, path="shop")
VICTIMS_RULE = watch_rule("shop")
FILE = Destination("file", "https://git.example.com/platform/config", path="prod")
NAMESPACES = {"shop": {"team": "shop"}, "mallory": {}, "kube-system": {}}
SECRETS: dict[str, Any] = {"shop/creds": LOGIN, "mallory/creds": LOGIN}
ANSWERS = {
    AccessQuestion(namespace, "default", type_.group, type_.resource, namespace): (
        namespace == "shop" or type_.resource == "configmaps"
    )
    for namespace in ("shop", "mallory")
    for type_ in TYPES
    if type_.namespaced
}


def world(*attempt: AnyObject, **around: Any) -> Compiled:
    """The cluster with what the tenant has applied."""
    return compiled(
        VICTIM,
        VICTIMS_RULE,
        *attempt,
        tenancy=around.pop("tenancy", TENANCY),
        tables=(FILE,),
        **{
            "namespaces": NAMESPACES,
            "secrets": SECRETS,
            "answers": ANSWERS,
            "proven": {ObjectName("shop", "repo")},
        }
        | around,
    )


def own(**spec: Any) -> GitRepoConfig:
    """A config of the tenant."""
    return config("mallory", **{"repoUrl": "https://git.example.com/mallory/repo", **spec})


def url(text: str) -> GitRepoConfig:
    return own(repoUrl=text)


BAD_URLS = {
    "a local repository": ("file:///srv/git/shop.git", "UrlRefused"),
    "a folder": ("/srv/git/shop.git", "UrlRefused"),
    "a relative folder": ("../../srv/git", "UrlRefused"),
    "a helper program": ("ext::sh -c id", "UrlRefused"),
    "a helper program without blanks": ("ext::sh", "UrlRefused"),
    "a file descriptor": ("fd::17", "UrlRefused"),
    "the unauthenticated protocol of Git": ("git://git.example.com/mallory/repo", "UrlRefused"),
    "a user and password": ("https://bob:pw@git.example.com/mallory/repo", "UrlRefused"),
    "a token as user": ("https://ghp_abc@git.example.com/mallory/repo", "UrlRefused"),
    "a password for ssh": ("ssh://git:pw@git.example.com/mallory/repo", "UrlRefused"),
    "an encoded password for ssh": ("ssh://git%3Apw@git.example.com/mallory/repo", "UrlRefused"),
    "an option for ssh as host": ("ssh://-oProxyCommand=id/x/y", "UrlRefused"),
    "an option for ssh as user": ("-lroot@git.example.com:x/y", "UrlRefused"),
    "an option for git": ("--upload-pack=id", "UrlRefused"),
    "another host": ("https://evil.example.org/mallory/repo", "UrlNotAllowed"),
    "the allowed host in the path": ("https://evil.example.org/git.example.com/x", "UrlNotAllowed"),
    "the allowed host as user": ("https://git.example.com@evil.example.org/x", "UrlRefused"),
    "the allowed host before a backslash": ("https://git.example.com\\@evil.example.org/x", "UrlRefused"),
    "the allowed host as a prefix": ("https://git.example.com.evil.example.org/x/y", "UrlNotAllowed"),
    "another port of the allowed host": ("https://git.example.com:8443/mallory/repo", "UrlNotAllowed"),
    "another scheme of the allowed host": ("http://git.example.com/mallory/repo", "UrlNotAllowed"),
    "the metadata service": ("http://169.254.169.254/latest/meta-data", "UrlNotAllowed"),
    "a way out of the path": ("https://git.example.com/mallory/../shop/repo", "UrlRefused"),
    "an encoded way out of the path": ("https://git.example.com/mallory/%2e%2e/shop/repo", "UrlRefused"),
    "a path encoded twice": ("https://git.example.com/mallory/%252e%252e/shop", "UrlRefused"),
    "a line break": ("https://git.example.com/mallory/repo\nshop", "UrlRefused"),
    "a query": ("https://git.example.com/mallory/repo?to=shop", "UrlRefused"),
    "an endless URL": ("https://git.example.com/" + "a/" * 5000, "UrlRefused"),
}


@pytest.mark.parametrize("attempt", BAD_URLS)
def test_a_url_that_is_not_for_tenants(attempt: str) -> None:
    """No destination comes of it, and the message quotes no credentials."""
    text, stalled = BAD_URLS[attempt]

    answer = refused(url(text))

    assert (answer.reason, answer.stalled) == ("ConnectionFailed", stalled)
    assert not any(secret in answer.message for secret in ("bob:pw", "ghp_abc", ":pw@"))


BAD_CONFIGS: dict[str, tuple[GitRepoConfig, str]] = {
    "a path that leaves the repository": (own(path="../shop"), "PathInvalid"),
    "a path that leaves it inside": (own(path="a/../../shop"), "PathInvalid"),
    "an absolute path": (own(path="/etc"), "PathInvalid"),
    "Git's own folder": (own(path=".git/hooks"), "PathInvalid"),
    "Git's own folder on Windows": (own(path="GIT~1/hooks"), "PathInvalid"),
    "a path with a control character": (own(path="a\x1b[2J"), "PathInvalid"),
    "a path with a zero byte": (own(path="a\0b"), "PathInvalid"),
    "a branch that is an option": (own(branch="--force"), "BranchInvalid"),
    "another kind of ref": (own(branch="refs/heads/main"), "BranchInvalid"),
    "a branch with two dots": (own(branch="a..b"), "BranchInvalid"),
    "a refspec": (own(branch="main:refs/heads/prod"), "BranchInvalid"),
    "an endless branch": (own(branch="x" * 5000), "BranchInvalid"),
    "a Secret of another namespace": (own(secretRef={"name": "../shop/creds"}), "SecretNameInvalid"),
    "a Secret of another namespace by path": (
        own(secretRef={"name": "x/../../../namespaces/shop/secrets/creds"}),
        "SecretNameInvalid",
    ),
    "a Secret with a query": (own(secretRef={"name": "creds?watch=true"}), "SecretNameInvalid"),
    "the folder of somebody else": (
        own(repoUrl="https://git.example.com/acme/live", path="shop"),
        "Overlap",
    ),
    "a folder inside": (own(repoUrl="https://git.example.com/acme/live", path="shop/deep"), "Overlap"),
    "a folder around": (own(repoUrl="https://git.example.com/acme/live"), "Overlap"),
    "the same repository in capitals": (own(repoUrl="https://git.example.com/ACME/Live.git"), "Overlap"),
    "an encoded spelling of it": (own(repoUrl="https://git.example.com/%61cme/live"), "Overlap"),
    "the folder of the configuration file": (
        own(repoUrl="https://git.example.com/platform/config", path="prod/mine"),
        "Overlap",
    ),
    "a window of years": (own(window="99999h"), "WindowInvalid"),
}


@pytest.mark.parametrize("attempt", BAD_CONFIGS)
def test_a_config_that_reaches_for_what_is_not_its_own(attempt: str) -> None:
    """It has no destination, and the destination of the other stays as it was."""
    bad, stalled = BAD_CONFIGS[attempt]

    answer = refused(bad)

    assert answer.stalled == stalled
    assert "shop/repo" not in answer.message


def test_an_ssh_url_without_host_keys_is_not_trusted() -> None:
    """A tenant cannot switch the check of the host off by leaving its keys out."""
    blind = own(repoUrl="git@git.example.com:mallory/repo", secretRef={"name": "key"})
    secrets = SECRETS | {"mallory/key": {"ssh-privatekey": SSH_KEY, "known_hosts": b"*"}}

    result = world(blind, secrets=secrets)

    assert not result.verdicts[ref_of(blind)].accepted
    assert "mallory/repo" not in result.credentials


def test_an_older_config_without_a_right_to_push_occupies_nothing() -> None:
    """Whoever names a repository first, but has no login for it, gives way to its owner."""
    first = config("mallory", created="2020-01-01T00:00:00Z", path="shop", secretRef={"name": "none"})

    result = world(first, secrets=SECRETS | {"mallory/none": None}, proven=frozenset())

    assert [each.name for each in result.destinations] == ["shop/repo"]


SELECT_ALL = {"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}
BAD_RULES: dict[str, tuple[AnyObject, str]] = {
    "the config of another namespace": (watch_rule("mallory", to="shop/repo"), "AccessDenied"),
    "a config that does not exist there": (watch_rule("mallory", to="shop/none"), "AccessDenied"),
    "a config by a path": (watch_rule("mallory", to="../shop/repo"), "AccessDenied"),
    "a name that is a path": (
        watch_rule("mallory", gitRepoConfigRef={"name": "../shop/repo"}),
        "GitRepoConfigNotFound",
    ),
    "a cluster rule": (cluster_rule("grab", to="shop/repo"), "AccessDenied"),
    "a cluster rule to a config of the tenant": (cluster_rule("grab", to="mallory/repo"), "AccessDenied"),
    "a type that may not be listed": (
        watch_rule("mallory", rules=[{"resources": ["deployments"]}]),
        "AccessDenied",
    ),
    "a selector of a megabyte": (
        watch_rule("mallory", objectSelector={"matchLabels": {f"k{n}": "v" * 60 for n in range(17_000)}}),
        "RuleTooLarge",
    ),
    "a selector that is syntax": (
        watch_rule("mallory", objectSelector={"matchLabels": {"a": "b,!c"}}),
        "InvalidSelector",
    ),
    "an unknown operator": (
        watch_rule("mallory", objectSelector={"matchExpressions": [{"key": "a", "operator": "Regex"}]}),
        "InvalidSelector",
    ),
    "ten thousand resources": (
        watch_rule("mallory", rules=[{"resources": [f"r{n}" for n in range(10_000)]}]),
        "RuleTooLarge",
    ),
    "a million combinations": (
        watch_rule("mallory", rules=[{"resources": ["x" * 1000] * 1000, "apiGroups": ["y" * 1000] * 1000}]),
        "RuleTooLarge",
    ),
    "a regular expression for users": (watch_rule("mallory", excludeUsers=["re:(a+)+$"]), "UsersInvalid"),
}


@pytest.mark.parametrize("attempt", BAD_RULES)
def test_a_rule_that_reaches_for_what_is_not_its_own(attempt: str) -> None:
    """No rule comes of it but those of the other namespace, as they were."""
    bad, reason = BAD_RULES[attempt]

    answer = refused(bad, own())

    assert answer.reason == reason


def test_a_label_that_is_taken_away_closes_access() -> None:
    """A namespace that loses the label, or whose labels nobody knows, is out at the next compilation."""
    rule = watch_rule("mallory", to="shop/repo")

    def is_in(labels: dict[str, Any]) -> bool:
        spaces = {"shop": {"team": "shop"}, **labels}
        return world(rule, namespaces=spaces).verdicts[ref_of(rule)].accepted

    assert is_in({"mallory": {"team": "shop"}})
    assert not is_in({"mallory": {"team": "mallory"}})
    assert not is_in({"mallory": {}})


def test_a_policy_that_is_tightened_closes_access() -> None:
    """A config that takes AllNamespaces back is out of reach at the next compilation."""
    open_config = msgspec.structs.replace(
        VICTIM, spec=config(accessPolicy={"namespacedRules": {"mode": "AllNamespaces"}}).spec
    )
    rule = watch_rule("mallory", to="shop/repo")

    opened = compiled(open_config, rule, namespaces=NAMESPACES)
    closed = compiled(VICTIM, rule, namespaces=NAMESPACES, secrets=SECRETS)

    assert opened.rules
    assert not closed.rules


GREEDY: dict[str, list[dict[str, Any]]] = {
    "everything": [{"resources": ["*"]}],
    "cluster-scoped types": [{"resources": ["nodes", "namespaces", "clusterroles", "configmaps"]}],
    "a namespace as an entry": [{"resources": ["configmaps", "shop/configmaps", "namespaces/shop"]}],
    "a group that is a pattern": [{"resources": ["*"], "apiGroups": ["", "*", "*.*"]}],
    "a version that is a group": [
        {"resources": ["*", "configmaps"], "apiGroups": ["v1."], "apiVersions": ["*"]}
    ],
    "secrets": [{"resources": ["secrets", "configmaps"]}],
}


@pytest.mark.parametrize("attempt", GREEDY)
@pytest.mark.parametrize("tenancy", [Tenancy(), TENANCY], ids=["open", "account"])
def test_a_greedy_rule_gets_objects_of_its_own_namespace_only(attempt: str, tenancy: Tenancy) -> None:
    """Whatever the rule names, no object of another namespace and none without one reaches its repository."""
    greedy = watch_rule("mallory", rules=GREEDY[attempt])

    result = world(own(), greedy, tenancy=tenancy)

    rules = [CompiledRule(each, excluded_type) for each in result.rules if each.destination == "mallory/repo"]
    for type_ in TYPES:
        for namespace in ("shop", "kube-system") if type_.namespaced else ("",):
            key = ObjectKey("default", type_.group, type_.resource, namespace, "x")
            assert not any(each.selects_type(type_) and each.selects(key, {}) for each in rules)
        if tenancy is TENANCY and type_.resource != "configmaps":
            assert not any(each.selects_type(type_) for each in rules)


def test_a_type_that_is_installed_later_is_asked_about_first() -> None:
    """With a service account, a rule for everything does not select a new type before it may."""
    everything = watch_rule("mallory", rules=[{"resources": ["*"]}])
    fresh = served("vaults", "Vault", "corp.example.com")

    result = world(own(), everything, types=(*TYPES, fresh))

    rules = [CompiledRule(each, excluded_type) for each in result.rules if each.destination == "mallory/repo"]
    assert rules
    assert not any(each.selects_type(fresh) for each in rules)
    assert AccessQuestion("mallory", "default", "corp.example.com", "vaults", "mallory") in result.questions


def test_the_table_is_long_enough() -> None:
    """At least forty attempts."""
    assert len(BAD_URLS) + len(BAD_CONFIGS) + len(BAD_RULES) + len(GREEDY) >= 40


def refused(bad: AnyObject, *more: AnyObject) -> Verdict:
    """The verdict on an attempt that came to nothing: all else is as it would be without it."""
    result, without = world(bad, *more), world(*more)

    answer = result.verdicts[ref_of(bad)]
    assert not answer.accepted
    assert answer.message
    assert answer.message.isprintable()
    assert len(answer.message) < 1000
    assert (result.destinations, result.rules) == (without.destinations, without.rules)
    assert result.verdicts[ref_of(VICTIM)] == without.verdicts[ref_of(VICTIM)]
    assert without.verdicts[ref_of(VICTIMS_RULE)].reason == "Ready"
    return answer
