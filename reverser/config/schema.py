"""The configuration file as structs: its keys, their types and their defaults.

What is listened on (the ports of probes, metrics and webhooks) stands in `config.listeners`.
`[[destinations]]`, `[[rules]]`, `[[sensitive]]` and `[[sanitize]]` are vocabulary that other sources of
configuration share, so their structs stand in `reverser.model`. The text under each field is what
docs/configuration.md tells about it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from reverser.config.leader_table import Leader
from reverser.config.listeners import Audit, Operations, Webhook
from reverser.config.resource_tables import Resources, Tenancy
from reverser.identity.author import Identities
from reverser.model.destination import Destination
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the process tells what it does, on standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    """auto: for people on a terminal, else one JSON object a line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is shown."""


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One API server that is observed."""

    name: str = "default"
    """Names the cluster in rules, commits and metrics."""
    kubeconfig: str = ""
    """A kubeconfig file; empty: in-cluster, else $KUBECONFIG, else ~/.kube/config."""
    context: str = ""
    """A context of the kubeconfig; empty: its current one."""


class Plugins(msgspec.Struct, frozen=True):
    """Which plugins are loaded, in which order."""

    enabled: tuple[str, ...] = ()
    """Names of installed plugins, or of files in `paths`, in the order of calling."""
    disabled: tuple[str, ...] = ()
    """Built-in plugins to leave out; `reverser plugins list` shows them."""
    paths: tuple[str, ...] = ()
    """Files or folders of Python, each a plugin called like it."""
    tables: dict[str, Any] = {}
    """Not a key: every other table in `[plugins]`, each a plugin's own."""


class Config(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole file."""

    data_dir: str = "/var/lib/reverser"
    """Holds the journal, the bare repositories and the keys; one process at a time may use it."""
    grace_seconds: float = 20.0
    """How long a shutdown may take to push what is journaled; the rest is pushed after the restart."""
    log: Log = Log()
    operations: Operations = Operations()
    webhook: Webhook | None = None
    """Without the table nothing listens, and authors stay unresolved."""
    audit: Audit = Audit()
    identities: Identities = Identities()
    """How users are called in Git."""
    plugins: Plugins = Plugins()
    """Code of others that has a say in what is written, and how."""
    resources: Resources | None = None
    """With the table, custom resources are read besides this file."""
    tenancy: Tenancy = Tenancy()
    """What the owners of namespaces may do by custom resources."""
    leader: Leader | None = None
    """With the table, one of several replicas leads; without it this process is alone."""
    clusters: tuple[Cluster, ...] = (Cluster(),)
    destinations: tuple[Destination, ...] = ()
    rules: tuple[Rule, ...] = ()
    sensitive: tuple[SensitiveRule, ...] = ()
    sanitize: tuple[SanitizeRule, ...] = ()

    @property
    def home_cluster(self) -> str:
        """Name of the cluster whose custom resources are read; empty: none are."""
        if self.resources is None:
            return ""
        return self.resources.cluster or self.clusters[0].name
