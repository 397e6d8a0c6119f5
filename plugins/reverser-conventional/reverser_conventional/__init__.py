"""Messages as Conventional Commits: `feat(shop): scale deployment web to 5`.

Only the subject is ours; the body and the trailers stay. `settings` says which type a commit gets,
`wording` what it says.
"""

from __future__ import annotations

import msgspec

from reverser import hookimpl
from reverser.model.commit import CommitPlan
from reverser.model.message import Message
from reverser_conventional.settings import Settings, checked
from reverser_conventional.types import head
from reverser_conventional.wording import description

settings = Settings()


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    globals()["settings"] = checked(settings)


@hookimpl
def reverser_message(plan: CommitPlan, message: Message) -> Message:
    subject = f"{head(plan, settings)}: {description(plan)}"
    return msgspec.structs.replace(message, subject=subject)
