"""Plugins in, hooks out, with every misfit named: unknown hooks, wrong arguments, wrong colours.

pluggy reads signatures and marks; the calls are our own, since pluggy's loop cannot await, and stops
at the first exception.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Sequence
from types import FunctionType

import pluggy

from reverser import hookspecs
from reverser.config.problems import did_you_mean
from reverser.errors import Problem
from reverser.plugins.plugin import Hook, Hooks, Plugin

PROJECT = "reverser"
SPECIFICATIONS: dict[str, FunctionType] = {
    name: function for name, function in vars(hookspecs).items() if name.startswith("reverser_")
}
BUILT_IN_LAST = ("reverser_layout", "reverser_identity")
"""Rule `first`: whoever is enabled is asked before us."""


def register(plugins: Sequence[Plugin]) -> tuple[Hooks, list[Problem]]:
    """The hooks of all plugins, and what is wrong with them. The built-in ones come first in `plugins`."""
    hooks: dict[str, list[Hook]] = {name: [] for name in SPECIFICATIONS}
    problems: list[Problem] = []
    for plugin in plugins:
        found, wrong = _hooks(plugin)
        problems += wrong
        for hook in found:
            hooks[hook.name].append(hook)
    for name in BUILT_IN_LAST:
        hooks[name].sort(key=lambda hook: hook.plugin.builtin)
    return {name: tuple(found) for name, found in hooks.items()}, problems


def _hooks(plugin: Plugin) -> tuple[list[Hook], list[Problem]]:
    place = f"plugins.{plugin.name}"
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin.code, plugin.name)
    except pluggy.PluginValidationError as error:
        return [], _misfits(plugin) or [
            Problem(place, str(error).splitlines()[-1].strip(), "docs/plugins.md shows each signature")
        ]
    found: list[Hook] = []
    problems: list[Problem] = []
    for caller in manager.get_hookcallers(plugin.code) or ():
        implementation, *others = caller.get_hookimpls()
        fault = _fault(caller.name, implementation)
        if others:
            fault = "is there more than once", "a plugin has one of each"
        if fault is None:
            names = inspect.signature(SPECIFICATIONS[caller.name]).parameters
            places = tuple([*names].index(name) for name in implementation.argnames)
            found.append(Hook(plugin, caller.name, implementation.function, places))
        else:
            problems.append(Problem(f"{place}: {caller.name}", *fault))
    if not found and not problems:
        hint = "mark its functions with @reverser.hookimpl"
        problems.append(Problem(place, "has no hook", hint))
    return found, problems


def _misfits(plugin: Plugin) -> list[Problem]:
    """Arguments that a hook of ours does not have, with those that it has."""
    problems = []
    for name, specification in SPECIFICATIONS.items():
        function = getattr(plugin.code, name, None)
        if function is None or not hasattr(function, f"{PROJECT}_impl"):
            continue
        known = [*inspect.signature(specification).parameters]
        for each in [each for each in inspect.signature(function).parameters if each not in known]:
            there_are = f"there are {', '.join(known)}" if known else "it has none"
            hint = did_you_mean(each, known) or there_are
            hint = hint if hint == there_are else f"{hint} {there_are}"
            problems.append(Problem(f"plugins.{plugin.name}: {name}", f"has no argument {each!r}", hint))
    return problems


def _fault(name: str, implementation: pluggy.HookImpl) -> tuple[str, str] | None:
    if name not in SPECIFICATIONS:
        there_are = f"there are {', '.join(SPECIFICATIONS)}; a newer reverser may have more"
        return "is not a hook", f"{did_you_mean(name, SPECIFICATIONS)} {there_are}".strip()
    if implementation.wrapper or implementation.hookwrapper:
        return "is a wrapper, and wrappers are not supported", "return a value instead"
    if implementation.tryfirst or implementation.trylast:
        return "asks to be called first or last", "the order is that of plugins.enabled"
    wanted = inspect.iscoroutinefunction(SPECIFICATIONS[name])
    if inspect.iscoroutinefunction(implementation.function) is not wanted:
        return f"must be {'async def' if wanted else 'def'}", "docs/plugins.md tells which hooks decide"
    return None


def in_order(hooks: Hooks, plugins: Iterable[Plugin]) -> list[tuple[Plugin, list[str]]]:
    """Each plugin with the names of its hooks, for people."""
    return [
        (plugin, [name for name, found in hooks.items() if any(h.plugin is plugin for h in found)])
        for plugin in plugins
    ]
