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
Generation: TypeAlias = Annotated[int, Meta(extra_json_schema={"format": "int64"})]
Count: TypeAlias = Annotated[int, Meta(ge=0, extra_json_schema={"format": "int64"})]
Time: TypeAlias = Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class ApiType(msgspec.Struct, frozen=True, omit_defaults=True, rename="camel"):
    """A part of an object; its fields are spelt as in JSON."""


class LabelSelectorRequirement(ApiType, frozen=True):
    """One condition on one label."""

    key: str
    """Key of the label."""
    operator: str
    """In, NotIn, Exists or DoesNotExist."""
    values: tuple[str, ...] = ()
    """The values that In and NotIn compare with."""


class LabelSelector(ApiType, frozen=True):
    """Selects by labels. All conditions must hold."""

    match_labels: dict[str, str] = {}
    """Labels that must be there with these values."""
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
    """Conditions on labels besides matchLabels."""


class SecretReference(ApiType, frozen=True):
    """A Secret in the namespace of the GitRepoConfig."""

    name: str
    """The Secret's name. SSH: ssh-privatekey (or identity), known_hosts, ssh-password for its passphrase.
    HTTPS: username and password, password alone, or bearerToken."""


class Push(ApiType, frozen=True):
    """When commits are pushed. Without it each is pushed at once."""

    interval: str = ""
    """How long a change may wait for its push, such as 30s or 1m. Without it, and with maxCommits: 1m."""
    max_commits: int = 0
    """How many waiting changes are pushed before interval is over. Without it, and with interval: 20."""


class NamespacedRules(ApiType, frozen=True):
    """From which namespaces WatchRules may name this GitRepoConfig."""

    mode: Literal["SameNamespace", "AllNamespaces", "FromSelector"] = "SameNamespace"
    """SameNamespace: from its own. AllNamespaces: from all. FromSelector: from those whose labels match."""
    namespace_selector: LabelSelector | None = None
    """Labels of the namespaces, for mode FromSelector only. Its own namespace must match as well."""


class AccessPolicy(ApiType, frozen=True):
    """Which rules may write here."""

    namespaced_rules: NamespacedRules | None = None
    """From which namespaces WatchRules may write here."""
    allow_cluster_rules: bool = False
    """Whether ClusterWatchRules may write here."""


class GitRepoConfigSpec(ApiType, frozen=True):
    """A repository, a branch, and who may write to it through rules."""

    repo_url: str
    """URL of the repository: https://, http://, ssh:// or git@host:path, without credentials."""
    branch: str
    """The branch that commits go to. It must exist, unless the repository is empty or createBranch is
    true."""
    secret_ref: SecretReference | None = None
    """The Secret with which to log in. Without it access is anonymous."""
    push: Push | None = None
    """When commits are pushed. Without it each is pushed at once."""
    access_policy: AccessPolicy | None = None
    """Which rules may write here. Without it only WatchRules of the same namespace may."""
    path: Annotated[str, Meta(max_length=1024)] = ""
    """The folder of the repository that files are written to, such as clusters/prod. Empty: the root."""
    layout: Literal["rest", "default"] = "rest"
    """Where files are, below path. rest, the default: [GROUP/]VERSION/RESOURCE/[NAMESPACE/]NAME.yaml.
    default: NAMESPACE/RESOURCE[.GROUP]/NAME.yaml, with _cluster for objects without a namespace."""
    create_branch: bool = False
    """Whether a missing branch is created in a repository that has others. Without it: no."""
    adopt: bool = False
    """Whether files in the folder that another installation wrote for this cluster are taken over. Needed
    where the data of the installation was lost. Without it: no, and nothing is written beside them."""
    suspend: bool = False
    """While true nothing is written. Changes wait, and are written afterwards."""
    message: Literal["seed", "reverser"] = "seed"
    """The subject of commits. seed, the default: [UPDATE] apps/v1/deployments/web by user/alice.
    reverser: [UPDATE] shop/deployments.apps/web by alice."""
    secrets: Literal["omit", "mask"] = "omit"
    """What is written of Secrets. omit, the default: they have no file. mask: each value is replaced by a
    keyed digest."""
    suspicious: Literal["flag", "mask", "ignore"] = "flag"
    """What is done with values outside of Secrets that look secret. flag, the default: they are written, and
    the log warns. mask: each is replaced by a keyed digest. ignore: they are written."""
    window: Annotated[str, Meta(max_length=32)] = ""
    """How long changes of one author gather into one commit, such as 5s. Empty: each has its own commit."""


class Reference(ApiType, frozen=True):
    """A GitRepoConfig."""

    name: Annotated[str, Meta(min_length=1)]
    """Name of the GitRepoConfig."""
    namespace: str = ""
    """Namespace of the GitRepoConfig. Empty: that of the rule. A ClusterWatchRule must name it."""


Operation: TypeAlias = Literal["CREATE", "UPDATE", "DELETE", "*"]


