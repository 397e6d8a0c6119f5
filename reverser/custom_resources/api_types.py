"""The three kinds of `configbutler.ai/v1alpha1`, as the API server stores them.

`config/crd/` is generated from these structs: the text under a field is what `kubectl explain` prints, a
Literal becomes an enum, `Meta` becomes bounds. The wire format is that of GitOps Reverser of October 2025, of
whose schema nothing is refused; fields that are new here are optional.

What an object has besides is ignored: a newer release may have added it.
"""

from __future__ import annotations

from typing import Annotated, Literal, TypeAlias

import msgspec
from msgspec import Meta

GROUP = "configbutler.ai"
VERSION = "v1alpha1"
Kind: TypeAlias = Literal["GitRepoConfig", "WatchRule", "ClusterWatchRule"]
PLURALS: dict[Kind, str] = {
    "GitRepoConfig": "gitrepoconfigs",
    "WatchRule": "watchrules",
    "ClusterWatchRule": "clusterwatchrules",
}
RECONCILE_AT = f"{GROUP}/reconcile-at"
"""Annotation: whoever changes its value asks for a fresh look, and reads it in `lastHandledReconcileAt`."""


Globs: TypeAlias = Annotated[
    tuple[Annotated[str, Meta(min_length=1, max_length=253)], ...], Meta(max_length=64)
]
Generation: TypeAlias = Annotated[int, Meta(ge=0, extra_json_schema={"format": "int64"})]
Count: TypeAlias = Generation
Time: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class Wire(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A part of an object; its fields are spelt as in JSON."""


class LabelSelectorRequirement(Wire, frozen=True):
    """One condition on one label."""

    key: str
    """The label's key."""
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: tuple[str, ...] = ()
    """For In and NotIn."""


class LabelSelector(Wire, frozen=True):
    """All of it must hold."""

    match_labels: dict[str, str] = {}
    """Labels that must be there with these values."""
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    """Further conditions."""


class SecretReference(Wire, frozen=True):
    """A Secret in the namespace of the GitRepoConfig."""

    name: str
    """The Secret's name. SSH: ssh-privatekey (or identity), known_hosts, ssh-password for its passphrase.
    HTTPS: username and password, password alone, or bearerToken."""


class Push(Wire, frozen=True):
    """When commits are pushed. Without it each is pushed at once."""

    interval: str = ""
    """How long a change may wait for its push, such as 30s or 1m. Empty with maxCommits given: 1m."""
    max_commits: int = 0
    """Push as soon as so many changes wait. 0 with interval given: 20."""


class NamespacedRules(Wire, frozen=True):
    """From which namespaces WatchRules may name this GitRepoConfig."""

    mode: Literal["SameNamespace", "AllNamespaces", "FromSelector"] = "SameNamespace"
    """SameNamespace: its own. AllNamespaces: all. FromSelector: those whose labels match."""
    namespace_selector: LabelSelector | None = None
    """The namespaces of mode FromSelector. Its own namespace must match as well."""


class AccessPolicy(Wire, frozen=True):
    """Who may use this GitRepoConfig. Without it WatchRules of its own namespace may, and nobody else."""

    namespaced_rules: NamespacedRules | None = None
    """Which WatchRules may."""
    allow_cluster_rules: bool = False
    """Whether ClusterWatchRules may."""


class GitRepoConfigSpec(Wire, frozen=True):
    """A repository, a branch, and who may write to it through rules."""

    repo_url: str
    """https://, http://, ssh:// or git@host:path, without credentials."""
    branch: str
    """The branch that commits go to. It must exist, but in an empty repository, or with createBranch."""
    secret_ref: SecretReference | None = None
    """How to log in. Without it: anonymously."""
    push: Push | None = None
    """When commits are pushed. Without it each is pushed at once."""
    access_policy: AccessPolicy | None = None
    """Which rules may use this. Without it: WatchRules of the same namespace."""
    path: Annotated[str, Meta(max_length=1024)] = ""
    """The folder in the repository that files are written to. Empty: its root."""
    layout: Literal["rest", "default"] = "rest"
    """How files are named. rest: [GROUP/]VERSION/RESOURCE/[NAMESPACE/]NAME.yaml."""
    create_branch: bool = False
    """Whether a missing branch is made in a repository that has others."""
    suspend: bool = False
    """While true nothing is written; changes wait."""
    message: Literal["seed", "reverser"] = "seed"
    """The subject of commits. seed: [UPDATE] apps/v1/deployments/web by user/alice."""
    secrets: Literal["omit", "mask"] = "omit"
    """What becomes of Secrets. omit: they have no file. mask: each value is replaced by a keyed digest."""
    suspicious: Literal["flag", "mask", "ignore"] = "flag"
    """What becomes of values outside of Secrets that look like one."""
    window: Annotated[str, Meta(max_length=32)] = ""
    """Changes of one author within it become one commit, such as 5s. Empty: one commit each."""


class Reference(Wire, frozen=True):
    """A GitRepoConfig."""

    name: Annotated[str, Meta(min_length=1)]
    """Its name."""
    namespace: str = ""
    """Its namespace. Empty: that of the rule; a ClusterWatchRule must name it."""


Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE", "*"]


class ResourceRule(Wire, frozen=True):
    """Selects objects of the rule's namespace."""

    resources: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Plural names such as configmaps, NAME.GROUP, or *. What is spelt with a slash selects nothing."""
    operations: tuple[Operation, ...] = ()
    """Which changes are written. Empty: all. Without DELETE files stay when objects go; without CREATE what
    exists already is not written."""
    api_groups: tuple[str, ...] = ()
    """API groups; "" is the core group. Empty, or *: all."""
    api_versions: tuple[str, ...] = ()
    """API versions. Empty, or *: all."""


class ClusterResourceRule(Wire, frozen=True):
    """Selects objects without a namespace, or of namespaces."""

    resources: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Plural names such as clusterroles, NAME.GROUP, or *. What is spelt with a slash selects nothing."""
    scope: Literal["Cluster", "Namespaced"]
    """Cluster: objects without a namespace. Namespaced: objects in namespaces."""
    operations: tuple[Operation, ...] = ()
    """Which changes are written. Empty: all. Without DELETE files stay when objects go; without CREATE what
    exists already is not written."""
    api_groups: tuple[str, ...] = ()
    """API groups; "" is the core group. Empty, or *: all."""
    api_versions: tuple[str, ...] = ()
    """API versions. Empty, or *: all."""
    namespace_selector: LabelSelector | None = None
    """With scope Namespaced: the labels of the namespaces. Without it: all namespaces."""


class WatchRuleSpec(Wire, frozen=True):
    """Which objects of the rule's own namespace go to a GitRepoConfig."""

    git_repo_config_ref: Reference
    """Where they go."""
    rules: Annotated[tuple[ResourceRule, ...], Meta(min_length=1)]
    """An object is selected when any of these selects it."""
    object_selector: LabelSelector | None = None
    """Labels that selected objects must have."""
    suspend: bool = False
    """While true the rule selects nothing; no file is removed."""
    exclude_users: Globs = ()
    """Globs for users whose writes make no commits of their own."""
    exclude_managers: Globs = ()
    """Globs for field managers whose writes make no commits of their own."""
    only_users: Globs = ()
    """Globs; when there are any, writes of other users make no commits of their own."""


class ClusterWatchRuleSpec(Wire, frozen=True):
    """Which objects of the whole cluster go to a GitRepoConfig that allows cluster rules."""

    git_repo_config_ref: Reference
    """Where they go. The namespace is required."""
    rules: Annotated[tuple[ClusterResourceRule, ...], Meta(min_length=1)]
    """An object is selected when any of these selects it."""
    suspend: bool = False
    """While true the rule selects nothing; no file is removed."""
    exclude_users: Globs = ()
    """Globs for users whose writes make no commits of their own."""
    exclude_managers: Globs = ()
    """Globs for field managers whose writes make no commits of their own."""
    only_users: Globs = ()
    """Globs; when there are any, writes of other users make no commits of their own."""


class Condition(Wire, frozen=True):
    """One statement on the object, as kstatus reads it."""

    type: Annotated[str, Meta(max_length=316)]
    """Ready, Reconciling, Stalled or Matched."""
    status: Literal["True", "False", "Unknown"]
    """Whether it holds."""
    reason: Annotated[
        str, Meta(min_length=1, max_length=1024, pattern="^[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?$")
    ]
    """One word for programs."""
    message: Annotated[str, Meta(max_length=32768)]
    """A sentence for people."""
    last_transition_time: Time
    """When the status changed last."""
    observed_generation: Generation = 0
    """The generation of the spec that it is about."""


Conditions: TypeAlias = Annotated[
    tuple[Condition, ...],
    Meta(extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class LastPush(Wire, frozen=True):
    """The newest push that the remote took."""

    commit: str
    """The commit that the branch pointed to then."""
    time: Time
    """When it was taken."""


class GitRepoConfigStatus(Wire, frozen=True):
    """What became of a GitRepoConfig."""

    observed_generation: Generation = 0
    """The generation of the spec that the status is about."""
    conditions: Conditions = ()
    """Ready, Reconciling and Stalled."""
    last_handled_reconcile_at: str = ""
    """The value of the annotation configbutler.ai/reconcile-at that was answered last."""
    last_push: LastPush | None = None
    """The newest push that the remote took."""
    commits: Count = 0
    """How many commits were pushed since the daemon started."""
    pending: Count = 0
    """How many changes wait for their push."""
    withheld: Count = 0
    """How many objects are withheld."""


class RuleStatus(Wire, frozen=True):
    """What became of a rule."""

    observed_generation: Generation = 0
    """The generation of the spec that the status is about."""
    conditions: Conditions = ()
    """Ready, Reconciling, Stalled and Matched."""
    last_handled_reconcile_at: str = ""
    """The value of the annotation configbutler.ai/reconcile-at that was answered last."""
    matched_types: tuple[str, ...] = ()
    """The resource types that are watched for the rule, as kubectl spells them."""


class Metadata(Wire, frozen=True):
    """What is read of an object's metadata."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str = ""
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class GitRepoConfig(Wire, frozen=True):
    """A repository that rules may write to."""

    metadata: Metadata
    spec: GitRepoConfigSpec
    status: GitRepoConfigStatus = GitRepoConfigStatus()


class WatchRule(Wire, frozen=True):
    """Selects objects of its namespace for a GitRepoConfig."""

    metadata: Metadata
    spec: WatchRuleSpec
    status: RuleStatus = RuleStatus()


class ClusterWatchRule(Wire, frozen=True):
    """Selects objects of the cluster for a GitRepoConfig."""

    metadata: Metadata
    spec: ClusterWatchRuleSpec
    status: RuleStatus = RuleStatus()


AnyRule: TypeAlias = WatchRule | ClusterWatchRule
AnyObject: TypeAlias = GitRepoConfig | WatchRule | ClusterWatchRule
