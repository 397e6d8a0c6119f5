"""What the API server serves, and how one object is named.

A `ResourceType` is a row of discovery; an `ObjectKey` names one object across clusters and
served versions, so that an object has one file whatever version it is read in.

`number` makes resourceVersions comparable, where that can be told at all.

The API groups that Kubernetes itself serves are listed here.

A type of any other group is a custom resource or an aggregated one: without a status subresource,
its `status` is a field like every other.
"""

from __future__ import annotations

import msgspec


class ResourceType(msgspec.Struct, frozen=True):
    """One type that discovery served: a group, its preferred version, and a plural name."""

    group: str
    """API group; empty for the core group."""
    version: str
    """The preferred served version, for example `v1`."""
    resource: str
    """Lower-case plural, for example `deployments`."""
    kind: str
    """For example `Deployment`."""
    namespaced: bool
    """Whether objects of this type live in namespaces."""
    verbs: tuple[str, ...] = ()
    """What the server allows in principle: list, watch, get, …"""
    short_names: tuple[str, ...] = ()
    """kubectl's abbreviations, for example `deploy`."""
    singular: str = ""
    """Lower-case singular, for example `deployment`."""
    categories: tuple[str, ...] = ()
    """Discovery categories, for example `all`."""
    subresources: tuple[str, ...] = ()
    """For example `status`, `scale`."""
    meant_by: tuple[str, ...] = ()
    """Patterns of the configuration that have meant this type at some time, whatever it is called now."""
    perhaps: str = ""
    """A pattern of `[[sensitive]]` that matches nothing and could mean this type."""

    @property
    def api_version(self) -> str:
        """`v1` or `apps/v1`, as objects spell it."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def name(self) -> str:
        """kubectl's full name: `pods`, `deployments.apps`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    @property
    def has_status(self) -> bool:
        """Whether `status` is a subresource (otherwise it is an ordinary field)."""
        return "status" in self.subresources

    @property
    def watchable(self) -> bool:
        """Whether objects of this type can be listed and watched."""
        return "list" in self.verbs and "watch" in self.verbs


class ObjectKey(msgspec.Struct, frozen=True, order=True, gc=False):
    """Names one object: versionless, and unique across clusters."""

    cluster: str
    group: str
    resource: str
    namespace: str
    """Empty for objects without a namespace."""
    name: str

    @property
    def type_name(self) -> str:
        """`pods`, `deployments.apps`."""
        return f"{self.resource}.{self.group}" if self.group else self.resource

    def __str__(self) -> str:
        """The path-like identity that commit subjects show: `shop/deployments.apps/web`."""
        return f"{self.namespace or '_cluster'}/{self.type_name}/{self.name}"


NO_VERSION = ("", "0")
"""Aggregated servers may serve "0" for everything, which tells nothing apart."""


def number(version: str) -> int | None:
    """A version as a number, where it is one: versions of one object may then be put in order."""
    return int(version) if version.isascii() and version.isdigit() and len(version) <= 20 else None


BUILTIN_GROUPS = frozenset(
    {
        "",
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)

NAMESPACES = ("", "namespaces")
DEFINITIONS = ("apiextensions.k8s.io", "customresourcedefinitions")
CASCADING = (NAMESPACES, DEFINITIONS)
"""(group, plural) of types whose deletion deletes objects of other types."""
