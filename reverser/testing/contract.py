"""The contract of deciding hooks, tried out on the samples."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.model.message import Message
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins import watchdog
from reverser.plugins.answers import FAULTS
from reverser.plugins.guard import ExcessError, keep_only
from reverser.plugins.plugin import Hook, Hooks, Plugin
from reverser.plugins.register import register
from reverser.plugins.settings import configure
from reverser.plugins.watchdog import TooLongError, limited
from reverser.sanitize.managed_fields import managers_of
from reverser.testing.samples import ACTORS, DESTINATION, TYPES, key_of, plan, samples, type_of
from reverser.text import cut

FEW = 3
CHARACTERS = 300
"""Of a line. Names of objects may be 253 long, and so may those of their namespaces."""


def contract(code: Any, settings: Mapping[str, Any] | None = None) -> list[str]:
    """What a plugin does that it may not; empty when all is well.

    `code` is the module or object with the hooks, `settings` its table as TOML gives it.
    """
    plugin = Plugin("plugin", code, "")
    hooks, misfits = register([plugin])
    _, problems = configure([plugin], hooks, {"plugin": dict(settings or {})}, os.environ)
    lines = [str(problem) for problem in [*misfits, *problems]]
    if problems:
        return lines
    guarded = {name: tuple(map(_with_limit, group)) for name, group in hooks.items()}
    return lines + _shortened(dict.fromkeys(_violations(guarded)))


def _shortened(violations: Iterable[str]) -> list[str]:
    """The first few of each kind, which is the hook and what it does, and how many more there are."""
    kinds: dict[str, list[str]] = {}
    for violation in violations:
        kinds.setdefault(" ".join(violation.split(" ")[:2]), []).append(cut(violation, CHARACTERS))
    lines = []
    for kind, group in kinds.items():
        lines += group[:FEW]
        if len(group) > FEW:
            lines.append(f"{kind} … and so on, {len(group) - FEW} more times")
    return lines


def _with_limit(hook: Hook) -> Hook:
    """The hook with the daemon's time limit: after a call that takes too long, all raise."""
    slow: list[TimeoutError] = []

    def call(*arguments: Any) -> Any:
        if slow:
            raise slow[0]
        try:
            with limited(watchdog.LIMIT_SECONDS):
                return hook.function(*arguments)
        except TimeoutError as error:
            if isinstance(error.__cause__, TooLongError):
                slow.append(error)
            raise

    return msgspec.structs.replace(hook, function=call)


def _violations(hooks: Hooks) -> Iterator[str]:
    for name, calls in CALLS.items():
        for hook in hooks[name]:
            for arguments in calls():
                yield from _impure(hook, arguments)
    for hook in hooks["reverser_sanitize"]:
        yield from _unsafe(hook)
    for hook in hooks["reverser_layout"]:
        yield from _shared(hook)


def _selections() -> Iterator[tuple[Any, ...]]:
    for obj in samples():
        yield (*_about(obj), dict(obj["metadata"]["labels"]), obj)


def _messages() -> Iterator[tuple[Any, ...]]:
    for obj in samples():
        for each in (plan(obj), plan(obj, ACTORS[1], "spec.replicas: 1 -> 2")):
            yield each, Message("[UPDATE] web", ("a line",))


def _folders() -> Iterator[tuple[Any, ...]]:
    files = [f"{key_of(obj)}.yaml" for obj in samples()]
    yield files, files, DESTINATION, ()
    yield files[:1], files[1:], DESTINATION, ["README.md"]


CALLS: dict[str, Callable[[], Iterator[tuple[Any, ...]]]] = {
    "reverser_exclude_type": lambda: ((resource,) for resource in TYPES.values()),
    "reverser_select": _selections,
    "reverser_layout": lambda: ((*_about(obj), DESTINATION) for obj in samples()),
    "reverser_identity": lambda: ((actor,) for actor in ACTORS),
    "reverser_message": _messages,
    "reverser_companions": _folders,
}
"""Hook -> the arguments that it is tried with."""


def _about(obj: Mapping[str, Any]) -> tuple[ObjectKey, ResourceType]:
    return key_of(obj), type_of(obj)


def _impure(hook: Hook, arguments: tuple[Any, ...]) -> Iterator[str]:
    given = copy.deepcopy(arguments)
    first = _call(hook, *given)
    if isinstance(first, BaseException):
        yield f"{hook.name} raises {type(first).__name__}: {first}"
        return
    if given != arguments:
        yield f"{hook.name} changes its arguments"
    if first is not None and (fault := FAULTS[hook.name](first)):
        yield f"{hook.name} {fault}"
    if _call(hook, *copy.deepcopy(arguments)) != first:
        yield f"{hook.name} answers differently when asked again"


def _call(hook: Hook, *arguments: Any) -> Any:
    """The answer, or the error; None for an object that is withheld on purpose."""
    try:
        return hook.call(*arguments)
    except WithheldError:
        return None
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        return error


def _cleaned(hook: Hook, obj: dict[str, Any]) -> Any:
    given = copy.deepcopy(obj)
    answer = _call(hook, *_about(obj), given, DESTINATION, managers_of({}, obj["apiVersion"]))
    return given if answer is None else answer


def _excess(before: dict[str, Any], after: Any) -> str:
    try:
        keep_only(before, after)
    except ExcessError as error:
        return str(error)
    return ""


def _unsafe(hook: Hook) -> Iterator[str]:
    for obj in samples():
        once = _cleaned(hook, obj)
        if isinstance(once, BaseException):
            yield f"{hook.name} raises {type(once).__name__}: {once}"
            return
        if excess := _excess(obj, once):
            yield f"{hook.name} {excess}"
        elif _cleaned(hook, once) != once:
            yield f"{hook.name} changes again what it has cleaned"
        if _cleaned(hook, obj) != once:
            yield f"{hook.name} answers differently when asked again"


def _shared(hook: Hook) -> Iterator[str]:
    owners: dict[str, ObjectKey] = {}
    for obj in samples():
        key, resource = _about(obj)
        path = _call(hook, key, resource, DESTINATION)
        if not isinstance(path, str):
            continue
        try:
            paths.check("/".join(map(paths.shorten, path.split("/"))))
        except WithheldError as error:
            yield f"{hook.name}: {error.message}"
        if owners.setdefault(path, key) != key:
            yield f"{hook.name} puts {owners[path]} and {key} into one file, {path}"
