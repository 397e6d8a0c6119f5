"""`reverser run`: the daemon."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

import click
import structlog
import trio

from reverser.app.daemon import Daemon
from reverser.app.plugin_setup import configured, reloaded
from reverser.cli import config_option
from reverser.config import Config, load
from reverser.config.secret_fields import unreadable
from reverser.log import configure
from reverser.plugins import Host

log = structlog.get_logger()

SWITCH_SECONDS = 0.0005
"""How long a thread may keep the others waiting. An answer to the API server waits for the interpreter some
ten times: at Python's 5 ms each, it would be late whenever a large object is looked at in a thread."""


@click.command(
    "run",
    epilog="""\b
Example:
  reverser run --config reverser.toml
Signals:
  TERM, INT  push what the journal holds, then end; a second one ends at once
  HUP        read the configuration again; a bad one is reported, the old one stays""",
)
@config_option
def command(config_path: str) -> None:
    """Follow the clusters and commit every change, until a signal ends it.

    It never exits because of a cluster or a remote: what cannot be reached is tried again, and
    /readyz says what is wrong.
    """

    def log_there(config: Config) -> None:
        configure(config.log.format, config.log.level)

    config, host = configured(config_path, os.environ, listening=True, before=log_there)
    warn(config, host)
    sys.setswitchinterval(SWITCH_SECONDS)
    trio.run(_run, config, lambda: _reload(config_path, host), host)


def _reload(config_path: str, host: Host) -> Config:
    """The configuration for a process that has these plugins. Raises ConfigError."""
    config = load(config_path, os.environ)
    reloaded(config, os.environ, host)
    return config


def warn(config: Config, host: Host) -> None:
    """Tell which files with secrets are not there yet; each is read when it is needed."""
    for problem in unreadable(config.destinations, host.settings):
        log.warning("secret cannot be read yet", problem=str(problem))


async def _run(config: Config, reload: Callable[[], Config], host: Host) -> None:
    await Daemon(config, reload, host).run()
