"""The words of a commit: what happened, where, by whom; what changed."""

from __future__ import annotations

from reverser import hookimpl
from reverser.model.commit import CommitPlan
from reverser.model.message import Message
from reverser.writer.message_text import body, subject


@hookimpl
def reverser_message(plan: CommitPlan) -> Message:
    """Subject and body; nothing came before."""
    return Message(subject(plan), tuple(body(plan)))
