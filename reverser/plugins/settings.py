"""Each plugin gets its own table, as a struct that it hands over, or the start is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from reverser.config.decode import Decoder
from reverser.config.problems import Report, did_you_mean
from reverser.errors import Problem
from reverser.log import BOUNDED
from reverser.plugins.failures import line_of_error
from reverser.plugins.plugin import Hook, Hooks, Plugin, hooks_of
from reverser.plugins.watchdog import limited


def configure(
    plugins: Sequence[Plugin],
    hooks: Hooks,
    tables: Mapping[str, dict[str, Any]],
    environ: Mapping[str, str],
    *,
    apply: bool = True,
) -> tuple[dict[str, Any], list[Problem]]:
    """(name -> settings, None for a plugin without any; what is wrong).

    Calls `reverser_configure`; without `apply` only looks at the tables.
    """
    names = [plugin.name for plugin in plugins]
    report = Report()
    for name in tables.keys() - set(names):
        hint = did_you_mean(name, names) or f'add "{name}" to plugins.enabled'
        report.add(f"plugins.{name}", "is not an enabled plugin", hint)
    decoder = Decoder(environ, report)
    settings: dict[str, Any] = {}
    for plugin in plugins:
        key, own = f"plugins.{plugin.name}", hooks_of(plugin, hooks)
        try:
            with limited():
                struct = _decode(key, own, tables.get(plugin.name, {}), decoder, report)
                settings[plugin.name] = struct
                if apply and "reverser_configure" in own and not report.faulty(key):
                    # Not bound: a logger is bound to where the log goes at that moment.
                    log = structlog.get_logger(plugin=plugin.name, **{BOUNDED: True})
                    own["reverser_configure"].call(struct, log)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            report.add(key, _message(error, plugin))
    return settings, report.problems


def _decode(
    key: str, hooks: Mapping[str, Hook], table: dict[str, Any], decoder: Decoder, report: Report
) -> msgspec.Struct | None:
    """The plugin's settings; None when it has none."""
    struct = hooks["reverser_settings"].call() if "reverser_settings" in hooks else None
    if struct is None:
        # A plugin whose hooks do not fit has none here, and is refused for that alone.
        if table and hooks:
            report.add(key, "has no settings", "leave the table out")
        return None
    if not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
        given = f"the class {struct.__name__}" if isinstance(struct, type) else type(struct).__name__
        raise TypeError(f"reverser_settings must answer a class of msgspec.Struct, not {given}")
    settings: msgspec.Struct | None = decoder.struct(struct, table, key)
    return settings


def _message(error: BaseException, plugin: Plugin) -> str:
    """A time limit is a whole message; of other errors the type matters, too."""
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        return f"{error}{line_of_error(error.__cause__, plugin)}"
    return f"{type(error).__name__}: {error}{line_of_error(error, plugin)}"
