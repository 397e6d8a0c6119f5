"""The deciding hooks, each with its rule; what a failure means is part of the rule.

Safety fails closed: an object that a failing plugin was to judge, clean or place is withheld.
Information fails open: a message or an author that a plugin cannot give is made without it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypeAlias

import msgspec

from reverser.errors import WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.owners import Owners
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins.answers import FAULTS, text
from reverser.plugins.caller import HookCaller, HookError
from reverser.plugins.failures import Failures, defined
from reverser.plugins.guard import ExcessError, keep_only, unchanged
from reverser.plugins.meter import Meter
from reverser.plugins.plugin import Hooks
from reverser.plugins.watchdog import Watchdog
from reverser.sanitize.field_owners import managers_of
from reverser.sanitize.json_content import copied
from reverser.writer.message import NOBODY

NOWHERE = Destination("", "")
About: TypeAlias = tuple[ObjectKey, ResourceType, Destination, Owners]
"""What a sanitizer is told beside the content."""
OBJ = 3
"""The place of `obj` among the arguments of reverser_select: it is copied only for who asks for it."""


class Deciding:
    """The deciding hooks of one process."""

    def __init__(
        self, hooks: Hooks, meter: Meter, watchdog: Watchdog | None, failures: Failures | None = None
    ) -> None:
        failures = failures or Failures(meter)

        def asking(name: str, *, strict: bool = False) -> HookCaller:
            name = f"reverser_{name}"
            return HookCaller(hooks[name], FAULTS[name], meter, watchdog, failures, strict=strict)

        self._exclude_type = asking("exclude_type")
        self._built_in_select, self._select = (
            HookCaller(
                [each for each in hooks["reverser_select"] if each.plugin.builtin is ours],
                text,
                meter,
                watchdog,
                failures,
                strict=True,
            )
            for ours in (True, False)
        )
        self._sanitize = asking("sanitize", strict=True)
        self._layout = asking("layout", strict=True)
        self._identity = asking("identity")
        self._message = asking("message")
        self._companions = asking("companions")
        self._sanitizers = [
            HookCaller([hook], FAULTS[hook.name], meter, watchdog, failures, strict=True)
            for hook in hooks["reverser_sanitize"]
        ]
        self._obj_asked = any(OBJ in hook.places for hook in self._select.hooks)
        self.has_companions = bool(hooks["reverser_companions"])
        self.foreign_layout = any(not hook.plugin.builtin for hook in hooks["reverser_layout"])

    def exclude_type(self, resource: ResourceType) -> str:
        """Why the type is left out by default; "" when it is not."""
        return _first(self._exclude_type, resource)

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        """Why the object has no file; "" when it has one. Raises WithheldError."""
        reason = _first(self._built_in_select, key, resource, labels, obj)
        if reason or not self._select.hooks:
            return reason
        # Copies: what a plugin does to its arguments must not reach the file, and what `kubectl apply`
        # has left in an annotation must not reach a plugin, for it repeats what is sensitive.
        return _first(self._select, key, resource, dict(labels), copied(obj) if self._obj_asked else {})

    def sanitize(
        self,
        key: ObjectKey,
        resource: ResourceType,
        content: dict[str, Any],
        destination: Destination = NOWHERE,
        obj: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """The content with less in it; `content` itself stays. Raises WithheldError.

        `obj` is the live object, of which plugins learn only which field managers own what.
        """
        if not self._sanitizers:
            return content
        written = msgspec.json.encode(content)
        about = (key, resource, destination, managers_of(obj or {}, resource.api_version))
        try:
            cleaned = _cleaned(self._sanitize, about, written)
            # Most often nobody took anything, which is told far sooner than what was taken.
            return content if unchanged(written, cleaned) else keep_only(content, cleaned)
        except (ExcessError, RecursionError):
            # Somebody went too far. Who it was costs a copy for each, which is paid only now.
            self._blame(about, content, written)
            raise WithheldError(
                "PluginFailed", "sanitizers of several plugins together added something", key=key
            ) from None

    def _blame(self, about: About, content: dict[str, Any], written: bytes) -> None:
        """Raises WithheldError when one of the sanitizers goes too far alone."""
        for asking in self._sanitizers:
            try:
                keep_only(content, _cleaned(asking, about, written))
            except (ExcessError, RecursionError) as error:
                told = (
                    str(error)
                    if isinstance(error, ExcessError)
                    else "returned a structure that contains itself"
                )
                hook = asking.hooks[0]
                asking.failed(HookError(hook, "unsafe", f"{told}{defined(hook)}"), calls=2)

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError."""
        path = _first(self._layout, key, resource, destination)
        if not path:
            raise WithheldError("NoPath", "no layout gives the object a path", key=key)
        return path

    def identity(self, actor: Actor) -> str:
        """`Name <email>`; whoever fails is passed over. Nobody is named where nobody says a name."""
        return _first(self._identity, actor) or NOBODY

    def message(self, plan: CommitPlan) -> Message:
        """The words of a commit; whoever fails changes nothing."""
        arguments: list[Any] = [plan, Message("")]

        def take(message: Message) -> bool:
            arguments[1] = message
            return False

        self._message.asked(arguments, take)
        message: Message = arguments[1]
        return message

    def companions(
        self,
        changed: Collection[str],
        files: Collection[str],
        destination: Destination,
        others: Collection[str] = (),
    ) -> dict[str, str | None]:
        """Files beside ours; whoever fails changes nothing."""
        found: dict[str, str | None] = {}

        def take(answer: dict[str, str | None]) -> bool:
            for path, written in answer.items():
                found.setdefault(path, written)
            return False

        self._companions.asked([changed, files, destination, others], take)
        return found


def _first(asking: HookCaller, *arguments: Any) -> str:
    """The first answer that says something; "" when none does."""
    found: list[str] = []

    def take(answer: str) -> bool:
        found.append(answer)
        return bool(answer)

    asking.asked([*arguments], take)
    return found[-1] if found else ""


def _cleaned(asking: HookCaller, about: About, written: bytes) -> Any:
    key, resource, *others = about
    arguments: list[Any] = [key, resource, msgspec.json.decode(written), *others]  # a copy that is theirs

    def take(answer: dict[str, Any]) -> bool:
        arguments[2] = answer
        return False

    asking.asked(arguments, take)
    return arguments[2]
