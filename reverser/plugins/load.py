"""Names in the configuration become plugins: distributions by entry point, files and folders by path.

Nothing is loaded that is not named. A plugin that cannot be loaded refuses the start: a sanitizer that
silently is not there would be worse.
"""

from __future__ import annotations

import hashlib
import importlib.util
import sys
from collections.abc import Collection, Sequence
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from types import ModuleType

from reverser.config.problems import did_you_mean
from reverser.errors import Problem
from reverser.plugins.plugin import Plugin
from reverser.plugins.watchdog import limited

GROUP = "reverser"
RESERVED_NAMES = ("enabled", "disabled", "paths")
"""Keys of `[plugins]` that are no plugin's table."""


def load(enabled: Sequence[str], paths: Sequence[str] = ()) -> tuple[list[Plugin], list[Problem]]:
    """The enabled plugins, in that order, and what is wrong.

    `paths` are files or folders of Python, each a plugin called like it, without `.py`.
    """
    local, installed = _sources(paths)
    loaded = [_load(name, local, installed) for name in dict.fromkeys(enabled)]
    problems = [each for each in loaded if isinstance(each, Problem)]
    return [each for each in loaded if isinstance(each, Plugin)], problems + _path_problems(enabled, paths)


def load_problems(enabled: Sequence[str], paths: Sequence[str], loaded: Collection[str]) -> list[Problem]:
    """What is wrong with these names, without loading any plugin."""
    local, installed = _sources(paths)
    problems = _path_problems(enabled, paths)
    for name in dict.fromkeys(enabled):
        if name not in loaded and (problem := _name_problem(name, local, installed)):
            problems.append(problem)
        elif name not in loaded and name in local and not local[name].exists():
            problems.append(Problem(f"plugins.{name}", f"cannot be loaded: there is no {local[name]}"))
    return problems


def _sources(paths: Sequence[str]) -> tuple[dict[str, Path], dict[str, EntryPoint]]:
    return {_name(path): Path(path) for path in paths}, {p.name: p for p in entry_points(group=GROUP)}


def _path_problems(enabled: Sequence[str], paths: Sequence[str]) -> list[Problem]:
    problems = []
    names = [_name(path) for path in paths]
    for name, path in dict(zip(names, paths, strict=True)).items():
        if name not in enabled:
            hint = f'add "{name}" to plugins.enabled'
            problems.append(Problem("plugins.paths", f"{path} is not enabled", hint))
        if (count := names.count(name)) > 1:
            problems.append(
                Problem("plugins.paths", f"{count} of them are called {name!r}", "rename all but one")
            )
    return problems


def _name_problem(name: str, local: dict[str, Path], installed: dict[str, EntryPoint]) -> Problem | None:
    if name in RESERVED_NAMES or "/" in name or name.startswith("builtin."):
        return Problem("plugins.enabled", f"{name!r} cannot be the name of a plugin")
    if name in local or name in installed:
        return None
    hint = did_you_mean(name, [*local, *installed]) or "install its distribution, or name its file in paths"
    return Problem("plugins.enabled", f"no plugin is called {name!r}", hint)


def _load(name: str, local: dict[str, Path], installed: dict[str, EntryPoint]) -> Plugin | Problem:
    if problem := _name_problem(name, local, installed):
        return problem
    try:
        with limited():
            if name in local:
                return Plugin(name, _module(name, local[name]), str(local[name]), _stamp(local[name]))
            point = installed[name]
            return Plugin(name, point.load(), f"{point.dist.name} {point.dist.version}" if point.dist else "")
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        # SystemExit, too: a script that was taken for a plugin must not end us without a word.
        hint = "it may be made for another version of reverser" if isinstance(error, ImportError) else ""
        return Problem(f"plugins.{name}", f"cannot be loaded: {type(error).__name__}: {error}", hint)


def _name(path: str) -> str:
    return Path(path).name.removesuffix(".py")


def _stamp(path: Path) -> str:
    files = sorted(path.rglob("*.py")) if path.is_dir() else [path]
    return hashlib.blake2b(b"".join(file.read_bytes() for file in files), digest_size=8).hexdigest()


def _module(name: str, path: Path) -> ModuleType:
    file = path / "__init__.py" if path.is_dir() else path
    full = f"reverser_plugin_{name}"
    spec = importlib.util.spec_from_file_location(full, file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[full] = module
    spec.loader.exec_module(module)
    return module
