"""What reverser decides where no plugin does: exclusions, paths, authors' names, messages.

Without plugins these are called directly. With some, `plugins.deciding_hooks` asks them too, hook by hook.
`[plugins] disabled` takes a part of it out by its name in `BUILT_IN`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from reverser.errors import WithheldError
from reverser.identity.author import Identify, Mailmap, compile_identities
from reverser.layout.layouts import path_by_setting
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.excluded_types import excluded_type
from reverser.sanitize.generated_objects import exclusion
from reverser.writer.commit_message import NOBODY, body, subject

BUILT_IN = {
    "builtin.exclusions": ("reverser_exclude_type", "reverser_select"),
    "builtin.layouts": ("reverser_layout",),
    "builtin.identities": ("reverser_identity",),
    "builtin.messages": ("reverser_message",),
}
"""Name in `[plugins] disabled` -> the hooks that it answers."""


class BuiltInHooks:
    """The built-in answers of one configuration."""

    has_companions = False
    """Whether somebody has files to write beside those of objects."""
    foreign_layout = False
    """Whether a plugin gives paths, so that two objects may get the same one."""

    def __init__(self, identify: Identify | None = None, disabled: Collection[str] = ()) -> None:
        """`identify` names authors; without it, as with an empty `[identities]`."""
        self._identify = identify or compile_identities((), Mailmap())
        self._excludes, self._lays_out, self._identifies, self._writes_messages = (
            name not in disabled for name in BUILT_IN
        )

    def exclude_type(self, resource: ResourceType) -> str:
        """Why the type is left out by default, by the table of docs/excluded.md; "" when it is not."""
        return excluded_type(resource) if self._excludes else ""

    def leave_out(
        self,
        key: ObjectKey,  # noqa: ARG002 - what plugins look at, too
        resource: ResourceType,
        labels: Mapping[str, str],  # noqa: ARG002
        obj: Mapping[str, Any],
    ) -> str:
        """Why the object has no file: it is marked so, a controller owns it, or the cluster makes it."""
        return exclusion(obj, resource) if self._excludes else ""

    def sanitize(
        self,
        key: ObjectKey,  # noqa: ARG002
        resource: ResourceType,  # noqa: ARG002
        content: dict[str, Any],
        destination: Destination | None = None,  # noqa: ARG002
        obj: Mapping[str, Any] | None = None,  # noqa: ARG002
    ) -> dict[str, Any]:
        """The content as it is: the core sanitizer has been there."""
        return content

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError without a layout."""
        if not self._lays_out:
            raise WithheldError("NoPath", "no layout gives the object a path", key=key)
        return path_by_setting(key, resource, destination)

    def identity(self, actor: Actor) -> str:
        """`Name <email>`."""
        return self._identify(actor) if self._identifies else NOBODY

    def message(self, plan: CommitPlan, destination: Destination | None = None) -> Message:
        """Subject, in the form that the destination's `message` names, and body."""
        if not self._writes_messages:
            return Message("")
        seed = destination is not None and destination.message == "seed"
        return Message(subject(plan, seed=seed), tuple(body(plan)))

    def companions(
        self,
        changed: Collection[str],  # noqa: ARG002
        files: Collection[str],  # noqa: ARG002
        destination: Destination,  # noqa: ARG002
        others: Collection[str] = (),  # noqa: ARG002
    ) -> dict[str, str | None]:
        """No files beside those of objects."""
        return {}
