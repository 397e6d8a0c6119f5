"""The deciding hooks of plugins around the built-in ones, each with its rule (`reverser.hookspecs`).

Safety fails closed: an object that a failing plugin was to judge, clean or give a path is withheld.
Information fails open: a message or an author that a plugin cannot give is made without it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any, TypeAlias

import msgspec

from reverser.builtin_hooks import BuiltInHooks
from reverser.errors import WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.owners import Owners
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins.caller import HookCaller, HookError
from reverser.plugins.failures import Failures, line_of_hook
from reverser.plugins.guard import ExcessError, keep_only, unchanged
from reverser.plugins.plugin import Hooks, Meter
from reverser.plugins.watchdog import Watchdog
from reverser.sanitize.json_content import copied
from reverser.sanitize.managed_fields import managers_of

NO_DESTINATION = Destination("", "")
SanitizeContext: TypeAlias = tuple[ObjectKey, ResourceType, Destination, Owners]
"""What a sanitizer learns beside the content."""
OBJ = 3
"""Position of `obj` among the arguments of reverser_select: it is copied only for a hook that takes it."""


class PluginHooks:
    """The built-in hooks with those of plugins; a hook that no plugin has is the built-in one."""

    def __init__(
        self, built_in: BuiltInHooks, hooks: Hooks, meter: Meter, watchdog: Watchdog, failures: Failures
    ) -> None:

        def caller(name: str) -> HookCaller:
            return HookCaller(hooks[name], meter, watchdog, failures)

        self._built_in = built_in
        self._exclude_type = caller("reverser_exclude_type")
        self._select = caller("reverser_select")
        self._sanitize = caller("reverser_sanitize")
        self._layout = caller("reverser_layout")
        self._identity = caller("reverser_identity")
        self._message = caller("reverser_message")
        self._companions = caller("reverser_companions")
        self._takes_obj = any(OBJ in hook.positions for hook in self._select.hooks)
        self.has_companions = bool(self._companions.hooks)
        self.foreign_layout = bool(self._layout.hooks)

    def exclude_type(self, resource: ResourceType) -> str:
        """Why the type is left out by default; "" when it is not."""
        return self._built_in.exclude_type(resource) or _first(self._exclude_type.answers([resource]))

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        """Why the object has no file; "" when it has one. Raises WithheldError."""
        reason = self._built_in.leave_out(key, resource, labels, obj)
        if reason or not self._select.hooks:
            return reason
        # Copies: what a plugin does to its arguments must not reach the file, and what `kubectl apply`
        # has left in an annotation must not reach a plugin, for it repeats what is sensitive.
        seen = copied(obj) if self._takes_obj else {}
        return _first(self._select.answers([key, resource, dict(labels), seen]))

    def sanitize(
        self,
        key: ObjectKey,
        resource: ResourceType,
        content: dict[str, Any],
        destination: Destination = NO_DESTINATION,
        obj: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The content with less in it; `content` itself stays. Raises WithheldError.

        `obj` is the live object, of which plugins learn only which field managers own what.
        """
        if not self._sanitize.hooks:
            return content
        encoded = msgspec.json.encode(content)
        context = (key, resource, destination, managers_of(obj or {}, resource.api_version))
        try:
            cleaned = _cleaned(self._sanitize, context, encoded)
            # Most often nobody took anything, which is seen far sooner than what was taken.
            return content if unchanged(encoded, cleaned) else keep_only(content, cleaned)
        except (ExcessError, RecursionError):
            # Somebody went too far. Who it was costs a copy for each, which is paid only now.
            self._blame(context, content, encoded)
            raise WithheldError(
                "PluginFailed", "sanitizers of several plugins together added something", key=key
            ) from None

    def _blame(self, context: SanitizeContext, content: dict[str, Any], encoded: bytes) -> None:
        """Raises WithheldError when one of the sanitizers goes too far alone."""
        for caller in self._sanitize.alone():
            try:
                keep_only(content, _cleaned(caller, context, encoded))
            except (ExcessError, RecursionError) as error:
                excess = (
                    str(error)
                    if isinstance(error, ExcessError)
                    else "returned a structure that contains itself"
                )
                hook = caller.hooks[0]
                self._sanitize.failed(HookError(hook, "unsafe", f"{excess}{line_of_hook(hook)}"), calls=2)

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError."""
        path = _first(self._layout.answers([key, resource, destination]))
        return path or self._built_in.layout(key, resource, destination)

    def identity(self, actor: Actor) -> str:
        """`Name <email>`; whoever fails is passed over."""
        return _first(self._identity.answers([actor])) or self._built_in.identity(actor)

    def message(self, plan: CommitPlan, destination: Destination = NO_DESTINATION) -> Message:
        """The message of a commit; whoever fails changes nothing."""
        arguments: list[Any] = [plan, self._built_in.message(plan, destination)]
        for answer in self._message.answers(arguments):
            arguments[1] = answer
        message: Message = arguments[1]
        return message

    def companions(
        self,
        changed: Collection[str],
        files: Collection[str],
        destination: Destination,
        others: Collection[str] = (),
    ) -> dict[str, str | None]:
        """Files beside ours; whoever fails changes nothing, and the first to name a path fills it."""
        texts: dict[str, str | None] = {}
        for answer in self._companions.answers([changed, files, destination, others]):
            for path, text in answer.items():
                texts.setdefault(path, text)
        return texts


DecidingHooks: TypeAlias = BuiltInHooks | PluginHooks


def _first(answers: Iterator[str]) -> str:
    """The first answer that says something; "" when none does. Nobody after it is asked."""
    return next(filter(None, answers), "")


def _cleaned(caller: HookCaller, context: SanitizeContext, encoded: bytes) -> Any:
    key, resource, *others = context
    arguments: list[Any] = [key, resource, msgspec.json.decode(encoded), *others]  # a copy that is theirs
    for answer in caller.answers(arguments):
        arguments[2] = answer
    return arguments[2]
