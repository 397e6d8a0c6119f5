"""The tables of the configuration file that are the process's own.

`[[destinations]]`, `[[rules]]`, `[[sensitive]]` and `[[sanitize]]` are vocabulary that other sources of
configuration share, so their structs stand in `reverser.model`. The text under each field is what
docs/configuration.md tells about it.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from reverser.model.destination import Destination
from reverser.model.identity import Identities
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.model.secret import SecretRef


class Log(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How the process tells what it does, on standard error."""

    format: Literal["auto", "console", "json"] = "auto"
    """auto: for people on a terminal, else one JSON object a line."""
    level: Literal["debug", "info", "warning", "error"] = "info"
    """The least severe message that is shown."""


class Operations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The listener for probes and metrics."""

    bind: str = "127.0.0.1:8081"
    """`host:port` of /healthz, /readyz and /metrics; port 0 picks a free one."""


class Cluster(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One API server that is observed."""

    name: str = "default"
    """Names the cluster in rules, commits and metrics."""
    kubeconfig: str = ""
    """A kubeconfig file; empty: in-cluster, else $KUBECONFIG, else ~/.kube/config."""
    context: str = ""
    """A context of the kubeconfig; empty: its current one."""


class WebhookTls(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The certificate of the webhook listener, and who may call."""

    mode: Literal["files", "self-managed"] = "self-managed"
    """files: yours, or cert-manager's; self-managed: an own authority, kept and renewed."""
    certificate: str = ""
    """PEM file of mode = "files"; a changed file is taken over without a restart."""
    key: str = ""
    """PEM file of its private key."""
    client_ca: str = ""
    """PEM file; with it only clients with a certificate of this authority may call."""
    names: tuple[str, ...] = ()
    """DNS names and addresses that a self-managed certificate is for; localhost always is one."""
    secret: str = ""
    """NAMESPACE/NAME of a Secret in the first cluster that keeps the self-managed ones; empty: data_dir."""


class Webhook(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The listener that an API server calls, which tells who made a change."""

    bind: str = "0.0.0.0:9443"
    """`host:port` of the admission and audit webhooks; port 0 picks a free one."""
    max_body_bytes: int = 4 * 1024 * 1024
    """A larger request body is refused with 413."""
    path_secret: SecretRef | None = None
    """A long secret in front of the paths, for API servers that cannot present a client certificate."""
    tls: WebhookTls = WebhookTls()
    """The certificate, and who may call."""


class Audit(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The audit webhook, behind the same certificate: it tells who made a change after the fact."""

    bind: str = ""
    """`host:port` of a listener of its own; empty: that of `[webhook]`."""
    grace_seconds: float = 5.0
    """How long a change waits for its audit event, where the cluster has sent any; 0: never."""
    max_body_bytes: int = 32 * 1024 * 1024
    """A larger request body, unpacked, is counted and dropped."""


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
    clusters: tuple[Cluster, ...] = (Cluster(),)
    destinations: tuple[Destination, ...] = ()
    rules: tuple[Rule, ...] = ()
    sensitive: tuple[SensitiveRule, ...] = ()
    sanitize: tuple[SanitizeRule, ...] = ()
