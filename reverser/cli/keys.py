"""`reverser keys`: make a key that signs commits, and tell others how to verify them."""

from __future__ import annotations

import os
from pathlib import Path

import click
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from reverser.cli.options import config_option
from reverser.config import load
from reverser.errors import ConfigError, Problem, StalledError
from reverser.git.signing import public_key
from reverser.git.sshsig import public_line
from reverser.private import write_private


@click.group(
    "keys",
    epilog="""\b
Examples:
  reverser keys new /etc/reverser/signing
  reverser keys signers --config reverser.toml > allowed_signers""",
)
def command() -> None:
    """Make keys that sign commits, and print what verifies them."""


@command.command("new")
@click.argument("path", type=click.Path(dir_okay=False, path_type=Path))
def new(path: Path) -> None:
    """Make an ed25519 key pair: the private key at PATH, the public one at PATH.pub, and shown.

    It serves as [destinations.signing] key, and as the deploy key of an ssh remote.
    """
    public = path.with_name(f"{path.name}.pub")
    for each in (path, public):
        if each.exists():
            raise click.UsageError(f"{each} is already there; nothing was changed")
    key = ed25519.Ed25519PrivateKey.generate()
    form = serialization.Encoding.PEM, serialization.PrivateFormat.OpenSSH, serialization.NoEncryption()
    path.parent.mkdir(parents=True, exist_ok=True)
    write_private(path, key.private_bytes(*form))
    line = f"{public_line(key)} reverser"
    public.write_text(f"{line}\n", encoding="utf-8")
    click.echo(line)


@command.command("signers")
@config_option
def signers(config_path: str) -> None:
    """Print an allowed_signers file for the destinations whose commits are signed.

    Use it as `git config gpg.ssh.allowedSignersFile FILE`; then `git log --show-signature` verifies.
    """
    config = load(config_path, os.environ)
    for destination in config.destinations:
        if destination.signing is None:
            continue
        try:
            key = public_key(destination.signing.key)
        except StalledError as error:
            place = f"destinations.{destination.name}.signing.key"
            raise ConfigError([Problem(place, error.message, error.hint)]) from None
        email = destination.committer.rpartition("<")[2].rstrip(">")
        click.echo(f'{email} namespaces="git" {key}')
