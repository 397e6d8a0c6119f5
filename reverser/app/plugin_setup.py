"""From `[plugins]` and `[identities]` to a host: everything loaded and checked, or every problem told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import structlog

from reverser.builtin_hooks import BUILT_IN, BuiltInHooks
from reverser.config import Config, read
from reverser.config.problems import did_you_mean
from reverser.config.secret_fields import unreadable
from reverser.errors import ConfigError, Problem
from reverser.identity.author import Identities, Mailmap, compile_identities
from reverser.plugins import Host, load
from reverser.plugins.load import load_problems
from reverser.plugins.register import register
from reverser.plugins.settings import configure
from reverser.webhook.path_secret import KEY as PATH_SECRET
from reverser.webhook.path_secret import path_secret

log = structlog.get_logger()


def configured(
    path: str,
    environ: Mapping[str, str],
    *,
    files: bool = False,
    listening: bool = False,
    before: Callable[[Config], None] = lambda _: None,
) -> tuple[Config, Host]:
    """A configuration file with its plugins. Raises ConfigError with every problem of both.

    With `files`, one of them is a file with a secret that cannot be read now; with `listening`, the secret in
    front of the webhook's paths, which is needed at the start. `before` is called before any plugin is: a
    plugin may log at once.
    """
    config, problems = read(path, environ)
    before(config)
    host, wrong = _hosted(config, environ)
    if listening and not any(each.path == PATH_SECRET for each in problems):
        problems += _path_secret_faults(config)
    missing_secrets = unreadable(config.destinations, host.settings) if files else []
    if problems or wrong or missing_secrets:
        raise ConfigError([*problems, *missing_secrets, *wrong])
    return config, host


def hosted(config: Config, environ: Mapping[str, str]) -> Host:
    """The plugins of a configuration, configured. Raises ConfigError with every problem of them."""
    host, problems = _hosted(config, environ)
    if problems:
        raise ConfigError(problems)
    return host


def _hosted(config: Config, environ: Mapping[str, str]) -> tuple[Host, list[Problem]]:
    table = config.plugins
    plugins, problems = load(table.enabled, table.paths)
    hooks, misfits = register(plugins)
    missing = set(table.enabled) - {plugin.name for plugin in plugins}
    tables = {name: each for name, each in table.tables.items() if name not in missing}
    settings, wrong = configure(plugins, hooks, tables, environ)
    problems += misfits + wrong + _unknown(table.disabled)
    return Host(plugins, settings, table.disabled), problems


def reloaded(config: Config, environ: Mapping[str, str], host: Host) -> None:
    """Look at the plugins of a configuration that a running process takes over; loads and configures none.

    Raises ConfigError for what would refuse the next start, as far as that can be told.
    """
    table = config.plugins
    hooks, _ = register(host.plugins)
    loaded = {plugin.name for plugin in host.plugins}
    enabled = [plugin for plugin in host.plugins if plugin.name in table.enabled]
    tables = {
        name: each for name, each in table.tables.items() if name in loaded or name not in table.enabled
    }
    problems = load_problems(table.enabled, table.paths, loaded)
    problems += configure(enabled, hooks, tables, environ, apply=False)[1]
    problems += _unknown(table.disabled)
    if problems:
        raise ConfigError(problems)


def names_of_authors(config: Config) -> tuple[Identities, str]:
    """What says how users are called in Git: the table, and the text of the mailmap that it names."""
    return config.identities, _mailmap_text(config.identities)


def built_in_hooks(config: Config) -> BuiltInHooks:
    """The built-in hooks of a configuration."""
    identify = compile_identities(config.identities.rules, Mailmap(_mailmap_text(config.identities)))
    return BuiltInHooks(identify, config.plugins.disabled)


def _path_secret_faults(config: Config) -> list[Problem]:
    """What keeps the webhook's listener from starting, as far as files tell."""
    try:
        path_secret(config.webhook.path_secret if config.webhook is not None else None)
    except ConfigError as error:
        return [*error.problems]
    return []


def _unknown(disabled: tuple[str, ...]) -> list[Problem]:
    return [
        Problem("plugins.disabled", f"no built-in plugin is called {name!r}", did_you_mean(name, BUILT_IN))
        for name in disabled
        if name not in BUILT_IN
    ]


def _mailmap_text(identities: Identities) -> str:
    """Empty when the file went away since the configuration was read."""
    if not identities.mailmap:
        return ""
    try:
        return Path(identities.mailmap).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        log.warning("mailmap cannot be read", file=identities.mailmap, error=str(error))
        return ""
