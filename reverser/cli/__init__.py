"""The command line: one module a command, loaded when it is called.

Only this package reads argv and the environment. What a command raises ends here as one of the
documented exit codes: 78 the configuration, 69 a server was unreachable or refused, 70 a bug
(a traceback tells where, without the text of the error), 2 wrong usage, 130 Ctrl-C, 0 all is well.
"""

from __future__ import annotations

import importlib
from typing import Any

import click

from reverser import __version__
from reverser.cli.exit_codes import exits, interruptible
from reverser.process_one import reap_orphans

COMMANDS = {
    "init": "Connect to a cluster and a remote, and write a reverser.toml that works.",
    "check": "Check the configuration, the clusters and the remotes.",
    "run": "Watch the clusters and write every change to Git, until stopped.",
    "snapshot": "Write one complete state to Git or to a folder, and exit.",
    "withheld": "List what is not in Git, and why.",
    "webhook": "Register the admission webhook, which tells who makes a change: install, uninstall, print.",
    "audit": "Learn who made a change from the audit log: print-policy, print-webhook, replay.",
    "rbac": "Print the exact roles that reverser needs, for kubectl apply.",
    "keys": "Make a key to sign commits with, and print the keys that verify them.",
    "plugins": "List plugins, check them, and list the hooks that they can implement.",
    "demo": "See it work: no cluster, no remote, no settings needed.",
}

config_option = click.option(
    "--config",
    "-c",
    "config_path",
    type=click.Path(dir_okay=False),
    default="reverser.toml",
    show_default=True,
    help="The configuration file.",
)
"""The option that most commands share."""


class Commands(click.Group):
    """Finds `reverser.cli.NAME:command`; `--help` of the group imports none of them."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 click's signature
        return list(COMMANDS)

    def invoke(self, ctx: click.Context) -> Any:
        """Here, since click itself makes another exit code of Ctrl-C."""
        with interruptible():
            return super().invoke(ctx)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        command = importlib.import_module(f"reverser.cli.{cmd_name}").command
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


@click.group(
    cls=Commands,
    epilog="Example: reverser run --config reverser.toml",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, "--version", "-V", prog_name="reverser", message="%(prog)s %(version)s")
def group() -> None:
    """Turns live Kubernetes API activity into clean, versioned YAML in Git."""


def main(**options: Any) -> None:
    """The console script."""
    reap_orphans()
    with exits():
        group(prog_name="reverser", **options)
