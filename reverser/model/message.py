"""The message of one commit, before the trailers that reverser itself needs are put below it."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True):
    """Subject, body and further trailers."""

    subject: str
    """One line; what is longer than 200 characters is cut."""
    body: tuple[str, ...] = ()
    """Lines; an empty one parts paragraphs."""
    trailers: tuple[tuple[str, str], ...] = ()
    """(name, value) pairs beside reverser's own, whose names start with `Kubernetes-`, `Reverser-` or
    `Attribution`."""
