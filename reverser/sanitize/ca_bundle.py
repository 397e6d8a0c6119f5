"""CA bundles that something injects into CRDs, webhook configurations and API services; our own secret path.

An injector (cert-manager, an operator's own start-up) owns the bundle and nothing beside it. Who
wrote the bundle and the rest of the client configuration alike meant it: it stays.
"""

from __future__ import annotations

import re

from reverser.sanitize.json_content import Content, drop, mapping, rows
from reverser.sanitize.managed_fields import Step
from reverser.sanitize.metadata import OriginalObject

_BUNDLE = "caBundle"
HIDDEN = "/path-secret"
_SECRET = re.compile(r"/[A-Za-z0-9_-]{32,256}(?=/process-validating-webhook(?:/|$))")


def custom_resource_definition(content: Content, live: OriginalObject) -> None:
    """The bundle of the conversion webhook."""
    _strip(mapping(content, "spec", "conversion", "webhook", "clientConfig"), live,
           "spec", "conversion", "webhook", "clientConfig")  # fmt: skip


def webhooks(content: Content, live: OriginalObject) -> None:
    """The bundle of each webhook of a configuration."""
    for webhook in rows(content, "webhooks"):
        keys = {"name": webhook.get("name")}
        called = mapping(webhook, "clientConfig")
        _strip(called, live, "webhooks", keys, "clientConfig")
        _hide_secret(called)
        _hide_secret(mapping(called, "service") if called is not None else None)


def api_service(content: Content, live: OriginalObject) -> None:
    """The bundle of an aggregated API."""
    _strip(mapping(content, "spec"), live, "spec")


def _hide_secret(called: Content | None) -> None:
    """The secret in front of our own path stands for a login: see `webhook.path_secret`."""
    for key in ("url", "path"):
        value = (called or {}).get(key)
        if called is not None and isinstance(value, str):
            called[key] = _SECRET.sub(HIDDEN, value)


def _strip(parent: Content | None, live: OriginalObject, *path: Step) -> None:
    if parent is None or _BUNDLE not in parent or not live.owners.known:
        return
    authors = {name for key in parent if key != _BUNDLE for name in live.owners.owners(*path, key)}
    if authors.isdisjoint(live.owners.owners(*path, _BUNDLE)):
        drop(parent, _BUNDLE)
