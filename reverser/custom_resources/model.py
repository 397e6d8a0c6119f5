"""What is known of the custom resources and their surroundings, and what that compiles to. Plain data.

A `ClusterState` goes into `compiler.compile_resources`, a `Compiled` comes out. Destinations are named
`NAMESPACE/NAME` of their GitRepoConfig, which the TOML file forbids, so the two never meet.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from reverser.config.resource_tables import Tenancy
from reverser.custom_resources.api_types import ClusterWatchRule, GitRepoConfig, Kind, WatchRule
from reverser.model.destination import Credentials, Destination
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule

__all__ = [
    "AccessQuestion",
    "Activity",
    "ClusterState",
    "Compiled",
    "ObjectName",
    "ObjectRef",
    "SecretData",
    "Tenancy",
    "Verdict",
]


class ObjectName(msgspec.Struct, frozen=True, order=True):
    """Names an object of a known kind."""

    namespace: str
    """Empty for objects without a namespace."""
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class ObjectRef(msgspec.Struct, frozen=True, order=True):
    """One custom resource."""

    kind: Kind
    name: ObjectName


SecretData: TypeAlias = Mapping[str, bytes]


class AccessQuestion(msgspec.Struct, frozen=True):
    """Whether a service account may list and watch a type; asked by SubjectAccessReview."""

    namespace: str
    """Of the service account."""
    account: str
    """Name of the service account."""
    group: str
    resource: str
    in_namespace: str
    """Where it wants to read; empty: everywhere."""


class ClusterState(msgspec.Struct, frozen=True):
    """All that the verdicts depend on, at one moment."""

    configs: Mapping[ObjectName, GitRepoConfig] = {}
    watch_rules: Mapping[ObjectName, WatchRule] = {}
    cluster_watch_rules: Mapping[ObjectName, ClusterWatchRule] = {}
    namespaces: Mapping[str, Mapping[str, str]] = {}
    """Name -> labels."""
    secrets: Mapping[ObjectName, SecretData | None] = {}
    """Secrets that were looked up; None: there is none. A Secret that is not in here was not read yet."""
    secret_errors: Mapping[ObjectName, str] = {}
    """Secrets that cannot be read, and why, as a sentence."""
    known_hosts: bytes = b""
    """Host keys of the whole installation, for Secrets without `known_hosts`."""
    types: tuple[ResourceType, ...] = ()
    """What the cluster serves; empty: not known yet."""
    answers: Mapping[AccessQuestion, bool] = {}
    """Access reviews that were answered."""
    proven: frozenset[ObjectName] = frozenset()
    """GitRepoConfigs whose pushes were taken at least once."""
    yielding: frozenset[ObjectName] = frozenset()
    """GitRepoConfigs whom the remote has refused, or who have not pushed within ten minutes of their turn,
    since their spec or Secret changed. Where folders overlap, another one may try instead."""
    new_rules: frozenset[ObjectName] = frozenset()
    """WatchRules of the last minute with a GitRepoConfig of another namespace, which may follow them."""


class Activity(msgspec.Struct, frozen=True):
    """What the daemon knows of the destination of one GitRepoConfig, besides what its text tells."""

    stalled: str = ""
    """Reason of the failure that lasts, as the daemon's conditions spell it; empty: none does."""
    message: str = ""
    """Its sentence, with what to do."""
    read: bool = False
    """Whether the branch was read since this destination began; until then it is being looked at."""
    head: str = ""
    """The commit that the branch pointed to when it was read or pushed last; empty: there is none yet."""
    types_listed: int = 0
    """How many types of the first snapshot are listed."""
    types_watched: int = 0
    """How many there are; as many as listed, or 0: the snapshot is complete."""
    pushed_commit: str = ""
    """The newest commit that the remote took from this process; empty: none yet."""
    moved: bool = False
    """Whether it wrote to another repository, branch or folder before, which an older status may be about."""
    pushed_at: float = 0.0
    """When it was taken, in Unix seconds."""
    commits: int = 0
    """How many commits the remote took from this process."""
    pending: int = 0
    """How many changes wait for their push."""
    withheld: int = 0
    """How many objects are withheld."""


class Verdict(msgspec.Struct, frozen=True):
    """What became of one custom resource, as far as its text and its surroundings tell."""

    accepted: bool
    """Whether it is in force: a rule selects, a config is written to (unless its spec suspends that)."""
    reason: str
    """For the condition Ready, in its old spelling: `SecretNotFound`, `AccessDenied`."""
    message: str
    """A sentence for a person: what is wrong, and who can do what about it."""
    stalled: str = ""
    """A finer reason, for the condition Stalled; empty: nobody has to act, it mends itself or is no fault."""
    waiting: bool = False
    """Whether something is still being looked up: Ready is Unknown."""
    matched: tuple[str, ...] = ()
    """Of a rule: the types that are watched for it, by their full names."""
    unmatched: str = ""
    """Of a rule: a sentence on what of it selects nothing; empty: all of it selects something."""
    config: ObjectName | None = None
    """Of a rule: its GitRepoConfig, as far as it may be named to the rule's owner."""
    warnings: tuple[str, ...] = ()
    """Sentences for Warning events: what was read otherwise than it is spelt."""
    postponed: str = ""
    """A sentence where a newer spec waits and the verdict is about the one before; empty: none waits."""


class Compiled(msgspec.Struct, frozen=True):
    """What the resources mean."""

    destinations: tuple[Destination, ...] = ()
    """Without credentials, so that a rotated Secret changes none of them. One whose login is missing is there
    all the same, suspended, so that changes wait in the journal until it is back."""
    rules: tuple[Rule, ...] = ()
    credentials: Mapping[str, Credentials] = {}
    """Name of a destination -> how to log in now."""
    verdicts: Mapping[ObjectRef, Verdict] = {}
    secrets: frozenset[ObjectName] = frozenset()
    """Secrets that must be known."""
    questions: frozenset[AccessQuestion] = frozenset()
    """Access reviews whose answers must be known."""
