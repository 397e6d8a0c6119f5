"""What the API server serves, and how one object is named.

A `ResourceType` is a row of discovery; an `ObjectKey` names one object across clusters and
served versions, so that an object has one file whatever version it is read in.
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
