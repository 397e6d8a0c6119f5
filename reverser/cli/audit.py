"""`reverser audit`: the two files that make an API server send its audit events, and the past in a log."""

from __future__ import annotations

from pathlib import Path

import click
import trio

from reverser.cli import config_option
from reverser.cli import webhook_target as shared
from reverser.cli.audit_replay import replay_command
from reverser.log import configure
from reverser.webhook.address import AUDIT_PATH
from reverser.webhook.audit_policy import policy, policy_file, webhook_file


@click.group(
    "audit",
    epilog="""\b
Examples:
  reverser audit print-policy --config reverser.toml > policy.yaml
  reverser audit print-webhook --config reverser.toml --url https://10.0.0.5:9443 > webhook.yaml
  reverser audit replay --config reverser.toml audit.log""",
)
def command() -> None:
    """Have an API server send its audit events, which tell who made a change, or replay a past audit log."""
    configure("console", "error")


command.add_command(replay_command)


@command.command(
    "print-policy", epilog="Example: reverser audit print-policy --config reverser.toml > policy.yaml"
)
@config_option
@shared.cluster_option
@shared.offline_option
def print_policy(config_path: str, cluster_name: str | None, offline: bool) -> None:
    """Print the audit policy: it covers what the rules select, and records no Secret's value."""
    setting = shared.setting(config_path, cluster_name)
    types = () if offline else trio.run(shared.types, setting.cluster)
    content = policy(setting.rules, types=types, secrets=setting.secrets, exclude=setting.exclude)
    click.echo(policy_file(content), nl=False)


@command.command(
    "print-webhook",
    epilog="Example: reverser audit print-webhook --config reverser.toml --url https://10.0.0.5:9443",
)
@config_option
@shared.cluster_option
@shared.url_option
@shared.ca_option
def print_webhook(config_path: str, cluster_name: str | None, url: str | None, ca_file: Path | None) -> None:
    """Print the kubeconfig that tells the API server where to send events, with the flags that it needs."""
    reached = shared.gathered(config_path, cluster_name, url, None, ca_file)
    setting = reached.setting
    login = bool(setting.webhook.tls.client_ca)
    content = webhook_file(reached.endpoint, reached.ca_bundle, path=setting.path(AUDIT_PATH), login=login)
    click.echo(content, nl=False)
