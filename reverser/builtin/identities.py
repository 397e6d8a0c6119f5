"""Names of users in Git, by `[identities]`."""

from __future__ import annotations

from reverser import hookimpl
from reverser.identity.author import Identify
from reverser.model.attribution import Actor


class Identities:
    """The rules of one configuration."""

    def __init__(self, identify: Identify) -> None:
        self._identify = identify

    @hookimpl
    def reverser_identity(self, actor: Actor) -> str | None:
        """The first rule's author, else what the user's name itself tells."""
        return self._identify(actor)
