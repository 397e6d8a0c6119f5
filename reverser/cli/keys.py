"""`reverser keys`: make a key that signs commits, and print what verifies them."""

from __future__ import annotations

import os
from pathlib import Path

import click
import trio
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ed25519

from reverser.cli import config_option
from reverser.config import load
from reverser.errors import ConfigError, Problem, ReverserError
from reverser.git.openpgp import ARMOUR
from reverser.git.signing_key import public_key
from reverser.git.sshsig import public_line
from reverser.model.destination import Destination, Signing
from reverser.private_files import write_private


@click.group(
    "keys",
    epilog="""\b
Examples:
  reverser keys new /etc/reverser/signing
  reverser keys signers --config reverser.toml > allowed_signers""",
)
def command() -> None:
    """Make keys that sign commits, and print what verifies them."""


@command.command("new", epilog="Example: reverser keys new /etc/reverser/signing")
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
    line = f"{public_line(key)} reverser"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_private(path, key.private_bytes(*form))
        public.write_text(f"{line}\n", encoding="utf-8")
    except OSError as error:
        raise click.UsageError(f"{error.filename} cannot be written: {error.strerror}") from None
    click.echo(line)


@command.command("signers", epilog="Example: reverser keys signers --config reverser.toml > allowed_signers")
@config_option
@click.option("--type", "kind", type=click.Choice(["ssh", "openpgp"]), help="Only keys of this type.")
def signers(config_path: str, kind: str | None) -> None:
    """Print the public keys that verify the commits of destinations that sign.

    SSH: an allowed_signers file, for `git config gpg.ssh.allowedSignersFile FILE`. OpenPGP: public keys, for
    `gpg --import`. Then `git log --show-signature` verifies.
    """
    for destination in load(config_path, os.environ).destinations:
        if destination.signing is not None:
            public = _public(destination.name, destination.signing)
            openpgp = public.startswith(ARMOUR)
            if kind in (None, "openpgp" if openpgp else "ssh"):
                click.echo(public if openpgp else f'{_email(destination)} namespaces="git" {public}')


def _public(name: str, signing: Signing) -> str:
    try:
        return trio.run(public_key, signing)[1]
    except ReverserError as error:
        key_path = f"destinations.{name}.signing.key"
        raise ConfigError([Problem(key_path, error.message, error.hint)]) from None


def _email(destination: Destination) -> str:
    return destination.committer.rpartition("<")[2].rstrip(">")
