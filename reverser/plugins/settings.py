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
from reverser.plugins.failures import place as place_of
from reverser.plugins.plugin import Hooks, Plugin
from reverser.plugins.watchdog import limited


def configure(
    plugins: Sequence[Plugin], hooks: Hooks, tables: Mapping[str, dict[str, Any]], environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """(name -> settings, None for a plugin without any; what is wrong). Calls `reverser_configure`."""
    names = [plugin.name for plugin in plugins]
    report = Report()
    for name in tables.keys() - set(names):
        hint = did_you_mean(name, names) or f'add "{name}" to plugins.enabled'
        report.add(f"plugins.{name}", "is not an enabled plugin", hint)
    decoder = Decoder(environ, report)
    settings: dict[str, Any] = {}
    for plugin in plugins:
        try:
            with limited():
                settings[plugin.name] = _configured(
                    plugin, hooks, tables.get(plugin.name, {}), decoder, report
                )
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            report.add(f"plugins.{plugin.name}", _why(error, plugin))
    return settings, report.problems


def faults(
    plugins: Sequence[Plugin], hooks: Hooks, tables: Mapping[str, dict[str, Any]], environ: Mapping[str, str]
) -> list[Problem]:
    """What is wrong with tables that are not taken over yet; configures nothing."""
    asked = {name: () if name == "reverser_configure" else found for name, found in hooks.items()}
    return configure(plugins, asked, tables, environ)[1]


def _named(found: object) -> str:
    return f"the class {found.__name__}" if isinstance(found, type) else type(found).__name__


def _why(error: BaseException, plugin: Plugin) -> str:
    """A limit of time has words of its own; of others the type matters, too."""
    if isinstance(error, TimeoutError) and error.__cause__ is not None:
        return f"{error}{place_of(error.__cause__, plugin)}"
    return f"{type(error).__name__}: {error}{place_of(error, plugin)}"


def _configured(
    plugin: Plugin, hooks: Hooks, table: dict[str, Any], decoder: Decoder, report: Report
) -> msgspec.Struct | None:
    place = f"plugins.{plugin.name}"
    structs = [hook.call() for hook in hooks["reverser_settings"] if hook.plugin is plugin]
    struct = structs[0] if structs else None
    if struct is not None and not (isinstance(struct, type) and issubclass(struct, msgspec.Struct)):
        raise TypeError(f"reverser_settings must answer a class of msgspec.Struct, not {_named(struct)}")
    settings = decoder.struct(struct, table, place) if struct is not None else None
    known = any(hook.plugin is plugin for found in hooks.values() for hook in found)
    if struct is None and table and known:
        report.add(place, "has no settings", "leave the table out")
    if not report.faulty(place):
        for hook in hooks["reverser_configure"]:
            if hook.plugin is plugin:
                # Not bound: a logger is bound to where the log goes at that moment.
                hook.call(settings, structlog.get_logger(plugin=plugin.name, **{BOUNDED: True}))
    return settings
