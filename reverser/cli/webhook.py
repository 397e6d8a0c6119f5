"""`reverser webhook`: tell an API server to call us at each write, or to stop it."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import click
import trio

from reverser.cli import config_option
from reverser.cli import webhook_target as shared
from reverser.cli.webhook_target import Setting, WebhookTarget
from reverser.kube.discovery import discover
from reverser.log import configure
from reverser.manifest.emitter import render
from reverser.model.resource import ResourceType
from reverser.webhook import install as webhooks
from reverser.webhook.address import ADMISSION_PATH
from reverser.webhook.registration import NAME, registration

name_option = click.option("--name", default=NAME, show_default=True, help="Name of the registration.")


@click.group(
    "webhook",
    epilog="""\b
Examples:
  reverser webhook install --config reverser.toml --service reverser/reverser
  reverser webhook print --config reverser.toml --url https://10.0.0.5:9443
  reverser webhook uninstall --config reverser.toml""",
)
def command() -> None:
    """Register the admission webhook, which tells who made a change.

    The registration never blocks a write: failures are ignored, and an answer is waited for two
    seconds at most.
    """
    configure("console", "error")


@command.command(
    epilog="Example: reverser webhook install --config reverser.toml --service reverser/reverser"
)
@config_option
@shared.cluster_option
@shared.url_option
@shared.service_option
@shared.ca_option
@name_option
def install(
    config_path: str,
    cluster_name: str | None,
    url: str | None,
    service: str | None,
    ca_file: Path | None,
    name: str,
) -> None:
    """Register with the API server, or bring the registration up to date."""
    reached = shared.gathered(config_path, cluster_name, url, service, ca_file)
    trio.run(_install, reached, name)
    click.echo(f"{reached.setting.cluster.name}: the API server calls {reached.endpoint.host} for each write")


@command.command(
    "print", epilog="Example: reverser webhook print --config reverser.toml --url https://10.0.0.5:9443"
)
@config_option
@shared.cluster_option
@shared.url_option
@shared.service_option
@shared.ca_option
@name_option
@shared.offline_option
def show(
    config_path: str,
    cluster_name: str | None,
    url: str | None,
    service: str | None,
    ca_file: Path | None,
    name: str,
    offline: bool,
) -> None:
    """Print the registration as YAML, to apply it yourself."""
    reached = shared.gathered(config_path, cluster_name, url, service, ca_file)
    types = () if offline else trio.run(shared.types, reached.setting.cluster)
    click.echo(render(_document(reached, types, name)), nl=False)


@command.command(epilog="Example: reverser webhook uninstall --config reverser.toml")
@config_option
@shared.cluster_option
@name_option
def uninstall(config_path: str, cluster_name: str | None, name: str) -> None:
    """Remove the registration."""
    setting = shared.setting(config_path, cluster_name)
    removed = trio.run(_uninstall, setting, name)
    click.echo(
        f"{setting.cluster.name}: {'registration removed' if removed else 'there was no registration'}"
    )


def _document(reached: WebhookTarget, types: Collection[ResourceType], name: str) -> dict[str, Any]:
    setting = reached.setting
    return registration(
        setting.rules,
        reached.endpoint,
        reached.ca_bundle,
        types=types,
        secrets=setting.secrets,
        name=name,
        path=setting.path(ADMISSION_PATH),
        keep_bundle=reached.own,
        exclude=setting.exclude,
    )


async def _install(reached: WebhookTarget, name: str) -> None:
    async with shared.client(reached.setting.cluster) as client:
        types = (await discover(client)).types
        await webhooks.install(client, _document(reached, types, name))


async def _uninstall(setting: Setting, name: str) -> bool:
    async with shared.client(setting.cluster) as client:
        return await webhooks.uninstall(client, name)
