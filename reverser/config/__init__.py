"""One TOML file becomes one `Config`, or a list of everything that is wrong with it.

`load` reads the file, `decode` turns tables into structs, `config_checks` compares them with each other
and with what the parsers of rules and layouts take. A field that could not be decoded keeps its default, so
that the later steps still find the other problems; the result is handed out only when there are none.
Nothing here connects to anything: whether a key fits a server is `reverser check`'s question.
"""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reverser.config.config_checks import check
from reverser.config.decode import Decoder
from reverser.config.listeners import Audit, Operations, Webhook
from reverser.config.problems import Report
from reverser.config.resource_tables import Resources, Tenancy
from reverser.config.schema import Cluster, Config, Log, Plugins
from reverser.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = [
    "Audit",
    "Cluster",
    "Config",
    "Log",
    "Operations",
    "Plugins",
    "Resources",
    "Tenancy",
    "Webhook",
    "load",
    "parse",
    "read",
]


def load(path: str | Path, environ: Mapping[str, str]) -> Config:
    """Read a configuration file; raises ConfigError with every problem of it at once."""
    return _without_problems(*read(path, environ))


def parse(text: str, environ: Mapping[str, str]) -> Config:
    """The same for a text that is already in memory."""
    return _without_problems(*_parsed(text, environ))


def read(path: str | Path, environ: Mapping[str, str]) -> tuple[Config, list[Problem]]:
    """What could be read of a file, and every problem; for who looks at the plugins before it gives up."""
    try:
        text = Path(path).read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        return Config(), [Problem(str(path), f"is not UTF-8 (byte {error.start})")]
    except OSError as error:
        hint = "`reverser init` writes one" if isinstance(error, FileNotFoundError) else ""
        return Config(), [Problem(str(path), f"cannot be read: {error.strerror}", hint)]
    try:
        return _parsed(text, environ)
    except ConfigError as error:  # not TOML: the place is one in the file
        return Config(), [Problem(f"{path}, {each.path}", each.message, each.hint) for each in error.problems]


def _parsed(text: str, environ: Mapping[str, str]) -> tuple[Config, list[Problem]]:
    report = Report()
    config = Decoder(environ, report).config(_tables(text))
    check(config, report)
    return config, report.problems


def _without_problems(config: Config, problems: list[Problem]) -> Config:
    if problems:
        raise ConfigError(problems)
    return config


def _tables(text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, _, where = str(error).rpartition(" (at ")
        position = re.sub(r"\)$", "", where) if what else "end of document"
        raise ConfigError([Problem(position, what or str(error), "this is not valid TOML")]) from None
