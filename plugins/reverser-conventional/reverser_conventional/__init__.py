"""Messages as Conventional Commits: `feat(shop): scale deployment web to 5`.

Only the subject is ours; the body and the trailers stay. `settings` says which type a commit gets,
`description` what it says. A commit is about the writes of its author: those that a rule excludes and that
were folded in say nothing here, and a commit of nothing but excluded writes keeps its subject.
"""

from __future__ import annotations

import msgspec

from reverser import hookimpl
from reverser.model.commit import CommitPlan
from reverser.model.message import Message
from reverser.select.rules import split_excluded
from reverser_conventional.description import description
from reverser_conventional.settings import Settings, checked
from reverser_conventional.types import head

settings = Settings()


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    globals()["settings"] = checked(settings)


@hookimpl
def reverser_message(plan: CommitPlan, message: Message) -> Message:
    own, _ = split_excluded(plan)
    if own is None:
        return message
    subject = f"{head(own, settings)}: {description(own)}"
    return msgspec.structs.replace(message, subject=subject)
