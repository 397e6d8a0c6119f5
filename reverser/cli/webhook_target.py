"""What `reverser webhook` and `reverser audit` share: options, and what they ask a cluster for."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import click
import msgspec
import trio

from reverser.certs.ca_state import CaState
from reverser.certs.secret_store import cert_secret, reconcile
from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.config import Cluster, Config, Webhook, load
from reverser.errors import ConfigError, Problem
from reverser.journal.data_directory import lock
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.discovery import discover
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from reverser.sanitize.excluded_types import excluded_type
from reverser.select.rules import ExcludeType
from reverser.webhook.address import Endpoint, by_service, by_url
from reverser.webhook.path_secret import path_secret

cluster_option = click.option(
    "--cluster", "cluster_name", metavar="NAME", help="The name of a [[clusters]] table."
)
url_option = click.option("--url", metavar="URL", help="https://HOST[:PORT] that the API server calls.")
service_option = click.option(
    "--service", metavar="NS/NAME[:PORT]", help="The Service that the API server calls."
)
ca_option = click.option(
    "--ca-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="PEM file of the authority to trust; else ca.crt beside the certificate.",
)
offline_option = click.option("--offline", is_flag=True, help="Do not ask the cluster for its types.")


class Setting(msgspec.Struct, frozen=True):
    """A configuration, and one cluster of it."""

    config: Config
    cluster: Cluster
    webhook: Webhook

    @property
    def rules(self) -> list[Rule]:
        """The cluster's rules, and one that stands for those that custom resources may come to have."""
        rules = [rule for rule in self.config.rules if rule.cluster == self.cluster.name]
        if self.config.resources is None or self.cluster.name != self.config.home_cluster:
            return rules
        namespaces = self.config.resources.namespaces or ("*",)
        name, cluster = "custom-resources", self.cluster.name
        return [*rules, Rule(name, "", cluster=cluster, namespaces=namespaces, exclude_namespaces=())]

    def path(self, path: str) -> str:
        """Where the cluster calls: below the secret, if there is one; by its name, if there are several."""
        secret = path_secret(self.webhook.path_secret)
        name = f"/{self.cluster.name}" if len(self.config.clusters) > 1 else ""
        return f"{f'/{secret}' if secret else ''}{path}{name}"

    @property
    def secrets(self) -> bool:
        """Whether a rule of the cluster leads to a destination that keeps Secrets."""
        reached = {rule.destination for rule in self.rules}
        return any(each.secrets != "omit" for each in self.config.destinations if each.name in reached)

    @property
    def exclude(self) -> ExcludeType:
        """What is excluded by default; plugins may exclude more, which costs a call and no more."""
        disabled = "builtin.exclusions" in self.config.plugins.disabled
        return (lambda _: "") if disabled else excluded_type


class WebhookTarget(msgspec.Struct, frozen=True):
    """A setting, where its listener is reached, and whom to trust there."""

    setting: Setting
    endpoint: Endpoint
    ca_bundle: bytes
    own: bool
    """Whether the authority is self-managed."""


def setting(config_path: str, cluster_name: str | None) -> Setting:
    """Load the file. Raises ConfigError, UsageError when several clusters leave a choice."""
    config = load(config_path, os.environ)
    if config.webhook is None:
        hint = "add [webhook]; config.example.toml has one"
        raise ConfigError(
            [Problem("webhook", "is missing, so there is no listener that an API server could call", hint)]
        )
    clusters = {cluster.name: cluster for cluster in config.clusters}
    if cluster_name is None and len(clusters) > 1:
        raise click.UsageError(f"--cluster must be one of {', '.join(clusters)}")
    name = cluster_name or next(iter(clusters))
    if name not in clusters:
        raise click.BadParameter(f"{name!r} is not one of {', '.join(clusters)}", param_hint="--cluster")
    return Setting(config, clusters[name], config.webhook)


def gathered(
    config_path: str, cluster_name: str | None, url: str | None, service: str | None, ca_file: Path | None
) -> WebhookTarget:
    """All of it, for a command that tells an API server where to call."""
    chosen = setting(config_path, cluster_name)
    endpoint = _endpoint(url, service)
    own = chosen.webhook.tls.mode == "self-managed" and ca_file is None
    if own:
        _self_managed(chosen).check(endpoint.host)
    return WebhookTarget(
        chosen, endpoint, _own_bundle(chosen) if own else _given_bundle(chosen, ca_file), own
    )


def _endpoint(url: str | None, service: str | None) -> Endpoint:
    if bool(url) == bool(service):
        raise click.UsageError("give exactly one of --url and --service")
    try:
        return by_url(url) if url else by_service(service or "")
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--url" if url else "--service") from None


def _self_managed(chosen: Setting) -> SelfManaged:
    return SelfManaged(Path(chosen.config.data_dir) / FOLDER, chosen.webhook.tls.names)


def _own_bundle(chosen: Setting) -> bytes:
    """The self-managed authority, made when there is none: then no daemon may be running on it.

    One that a Secret keeps is taken from there, and made there, whatever the data directory holds.
    """
    own = _self_managed(chosen)
    where = cert_secret(chosen.config)
    if where is not None:
        return trio.run(
            partial(reconcile, where, CaState(), own.names, datetime.now(UTC), renew=False)
        ).bundle
    if not own.exists:
        with lock(Path(chosen.config.data_dir)):
            own.renew(datetime.now(UTC))
    return own.ca_bundle()


def _given_bundle(chosen: Setting, ca_file: Path | None) -> bytes:
    """A file's; without one the API server trusts whom it trusts anyway."""
    path = ca_file or Path(chosen.webhook.tls.certificate).with_name("ca.crt")
    try:
        return path.read_bytes()
    except OSError as error:
        if ca_file is None and isinstance(error, FileNotFoundError):
            return b""
        hint = "--ca-file" if ca_file else "ca.crt beside webhook.tls.certificate"
        raise click.UsageError(f"{hint}: {path} cannot be read: {error.strerror}") from None


@asynccontextmanager
async def client(cluster: Cluster) -> AsyncIterator[Client]:
    """A client of the cluster. Raises StalledError."""
    login = await credentials.load(cluster.kubeconfig, cluster.context)
    async with Client.open(login) as opened:
        yield opened


async def types(cluster: Cluster) -> tuple[ResourceType, ...]:
    """What the cluster serves. Raises TransientError or StalledError."""
    async with client(cluster) as opened:
        return (await discover(opened)).types
