"""Plugins in, hooks out, with every misfit named: unknown hooks, wrong arguments, `def` for `async def`.

pluggy reads signatures and marks; the calls are our own, since pluggy's loop cannot await, and stops
at the first exception.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
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
ARGUMENTS = {name: [*inspect.signature(function).parameters] for name, function in SPECIFICATIONS.items()}


def register(plugins: Sequence[Plugin]) -> tuple[Hooks, list[Problem]]:
    """The hooks of all plugins, in the order of `plugins`, and what is wrong with them."""
    hooks: dict[str, list[Hook]] = {name: [] for name in SPECIFICATIONS}
    problems: list[Problem] = []
    for plugin in plugins:
        own, wrong = _hooks(plugin)
        problems += wrong
        for hook in own:
            hooks[hook.name].append(hook)
    return {name: tuple(group) for name, group in hooks.items()}, problems


def _hooks(plugin: Plugin) -> tuple[list[Hook], list[Problem]]:
    key = f"plugins.{plugin.name}"
    manager = pluggy.PluginManager(PROJECT)
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(plugin.code, plugin.name)
    except pluggy.PluginValidationError as error:
        other = Problem(key, str(error).splitlines()[-1].strip(), "docs/plugins.md shows each signature")
        return [], _argument_problems(plugin) or [other]
    hooks: list[Hook] = []
    problems: list[Problem] = []
    for caller in manager.get_hookcallers(plugin.code) or ():
        name, implementations = caller.name, caller.get_hookimpls()
        if problem := _problem(name, implementations):
            problems.append(Problem(f"{key}: {name}", *problem))
        else:
            [implementation] = implementations
            positions = tuple(map(ARGUMENTS[name].index, implementation.argnames))
            hooks.append(Hook(plugin, name, implementation.function, positions))
    if not hooks and not problems:
        problems.append(Problem(key, "has no hook", "mark its functions with @reverser.hookimpl"))
    return hooks, problems


def _argument_problems(plugin: Plugin) -> list[Problem]:
    """Arguments that a hook of ours does not have, with those that it has."""
    problems = []
    for name, known in ARGUMENTS.items():
        function = getattr(plugin.code, name, None)
        if function is None or not hasattr(function, f"{PROJECT}_impl"):
            continue
        there_are = f"there are {', '.join(known)}" if known else "it has none"
        for unknown in [each for each in inspect.signature(function).parameters if each not in known]:
            hint = f"{did_you_mean(unknown, known)} {there_are}".strip()
            problems.append(Problem(f"plugins.{plugin.name}: {name}", f"has no argument {unknown!r}", hint))
    return problems


def _problem(name: str, implementations: Sequence[pluggy.HookImpl]) -> tuple[str, str] | None:
    if len(implementations) > 1:
        return "is there more than once", "a plugin has one of each"
    if name not in SPECIFICATIONS:
        there_are = f"there are {', '.join(SPECIFICATIONS)}; a newer reverser may have more"
        return "is not a hook", f"{did_you_mean(name, SPECIFICATIONS)} {there_are}".strip()
    [implementation] = implementations
    if implementation.wrapper or implementation.hookwrapper:
        return "is a wrapper, and wrappers are not supported", "return a value instead"
    if implementation.tryfirst or implementation.trylast:
        return "asks to be called first or last", "the order is that of plugins.enabled"
    effectful = inspect.iscoroutinefunction(SPECIFICATIONS[name])
    if inspect.iscoroutinefunction(implementation.function) is not effectful:
        return f"must be {'async def' if effectful else 'def'}", "docs/plugins.md tells which hooks decide"
    return None
