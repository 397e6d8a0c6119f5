"""`reverser plugins`: what is loaded, whether it keeps the contract, which hooks there are."""

from __future__ import annotations

import inspect
import os
import sys
from collections.abc import Callable, Sequence
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from reverser.app.plugin_setup import configured
from reverser.builtin_hooks import BUILT_IN
from reverser.cli import config_option
from reverser.cli.exit_codes import EXIT_CONFIG
from reverser.log import configure
from reverser.plugins.plugin import hooks_of
from reverser.plugins.register import SPECIFICATIONS, register
from reverser.testing import contract

LINE_MOST = 10_000


@click.group("plugins", epilog="Example: reverser plugins list --config reverser.toml")
def command() -> None:
    """List plugins, check them, and list the hooks that they can implement.

    docs/plugins.md shows how to write one. Nothing is loaded that [plugins] does not name.
    """
    configure("console", "warning")


@command.command("list", epilog="Example: reverser plugins list --config reverser.toml")
@config_option
def show(config_path: str) -> None:
    """Show what is loaded, in the order of calling, with its hooks."""
    config, host = configured(config_path, os.environ)
    hooks, _ = register(host.plugins)
    built_in = [
        (name, "built in", " ".join(BUILT_IN[name]))
        for name in BUILT_IN
        if name not in config.plugins.disabled
    ]
    rows = [(each.name, each.origin, " ".join(hooks_of(each, hooks))) for each in host.plugins]
    _table(("PLUGIN", "FROM", "HOOKS"), [*built_in, *rows])


@command.command("check", epilog="Example: reverser plugins check --config reverser.toml")
@config_option
@click.argument("names", nargs=-1, metavar="[NAME]…")
def check(config_path: str, names: tuple[str, ...]) -> None:
    """Check that plugins keep their contract, with sample objects: all that are enabled, or those named.

    A deciding hook must answer by its arguments alone and must not change them, a sanitizer may only remove
    fields, a layout must give each object a path of its own. Exit status 78 when one does not.
    """
    config, host = configured(config_path, os.environ)
    plugins = {plugin.name: plugin for plugin in host.plugins}
    if unknown := [name for name in names if name not in plugins]:
        raise click.BadParameter(f"{unknown[0]!r} is not enabled in [plugins]", param_hint="NAME")
    faults = {
        name: contract(plugins[name].code, config.plugins.tables.get(name)) for name in names or plugins
    }
    for name, breaches in faults.items():
        for fault in breaches or ["keeps the contract"]:
            click.echo(f"{name}: {fault}")
    if not faults:
        click.echo("no plugin is enabled")
    sys.exit(EXIT_CONFIG if any(faults.values()) else 0)


@command.command("hooks", epilog="Example: reverser plugins hooks")
def hooks() -> None:
    """List the hooks that a plugin can implement: signature, and what each is for."""
    for name, function in SPECIFICATIONS.items():
        click.secho(_signature(name, function), bold=True)
        click.echo(f"{inspect.cleandoc(function.__doc__ or '')}\n")


def _signature(name: str, function: Callable[..., Any]) -> str:
    colour = "async def" if inspect.iscoroutinefunction(function) else "def"
    return f"{colour} {name}({', '.join(inspect.signature(function).parameters)})"


def _table(heads: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> None:
    table = Table(*heads, box=None, pad_edge=False)
    for row in rows:
        table.add_row(*row)
    # Who reads it in a pipe wants all of it, however long the lines are.
    Console(width=None if sys.stdout.isatty() else LINE_MOST).print(table)
