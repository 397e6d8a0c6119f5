"""Each plugin gets its own table, as a struct that it hands over, or the start is refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import structlog

from reverser.config.decode import Decoder
from reverser.config.report import Report, did_you_mean
from reverser.errors import Problem
from reverser.plugins.plugin import Hooks, Plugin

log = structlog.get_logger()


def configure(
    plugins: Sequence[Plugin], hooks: Hooks, tables: Mapping[str, dict[str, Any]], environ: Mapping[str, str]
) -> tuple[dict[str, Any], list[Problem]]:
    """(name -> settings, None for a plugin without any; what is wrong). Calls `reverser_configure`."""
    names = [plugin.name for plugin in plugins]
    report = Report()
    for name in tables.keys() - set(names):
        hint = did_you_mean(name, names) or f'add "{name}" to plugins.enabled'
        report.add(f"plugins.{name}", "is no plugin that is enabled", hint)
    decoder = Decoder(environ, report)
    settings: dict[str, Any] = {}
    for plugin in plugins:
        try:
            settings[plugin.name] = _configured(plugin, hooks, tables.get(plugin.name, {}), decoder, report)
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            report.add(f"plugins.{plugin.name}", f"{type(error).__name__}: {error}")
    return settings, report.problems


def _configured(
    plugin: Plugin, hooks: Hooks, table: dict[str, Any], decoder: Decoder, report: Report
) -> msgspec.Struct | None:
    place = f"plugins.{plugin.name}"
    structs = [hook.call() for hook in hooks["reverser_settings"] if hook.plugin is plugin]
    struct = structs[0] if structs else None
    settings = decoder.struct(struct, table, place) if struct is not None else None
    known = any(hook.plugin is plugin for found in hooks.values() for hook in found)
    if struct is None and table and known:
        report.add(place, "has no settings", "leave the table out")
    if not report.faulty(place):
        for hook in hooks["reverser_configure"]:
            if hook.plugin is plugin:
                hook.call(settings, log.bind(plugin=plugin.name))
    return settings
