"""`reverser init`: a few questions, a look at the cluster and the remote, and a file that works.

Every question has an option that answers it. What is written has been read back by the
configuration's own loader before, and a file that is already there is not touched.

With `--force` it is replaced at once: a symbolic link by a file, whatever it leads to, and a file by one
that no more people can read. Others may read a new file as the umask has it: it names where secrets are,
and holds none.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

import click
import trio

from reverser.cli import config_option
from reverser.cli.check_connections import Findings, inspect
from reverser.cli.init_answers import Answers, draft, usable
from reverser.config import Config, parse
from reverser.errors import ConfigError, Problem, StalledError
from reverser.log import configure
from reverser.plugins import Host


@click.command(
    "init",
    epilog="""\b
Examples:
  reverser init
  reverser init --yes --url git@example.com:org/live.git --namespace shop
  reverser init --yes --url https://example.com/live.git \\
      --username bot --password-file /etc/reverser/token""",
)
@config_option
@click.option("--cluster", "context", metavar="CONTEXT", help="A context of the kubeconfig.")
@click.option("--kubeconfig", help="A kubeconfig file; by default the one that kubectl uses.")
@click.option(
    "--namespace", "namespaces", multiple=True, metavar="GLOB", help="Only these namespaces; may be repeated."
)
@click.option("--url", help="The repository to write to.")
@click.option("--branch", help="The branch to write to; by default main.")
@click.option("--ssh-key", help="File with the private key for an ssh remote.")
@click.option("--known-hosts", help="File with the host keys of an ssh remote.")
@click.option("--username", help="User name for an http remote.")
@click.option("--password-file", help="File with that user's password or token.")
@click.option("--data-dir", help="Folder for the journal and the repositories.")
@click.option("--yes", is_flag=True, help="Ask nothing.")
@click.option("--force", is_flag=True, help="Replace a file that is already there.")
def command(
    config_path: str, namespaces: tuple[str, ...], yes: bool, force: bool, **given: str | None
) -> None:
    """Connect to a cluster and a remote, and write a commented configuration that works.

    Asks for everything that no option gives. Nothing is written when the cluster or the remote does not
    answer, unless you say so.
    """
    configure("console", "error")
    path = Path(config_path)
    if os.path.lexists(path) and not force:
        raise click.UsageError(f"{path} is already there; --force replaces it")
    if not usable(path.parent):
        raise ConfigError([Problem("--config", f"{path.parent} cannot be written by this user")])
    text = draft(Answers(given, ask=not yes), namespaces).render()
    config = _read_back(text)
    findings = trio.run(inspect, config, Host())
    answered = _tell(findings)
    if not usable(Path(config.data_dir)):
        click.echo(f"--data-dir: {config.data_dir} cannot be written by this user, here", err=True)
    if not answered and (yes or not click.confirm("Write the file anyway?", err=True)):
        raise StalledError(
            "NotReady",
            f"{config_path} was not written",
            hint="fix what is listed above, then run `reverser init` again",
        )
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        _replace(path, text)
    except OSError as error:
        raise ConfigError([Problem("--config", f"{path} cannot be written: {error.strerror}")]) from None
    click.echo(f"wrote {path}; next:\n  reverser check --config {path}\n  reverser run --config {path}")


OPTIONS = {
    "clusters.default.kubeconfig": "--kubeconfig",
    "clusters.default.context": "--cluster",
    "destinations.live.url": "--url",
    "destinations.live.branch": "--branch",
    "destinations.live.credentials.ssh_key": "--ssh-key",
    "destinations.live.credentials.known_hosts": "--known-hosts",
    "destinations.live.credentials.username": "--username",
    "destinations.live.credentials.password": "--password-file",
    "data_dir": "--data-dir",
    "rules.everything.namespaces": "--namespace",
}
"""Key path of what is written -> the option that tells it."""


def _read_back(text: str) -> Config:
    """Raises ConfigError in the words of the options: nobody has seen the file's keys yet."""
    try:
        return parse(text, os.environ)
    except ConfigError as error:
        problems = [Problem(_option(each.path), each.message, each.hint) for each in error.problems]
        raise ConfigError(problems) from None


def _option(path: str) -> str:
    return next((option for key, option in OPTIONS.items() if path.startswith(key)), path)


def _replace(path: Path, text: str) -> None:
    """Write the file beside its place, and put it there when it is complete. Raises OSError."""
    partial = path.with_name(f".{path.name}.{os.getpid()}.new")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            if os.path.lexists(path) and stat.S_ISREG(before := path.lstat().st_mode):
                os.fchmod(descriptor, stat.S_IMODE(before) & 0o666)
            file.write(text)
        partial.replace(path)
    except BaseException:
        partial.unlink()
        raise


def _tell(findings: Findings) -> bool:
    """Say what was seen; whether both answered. Types that we may not read are told, no more."""
    [cluster], [remote] = findings.clusters, findings.destinations
    if cluster.error:
        click.echo(f"cluster: {cluster.error}", err=True)
    else:
        click.echo(
            f"cluster: {cluster.server}, {cluster.version}, {len(cluster.types)} types to watch", err=True
        )
    if cluster.roles:
        click.echo(
            f"cluster: reverser may not read all of these types; to allow it, apply:\n{cluster.roles}",
            err=True,
        )
    branch = "there" if remote.branch_exists else "new"
    state = f"would accept a push to {remote.branch} ({branch})" if remote.ok else remote.message
    click.echo(f"remote: {state}", err=True)
    for hint in filter(None, (cluster.hint, remote.hint)):
        click.echo(f"  {hint}", err=True)
    return remote.ok and not cluster.error
