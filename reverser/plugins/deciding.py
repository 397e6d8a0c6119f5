"""Calls deciding hooks inline, each by its rule; what a failure means is part of the rule.

Safety fails closed: an object that a failing plugin was to judge, clean or place is withheld.
Information fails open: a message or an author that a plugin cannot give is made without it.
"""

from __future__ import annotations

import re
import time
from collections.abc import Collection, Mapping
from typing import Any

import structlog

from reverser.errors import WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins.guard import fault
from reverser.plugins.meter import Meter
from reverser.plugins.plugin import Hook, Hooks
from reverser.plugins.watchdog import TooLongError, Watchdog
from reverser.stages.sanitize.content import copied

log = structlog.get_logger()

AUTHOR = re.compile(r"[^<>\n]+ <[^<>\s]+>")
LOG_SECONDS = 60.0
"""Between two log lines on one hook: a plugin that always fails must not fill the log."""


class HookError(Exception):
    """A hook failed; `reason` is one word, `str()` a sentence that quotes nothing of the cluster."""

    def __init__(self, hook: Hook, reason: str, told: str) -> None:
        super().__init__(f"plugin {hook.plugin.name}: {hook.name} {told}")
        self.hook = hook
        self.reason = reason


class Deciding:
    """The deciding hooks of one process."""

    def __init__(self, hooks: Hooks, meter: Meter, watchdog: Watchdog | None) -> None:
        self._hooks = hooks
        self._meter = meter
        self._watchdog = watchdog
        self._quiet_until: dict[str, float] = {}
        self.has_companions = bool(hooks["reverser_companions"])
        self.foreign_layout = any(not hook.plugin.builtin for hook in hooks["reverser_layout"])

    def exclude_type(self, resource: ResourceType) -> str:
        """Why the type is left out by default; "" when it is not."""
        for hook in self._hooks["reverser_exclude_type"]:
            try:
                reason = self._answer(hook, str | None, resource)
            except HookError as error:
                self._told(error)
                continue
            if reason:
                return str(reason)
        return ""

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        """Why the object has no file; "" when it has one. Raises WithheldError."""
        for hook in self._hooks["reverser_select"]:
            reason = self._strict(hook, str | None, key, resource, labels, obj)
            if reason:
                return str(reason)
        return ""

    def sanitize(self, key: ObjectKey, resource: ResourceType, content: dict[str, Any]) -> dict[str, Any]:
        """The content with less in it; `content` itself stays. Raises WithheldError."""
        hooks = self._hooks["reverser_sanitize"]
        if not hooks:
            return content
        made = self._cleaned(hooks, key, resource, content)
        if fault(content, made):
            # Somebody went too far. Who it was costs a copy for each, which is paid only now.
            for hook in hooks:
                if told := fault(content, self._cleaned((hook,), key, resource, content)):
                    raise self._withheld(HookError(hook, "unsafe", told))
            raise WithheldError("PluginFailed", "plugins added something together", key=key)
        return made

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError."""
        for hook in self._hooks["reverser_layout"]:
            path = self._strict(hook, str | None, key, resource, destination)
            if path is not None:
                return str(path)
        raise WithheldError("NoPath", "no layout says where the object's file is", key=key)

    def identity(self, actor: Actor) -> str:
        """`Name <email>`; whoever fails is passed over."""
        for hook in self._hooks["reverser_identity"]:
            try:
                author = self._answer(hook, str | None, actor)
            except HookError as error:
                self._told(error)
                continue
            if author is not None and AUTHOR.fullmatch(author):
                return str(author)
            if author is not None:
                self._told(HookError(hook, "wrong", "did not answer with Name <email>"))
        raise AssertionError("the built-in plugin names everybody")

    def message(self, plan: CommitPlan) -> Message:
        """The words of a commit; whoever fails changes nothing."""
        message = Message("")
        for hook in self._hooks["reverser_message"]:
            try:
                answer = self._answer(hook, Message | None, plan, message)
            except HookError as error:
                self._told(error)
                continue
            message = answer or message
        return message

    def companions(
        self, changed: Collection[str], files: Collection[str], destination: Destination
    ) -> dict[str, str | None]:
        """Files beside ours; whoever fails changes nothing."""
        found: dict[str, str | None] = {}
        for hook in self._hooks["reverser_companions"]:
            try:
                answer = self._answer(hook, dict | None, changed, files, destination)
                _check_texts(hook, answer or {})
            except HookError as error:
                self._told(error)
                continue
            found = (answer or {}) | found
        return found

    def _cleaned(
        self, hooks: tuple[Hook, ...], key: ObjectKey, resource: ResourceType, content: dict[str, Any]
    ) -> dict[str, Any]:
        made: dict[str, Any] = copied(content)
        for hook in hooks:
            answer = self._strict(hook, dict | None, key, resource, made)
            made = made if answer is None else answer
        return made

    def _strict(self, hook: Hook, wanted: Any, *arguments: Any) -> Any:
        try:
            return self._answer(hook, wanted, *arguments)
        except HookError as error:
            raise self._withheld(error) from None

    def _withheld(self, error: HookError) -> WithheldError:
        self._told(error)
        return WithheldError("PluginFailed", str(error), hint="fix the plugin, or take it out")

    def _answer(self, hook: Hook, wanted: Any, *arguments: Any) -> Any:
        if hook.plugin.builtin:
            return hook.call(*arguments)
        answer = self._timed(hook, arguments)
        if not isinstance(answer, wanted):
            raise HookError(hook, "wrong", f"answered with {type(answer).__name__}")
        return answer

    def _timed(self, hook: Hook, arguments: tuple[Any, ...]) -> Any:
        assert self._watchdog is not None
        began = time.perf_counter()
        try:
            with self._watchdog:
                return hook.call(*arguments)
        except TooLongError:
            raise HookError(hook, "slow", f"took longer than {self._watchdog.seconds:g} s") from None
        except Exception as error:
            # Its text may quote values of the object.
            raise HookError(hook, "raised", f"raised {type(error).__name__}") from None
        finally:
            self._meter.called(hook, time.perf_counter() - began)

    def _told(self, error: HookError) -> None:
        self._meter.failed(error.hook, error.reason)
        place = f"{error.hook.plugin.name}/{error.hook.name}"
        now = time.monotonic()
        if now >= self._quiet_until.get(place, 0.0):
            self._quiet_until[place] = now + LOG_SECONDS
            log.warning(str(error), plugin=error.hook.plugin.name, hook=error.hook.name, reason=error.reason)


def _check_texts(hook: Hook, answer: Mapping[Any, Any]) -> None:
    if not all(isinstance(path, str) and isinstance(text, str | None) for path, text in answer.items()):
        raise HookError(hook, "wrong", "answered with something else than texts")
