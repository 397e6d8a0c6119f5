"""What the parts of one destination's writer share: the destination, the journal, and whom to report to."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Protocol, TypeAlias

import msgspec

from reverser.config.value_formats import parse_duration
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.attribution import Actor, Correction
from reverser.model.commit import CommitPlan
from reverser.model.destination import Destination
from reverser.model.journal import Journal
from reverser.model.message import Message
from reverser.model.push import Pushed
from reverser.model.resource import ResourceType
from reverser.writer.file_owner import DaemonIdentity

ResolveType: TypeAlias = Callable[[str, str, str], ResourceType | None]
"""(cluster, group, kind) -> type, as far as it is served."""
AskLease: TypeAlias = Callable[[], Awaitable[bool]]
"""Whether this process is still the one that may write."""


async def always_leads() -> bool:
    """The answer of a process that shares its work with no other."""
    return True


class MessageSource(Protocol):
    """Words the messages of commits, and names their authors."""

    def message(self, plan: CommitPlan, destination: Destination) -> Message:
        """Subject, body and further trailers of a commit for this destination."""

    def identity(self, actor: Actor) -> str:
        """`Name <email>`."""


class CompanionSource(Protocol):
    """Says which files stand beside ours."""

    def companions(
        self,
        changed: Collection[str],
        files: Collection[str],
        destination: Destination,
        others: Collection[str],
    ) -> Mapping[str, str | None]:
        """Path below the root -> text, None for a file that goes; `others`: files of nothing of ours."""


class DestinationContext(msgspec.Struct, frozen=True, kw_only=True):
    """One destination in one session. The same for all parts of its writer, whatever they do with it."""

    destination: Destination
    clusters: frozenset[str] = frozenset()
    """Names of the clusters whose rules lead to the destination."""
    journal: Journal
    metrics: Metrics
    health: Health
    messages: MessageSource
    companions: CompanionSource | None = None
    """None where no plugin writes files."""
    resolve_type: ResolveType = lambda _cluster, _group, _kind: None
    corrections: Callable[[], Awaitable[list[Correction]]] | None = None
    """The next authors that became known after their commit; None: no notes are written."""
    holds_lease: AskLease = always_leads
    """Is asked before anything is built on the branch as it was read."""
    versions: bool = False
    """Whether commits name the version of each object, for the leader that comes next."""
    on_rebuilt: Callable[[], None] = lambda: None
    """Is called when records were rebuilt from the branch: every stream has to list again."""
    on_read: Callable[[str, str], None] | None = None
    """Is called with the destination's name and the branch's commit once the branch was read."""
    on_pushed: Callable[[Pushed], None] | None = None
    """Is called after each clean push, and must not wait."""
    clock: Callable[[], float] = time.time

    @property
    def name(self) -> str:
        """The destination's."""
        return self.destination.name

    @property
    def subject(self) -> str:
        """Under which conditions of the destination are shown."""
        return self.destination.subject

    @property
    def root(self) -> str:
        """The destination's folder; empty: all of the branch."""
        return self.destination.path.strip("/")

    @property
    def window_seconds(self) -> float:
        """How long the changes of one author gather into one commit."""
        return parse_duration(self.destination.window)

    @property
    def excluded_seconds(self) -> float:
        """How long writes that rules exclude may wait for a commit."""
        return parse_duration(self.destination.excluded_window)

    @property
    def push_seconds(self) -> float:
        """How long a change may wait for its push."""
        return parse_duration(self.destination.push_interval)

    @property
    def identity(self) -> DaemonIdentity:
        """What tells our commits from those of others."""
        destination = self.destination
        return DaemonIdentity(self.root, self.clusters, self.journal.knows, adopt=destination.adopt)
