"""What reverser listens on: the ports of probes, metrics, admission webhook and audit webhook.

Each struct is a table of the configuration file; the text under a field is what docs/configuration.md says
about it.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from reverser.model.secret import SecretRef


class Operations(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The listener for probes and metrics."""

    bind: str = "127.0.0.1:8081"
    """`host:port` of /healthz, /readyz and /metrics; port 0 picks a free one."""


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
