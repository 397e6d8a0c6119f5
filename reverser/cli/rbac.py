"""`reverser rbac`: the roles that a daemon needs, and no others, as YAML for `kubectl apply`.

The cluster is asked which types the rules select and, with `[resources]`, for the custom resources; that
needs rights of a person, not the daemon's. With `--from-cluster` the configuration itself is read from there.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click
import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.plugin_setup import configured
from reverser.app.rights import needed
from reverser.app.second_source import combined
from reverser.config import Cluster, Config
from reverser.custom_resources.model import Compiled
from reverser.custom_resources.one_look import look
from reverser.errors import StalledError
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.discovery import discover
from reverser.kube.errors import NotFound
from reverser.kube.permissions import binding, roles
from reverser.log import configure
from reverser.manifest.emitter import render
from reverser.model.change import Stream
from reverser.plugins import Host
from reverser.webhook.registration import NAME
from reverser.webhook.upkeep import Listener, calling

ACCOUNT = "gitops-reverser-system/gitops-reverser"
CONFIG_MAP = "gitops-reverser-config"
ROLE = "gitops-reverser-exact"
LABELS = {"app.kubernetes.io/created-by": "reverser-rbac"}


class Target(msgspec.Struct, frozen=True):
    """For whom roles are printed."""

    namespace: str
    account: str
    cluster: str
    """Name of a [[clusters]] table; empty: the only one."""
    role: str


@click.command(
    "rbac",
    epilog="""\b
Examples:
  reverser rbac --config reverser.toml
  reverser rbac --from-cluster | kubectl apply -f -
  reverser rbac --from-cluster --account tools/prod --config-map prod-config | kubectl apply -f -

\b
To remove roles that are not needed any more, before the new ones are applied:
  kubectl delete clusterrole,clusterrolebinding,role,rolebinding \\
    --all-namespaces -l app.kubernetes.io/created-by=reverser-rbac""",
)
@click.option("--config", "-c", "config_path", type=click.Path(dir_okay=False), help="A configuration file.")
@click.option(
    "--from-cluster",
    is_flag=True,
    help="The file in the ConfigMap of an installation, in the account's namespace.",
)
@click.option(
    "--config-map",
    default=CONFIG_MAP,
    show_default=True,
    metavar="NAME",
    help="With --from-cluster: its name.",
)
@click.option("--cluster", default="", metavar="NAME", help="The name of a [[clusters]] table.")
@click.option(
    "--account",
    default=ACCOUNT,
    show_default=True,
    metavar="NS/NAME",
    help="The service account that reverser runs as.",
)
@click.option("--name", default=ROLE, show_default=True, help="Name of all roles and their bindings.")
def command(
    config_path: str | None, from_cluster: bool, config_map: str, cluster: str, account: str, name: str
) -> None:
    """Print the exact roles that reverser needs, with their bindings.

    What rules and custom resources select now may be read, and nothing else: apply it again when they change.
    You need the right to read the custom resources, and, to apply it, all rights that it gives.
    """
    configure("console", "error")
    if bool(config_path) == from_cluster:
        raise click.UsageError("give exactly one of --config and --from-cluster")
    namespace, slash, service_account = account.partition("/")
    if not (slash and namespace and service_account):
        raise click.BadParameter("must be NAMESPACE/NAME", param_hint="--account")
    target = Target(namespace, service_account, cluster, name)
    config, host = (
        _installed(namespace, config_map) if from_cluster else configured(config_path or "", os.environ)
    )
    chosen = _chosen(config, cluster)
    click.echo("---\n".join(trio.run(_printed, config, host, chosen, target)), nl=False)


def _chosen(config: Config, name: str) -> Cluster:
    clusters = {each.name: each for each in config.clusters}
    if name not in clusters and (name or len(clusters) > 1):
        raise click.UsageError(f"--cluster must be one of {', '.join(clusters)}")
    return clusters[name] if name else config.clusters[0]


def _installed(namespace: str, config_map: str) -> tuple[Config, Host]:
    """The configuration of an installation, read from its ConfigMap."""
    text = trio.run(_config_map, namespace, config_map)
    with tempfile.TemporaryDirectory(prefix="reverser-rbac-") as folder:
        path = Path(folder) / "reverser.toml"
        path.write_text(text, encoding="utf-8")
        return configured(str(path), os.environ)


async def _config_map(namespace: str, name: str) -> str:
    login = await credentials.load("", "")
    async with Client.open(login) as client:
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        try:
            document = await client.get(path, into=dict[str, Any])
        except NotFound:
            message = f"there is no ConfigMap {namespace}/{name}"
            hint = "--account names another namespace, --config-map another ConfigMap, --config a file"
            raise StalledError("NotInstalled", message, hint=hint) from None
    return str((document.get("data") or {}).get("reverser.toml", ""))


async def _printed(config: Config, host: Host, cluster: Cluster, target: Target) -> list[str]:
    login = await credentials.load(cluster.kubeconfig, cluster.context)
    async with Client.open(login) as client:
        compiled = Compiled()
        if config.resources is not None and cluster.name == config.home_cluster:
            compiled = (await look(client, config)).compiled
        assembly = Assembly(combined(config, compiled), b"", host)
        wanted = assembly.wanted(cluster.name, (await discover(client)).types)
        streams = [Stream(cluster.name, kind, space) for kind, spaces in wanted.items() for space in spaces]
        rights = needed(
            config,
            compiled,
            streams,
            cluster=cluster.name,
            namespace=target.namespace,
            registrations=await _registrations(client, config, target.namespace),
        )
    documents = []
    for role in roles(rights, target.role):
        role["metadata"]["labels"] = LABELS
        documents += [role, binding(role, target.namespace, target.account)]
    return [render(document).decode() for document in documents]


async def _registrations(client: Client, config: Config, namespace: str) -> Sequence[str]:
    """Those that call us; the usual name where none does yet."""
    if config.webhook is None:
        return ()
    return await calling(client, Listener(names=config.webhook.tls.names, namespace=namespace)) or [NAME]