class ResourceRule(ApiType, frozen=True):
    """Selects objects of the rule's namespace."""

    resources: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Plural names such as configmaps, NAME.GROUP such as ingresses.networking.k8s.io, or * for all.
    A subresource such as pods/log selects nothing."""
    operations: tuple[Operation, ...] = ()
    """Which changes are written: CREATE, UPDATE, DELETE. Empty, or *: all. Without DELETE a file stays when
    its object is deleted. Without CREATE objects that exist already are not written."""
    api_groups: tuple[str, ...] = ()
    """API groups; "" is the core group. Empty, or with *: all."""
    api_versions: tuple[str, ...] = ()
    """API versions. Empty, or with *: all."""


class ClusterResourceRule(ApiType, frozen=True):
    """Selects objects without a namespace, or of namespaces."""

    resources: Annotated[tuple[str, ...], Meta(min_length=1)]
    """Plural names such as clusterroles, NAME.GROUP such as certificates.cert-manager.io, or * for all.
    A subresource such as nodes/status selects nothing."""
    scope: Literal["Cluster", "Namespaced"]
    """Cluster: objects without a namespace, such as nodes. Namespaced: objects in namespaces."""
    operations: tuple[Operation, ...] = ()
    """Which changes are written: CREATE, UPDATE, DELETE. Empty, or *: all. Without DELETE a file stays when
    its object is deleted. Without CREATE objects that exist already are not written."""
    api_groups: tuple[str, ...] = ()
    """API groups; "" is the core group. Empty, or with *: all."""
    api_versions: tuple[str, ...] = ()
    """API versions. Empty, or with *: all."""
    namespace_selector: LabelSelector | None = None
    """Labels of the namespaces, for scope Namespaced only. Without it: all namespaces."""


class WatchRuleSpec(ApiType, frozen=True):
    """Which objects of the rule's own namespace go to a GitRepoConfig."""

    git_repo_config_ref: Reference
    """The GitRepoConfig that selected objects are written to."""
    rules: Annotated[tuple[ResourceRule, ...], Meta(min_length=1)]
    """An object is selected when any of these selects it."""
    object_selector: LabelSelector | None = None
    """Labels that objects must have. Without it labels do not matter."""
    suspend: bool = False
    """While true the rule selects nothing. No file is removed."""
    exclude_users: Globs = ()
    """Globs for users whose writes make no commits of their own, such as
    system:serviceaccount:flux-system:*."""
    exclude_managers: Globs = ()
    """Globs for field managers whose writes make no commits of their own, such as kustomize-controller."""
    only_users: Globs = ()
    """Globs for users. With any, writes of all other users make no commits of their own."""


class ClusterWatchRuleSpec(ApiType, frozen=True):
    """Which objects of the whole cluster go to a GitRepoConfig that allows cluster rules."""

    git_repo_config_ref: Reference
    """The GitRepoConfig that selected objects are written to. Its namespace is required."""
    rules: Annotated[tuple[ClusterResourceRule, ...], Meta(min_length=1)]
    """An object is selected when any of these selects it."""
    suspend: bool = False
    """While true the rule selects nothing. No file is removed."""
    exclude_users: Globs = ()
    """Globs for users whose writes make no commits of their own, such as
    system:serviceaccount:flux-system:*."""
    exclude_managers: Globs = ()
    """Globs for field managers whose writes make no commits of their own, such as kustomize-controller."""
    only_users: Globs = ()
    """Globs for users. With any, writes of all other users make no commits of their own."""


class StatusCondition(ApiType, frozen=True):
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
    tuple[StatusCondition, ...],
    Meta(extra_json_schema={"x-kubernetes-list-type": "map", "x-kubernetes-list-map-keys": ["type"]}),
]


class LastPush(ApiType, frozen=True):
    """The newest push that the remote took."""

    commit: str
    """The commit that the branch pointed to then."""
    time: Time
    """When it was taken."""


class GitRepoConfigStatus(ApiType, frozen=True):
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


class RuleStatus(ApiType, frozen=True):
    """What became of a rule."""

    observed_generation: Generation = 0
    """The generation of the spec that the status is about."""
    conditions: Conditions = ()
    """Ready, Reconciling, Stalled and Matched."""
    last_handled_reconcile_at: str = ""
    """The value of the annotation configbutler.ai/reconcile-at that was answered last."""
    matched_types: tuple[str, ...] = ()
    """The resource types that are watched for the rule, as kubectl spells them."""


class ObjectMetadata(ApiType, frozen=True):
    """What is read of an object's metadata."""

    name: str
    namespace: str = ""
    uid: str = ""
    generation: int = 0
    resource_version: str = ""
    creation_timestamp: str = ""
    annotations: dict[str, str] = {}
    labels: dict[str, str] = {}


class GitRepoConfig(ApiType, frozen=True):
    """A repository that rules may write to."""

    metadata: ObjectMetadata
    spec: GitRepoConfigSpec
    status: GitRepoConfigStatus = GitRepoConfigStatus()


class WatchRule(ApiType, frozen=True):
    """Selects objects of its namespace for a GitRepoConfig."""

    metadata: ObjectMetadata
    spec: WatchRuleSpec
    status: RuleStatus = RuleStatus()


class ClusterWatchRule(ApiType, frozen=True):
    """Selects objects of the cluster for a GitRepoConfig."""

    metadata: ObjectMetadata
    spec: ClusterWatchRuleSpec
    status: RuleStatus = RuleStatus()


AnyRule: TypeAlias = WatchRule | ClusterWatchRule
AnyObject: TypeAlias = GitRepoConfig | WatchRule | ClusterWatchRule
AnyStatus: TypeAlias = GitRepoConfigStatus | RuleStatus
