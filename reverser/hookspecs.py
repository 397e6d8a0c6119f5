"""Every hook that a plugin can implement: signature, rule, and what a failure means.

A deciding hook is `def`: pure, called inline, bounded in time. An effectful hook is `async def`: it runs
in a thread and a Trio loop of its plugin's own, and no commit waits for it. Implementations may leave
out arguments that they do not need. docs/plugins.md shows how to write one.

Rules: `each` calls all; `collect` calls all and puts the answers together; `first` asks in the order of
`[plugins] enabled`, the built-in last, until one answers something else than None; `chain` hands the
answer of one to the next, the built-in first.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING, Any

import msgspec
import pluggy

if TYPE_CHECKING:
    import structlog

    from reverser.model.attribution import Actor
    from reverser.model.commit import CommitPlan
    from reverser.model.condition import Condition
    from reverser.model.destination import Credentials, Destination
    from reverser.model.message import Message
    from reverser.model.owners import Owners
    from reverser.model.push import Pushed
    from reverser.model.resource import ObjectKey, ResourceType

hookspec = pluggy.HookspecMarker("reverser")


@hookspec
def reverser_settings() -> type[msgspec.Struct] | None:
    """The struct of the plugin's own table `[plugins.NAME]`.

    Rule: asked of each plugin alone. Without it the table must be empty. On error: start refused.
    """


@hookspec
def reverser_configure(settings: Any, log: structlog.stdlib.BoundLogger) -> None:
    """Take the settings (an instance of the struct; None without one) and a logger that names the plugin.

    Rule: each, before anything else is called. On error: start refused.
    """


@hookspec
def reverser_exclude_type(resource: ResourceType) -> str | None:
    """Why a type is left out where a rule has `default_excludes` and does not name it exactly; else None.

    Rule: collect; any reason leaves it out. Asked once a type and rule. On error: the type stays.
    """


@hookspec
def reverser_select(
    key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
) -> str | None:
    """Why an object that a rule selects has no file all the same; else None.

    `obj` is the object as it is stored, without what is sensitive, and without `kubectl apply`'s copy of it
    in an annotation; of a Secret without its values. The reason stands in the commit that removes the
    file. Rule: collect; any reason drops. On error: the object is withheld.
    """


@hookspec
def reverser_sanitize(
    key: ObjectKey,
    resource: ResourceType,
    content: dict[str, Any],
    destination: Destination,
    owners: Owners,
) -> dict[str, Any] | None:
    """The content of the file, with something removed or masked; None: as it is.

    Called after the core sanitizer, and never with a Secret's values. `owners` tells which field managers
    own a field, read from the live object's managedFields. What comes back may lack fields and
    items, and have texts replaced by `reverser.MASK`; nothing else. apiVersion, kind, name and namespace
    stay. Rule: chain. On error: the object is withheld.
    """


@hookspec
def reverser_layout(key: ObjectKey, resource: ResourceType, destination: Destination) -> str | None:
    """The path of an object's file below the destination's root; None: the next one is asked.

    A function of its arguments alone; two objects never share a path. Rule: first. On error, and for a
    path that is unsafe or taken: the object is withheld.
    """


@hookspec
def reverser_identity(actor: Actor) -> str | None:
    """`Name <email>` of a user in Git; None: the next one is asked.

    Rule: first. On error: the next one is asked.
    """


@hookspec
def reverser_message(plan: CommitPlan, message: Message) -> Message | None:
    """The message of a commit; None: as it is. reverser's own trailers are put below it in any case.

    Rule: chain. On error: the message stays as it was.
    """


@hookspec
def reverser_companions(
    changed: Collection[str], files: Collection[str], destination: Destination, others: Collection[str]
) -> Mapping[str, str | None] | None:
    """Files to write beside those of objects: path -> text, or None for one to remove.

    Called when a commit adds files or removes them (`changed`; `files` are all that there are then), and with
    all of them when the branch is first looked at. `others` are the files in the branch that are neither an
    object's nor companions. Paths are below the destination's root. Files of others are not touched.

    Rule: collect; the first to name a path says what is in it. On error: the files stay as they are.
    """


@hookspec
async def reverser_startup(report: Callable[[str, str], None]) -> None:
    """The process starts.

    `report(about, what)` makes a condition of trouble with one part of the plugin, for example with one
    chat that it writes to: `plugin/NAME/about` is stalled until `report(about, "")` says that it works
    again. It may be called at any time, never waits and never raises.

    Rule: each, bounded in time. On error: start refused.
    """


@hookspec
async def reverser_credentials(destination: Destination) -> Credentials | None:
    """How to log in to a destination's remote, instead of what its table says; None: as it says.

    Called before each exchange with the remote, for tokens that live for an hour: keep one until it
    ends. Values are given as `SecretRef(value="…")`. Rule: first, bounded in time. On error: the
    destination is stalled, and tried again.
    """


@hookspec
async def reverser_pushed(push: Pushed) -> None:
    """Commits are in the remote branch.

    Rule: each, in the order of the pushes. On error: logged and counted; after five in a row the plugin is
    paused for five minutes, and a condition says so.
    """


@hookspec
async def reverser_condition(condition: Condition) -> None:
    """Something about the daemon changed: a part of it stalled, recovered, …

    Rule and errors: as `reverser_pushed`.
    """


@hookspec
async def reverser_shutdown() -> None:
    """The process ends. Rule: each, bounded in time. On error: logged."""
