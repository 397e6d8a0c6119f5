"""The deciding hooks, each with its rule; what a failure means is part of the rule.

Safety fails closed: an object that a failing plugin was to judge, clean or place is withheld.
Information fails open: a message or an author that a plugin cannot give is made without it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Any

from reverser.errors import WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.resource import ObjectKey, ResourceType
from reverser.plugins.asking import Asking, HookError
from reverser.plugins.guard import fault
from reverser.plugins.meter import Meter
from reverser.plugins.plugin import Hooks
from reverser.plugins.watchdog import Watchdog
from reverser.stages.sanitize.content import copied

AUTHOR = re.compile(r"[^<>\n]+ <[^<>\s]+>")


class Deciding:
    """The deciding hooks of one process."""

    def __init__(self, hooks: Hooks, meter: Meter, watchdog: Watchdog | None) -> None:
        def asking(name: str, wanted: type = str, *, strict: bool = False) -> Asking:
            return Asking(hooks[f"reverser_{name}"], wanted, meter, watchdog, strict=strict)

        self._exclude_type = asking("exclude_type")
        self._select = asking("select", strict=True)
        self._sanitize = asking("sanitize", dict, strict=True)
        self._layout = asking("layout", strict=True)
        self._identity = asking("identity")
        self._message = asking("message", Message)
        self._companions = asking("companions", dict)
        self._sanitizers = [
            Asking([hook], dict, meter, watchdog, strict=True) for hook in hooks["reverser_sanitize"]
        ]
        self.has_companions = bool(hooks["reverser_companions"])
        self.foreign_layout = any(not hook.plugin.builtin for hook in hooks["reverser_layout"])

    def exclude_type(self, resource: ResourceType) -> str:
        """Why the type is left out by default; "" when it is not."""
        return _first(self._exclude_type, resource)

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        """Why the object has no file; "" when it has one. Raises WithheldError."""
        return _first(self._select, key, resource, labels, obj)

    def sanitize(self, key: ObjectKey, resource: ResourceType, content: dict[str, Any]) -> dict[str, Any]:
        """The content with less in it; `content` itself stays. Raises WithheldError."""
        if not self._sanitizers:
            return content
        made: dict[str, Any] = _cleaned(self._sanitize, key, resource, content)
        if fault(content, made):
            # Somebody went too far. Who it was costs a copy for each, which is paid only now.
            for asking in self._sanitizers:
                if told := fault(content, _cleaned(asking, key, resource, content)):
                    asking.failed(HookError(asking.hooks[0], "unsafe", told))
            raise WithheldError("PluginFailed", "plugins added something together", key=key)
        return made

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError."""
        path = _first(self._layout, key, resource, destination)
        if not path:
            raise WithheldError("NoPath", "no layout says where the object's file is", key=key)
        return path

    def identity(self, actor: Actor) -> str:
        """`Name <email>`; whoever fails is passed over."""
        found: list[str] = []

        def take(author: str) -> bool:
            found.append(author)
            return AUTHOR.fullmatch(author) is not None

        self._identity.asked([actor], take)
        return found[-1]

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
        self, changed: Collection[str], files: Collection[str], destination: Destination
    ) -> dict[str, str | None]:
        """Files beside ours; whoever fails changes nothing."""
        found: dict[str, str | None] = {}

        def take(answer: dict[Any, Any]) -> bool:
            for path, text in answer.items():
                if isinstance(path, str) and isinstance(text, str | None):
                    found.setdefault(path, text)
            return False

        self._companions.asked([changed, files, destination], take)
        return found


def _first(asking: Asking, *arguments: Any) -> str:
    """The first answer that says something; "" when none does."""
    found: list[str] = []

    def take(answer: str) -> bool:
        found.append(answer)
        return bool(answer)

    asking.asked([*arguments], take)
    return found[-1] if found else ""


def _cleaned(asking: Asking, key: ObjectKey, resource: ResourceType, content: dict[str, Any]) -> Any:
    arguments: list[Any] = [key, resource, copied(content)]

    def take(answer: dict[str, Any]) -> bool:
        arguments[2] = answer
        return False

    asking.asked(arguments, take)
    return arguments[2]
