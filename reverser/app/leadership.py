"""Runs a term whenever this process leads: with `[leader]` while it holds the Lease, else once.

    follower ──Lease taken──▶ leader ──Lease lost──▶ the term drains ──▶ follower
                                 └────stop─────────▶ the term drains, the Lease is released, the label removed

The process never ends because it lost the Lease. What is lost is only the right to observe and to write: the
listeners stay, and so does `/readyz`, so that a rolling update goes on.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable
from pathlib import Path

import structlog
import trio

from reverser.app.assembly import Assembly
from reverser.app.takeover import Takeover, Targets
from reverser.config import Config
from reverser.config.leader_table import Leader, identity_of, namespace_of
from reverser.errors import ConfigError, Problem, ReverserError
from reverser.health import Health
from reverser.kube.credentials import ACCOUNT
from reverser.kube.errors import Forbidden
from reverser.kube.type_catalog import TypeCatalog
from reverser.leader.checkpoint_store import CheckpointStore
from reverser.leader.election import Election
from reverser.leader.lease_api import LeaseApi
from reverser.leader.role_label import RoleLabel
from reverser.leader.shared_key import share_digest_key
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.journal import Journal

log = structlog.get_logger()

SUBJECT = "leader"
CHECKPOINT, KEY = "leader/checkpoint", "leader/key"
FAILURES_TOLERATED = 3
"""Looks at the Lease in a row that may fail before it is a condition."""
HINT = "allow get, create and update of leases.coordination.k8s.io in our namespace"


class Leadership:
    """Whether this process leads."""

    def __init__(self, config: Config, metrics: Metrics, health: Health) -> None:
        """Raises ConfigError where nothing says in which namespace the Lease is."""
        self._settings = config.leader
        self._folder = Path(config.data_dir)
        self._cluster = config.clusters[0]
        self._metrics = metrics
        self._health = health
        self._election: Election | None = None
        self._waiting = trio.CancelScope()
        self._stopping = False
        self._failures = 0
        self.namespace = "" if config.leader is None else _namespace(config.leader)

    def held(self) -> bool:
        """Whether this process leads, as far as it knows; always without `[leader]`."""
        return self._settings is None or (self._election is not None and self._election.held())

    async def confirm(self) -> bool:
        """Whether this process still leads; with `[leader]` the API server says so."""
        if self._settings is None:
            return True
        return self._election is not None and await self._election.confirm()

    async def share_digest_key(self) -> None:
        """Have the data directory use the key of all replicas; its journal is not open yet."""
        if self._settings is not None:
            name = self._settings.name
            await share_digest_key(self._cluster, self.namespace, name, self._folder, self._read_key)

    def takeover(
        self, journal: Journal, assembly: Callable[[], Assembly | None], catalog: TypeCatalog
    ) -> Takeover:
        """How the next term takes over, and lets others do so."""
        store = None
        if self._settings is not None:
            store = CheckpointStore(self._cluster, self.namespace, self._settings.name)
        targets = Targets(assembly, catalog)
        return Takeover(store, journal, targets, self.confirm, self._used_checkpoint)

    def stop(self) -> None:
        """Lead no more after the term that is running."""
        self._stopping = True
        self._waiting.cancel()

    async def run(
        self,
        term: Callable[[], Awaitable[None]],
        step_down: Callable[[], None],
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        """Run `term` whenever this process leads, until `stop`; `step_down` ends a term that is running.

        `follow` runs while another one leads, and has ended before a term begins.
        """
        if self._settings is None:
            if not self._stopping:
                await term()
            return
        seconds = self._settings.renew_seconds / 2
        async with LeaseApi.open(self._cluster, self.namespace, self._settings.name, seconds) as api:
            identity = identity_of(self._settings, os.environ)
            self._election = election = Election(api, self._settings, identity, self._looked)
            label = RoleLabel(api, os.environ.get("POD_NAME", ""), self._health)
            self._metrics.set("leader", 0)
            self._follow("this replica follows")
            async with trio.open_nursery() as nursery:
                nursery.start_soon(label.run)
                try:
                    await self._terms(election, label, term, step_down, follow)
                finally:
                    nursery.cancel_scope.cancel()
                    await election.release()
                    await label.remove()

    async def _terms(
        self,
        election: Election,
        label: RoleLabel,
        term: Callable[[], Awaitable[None]],
        step_down: Callable[[], None],
        follow: Callable[[], Awaitable[None]],
    ) -> None:
        while not self._stopping:
            with trio.CancelScope() as self._waiting:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(follow)
                    former = await election.acquire()
                    nursery.cancel_scope.cancel()
            if not election.held():
                continue
            self._leads(election.identity)
            label.lead()
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep, election, label, step_down)
                if former:
                    nursery.start_soon(label.remove_of_former, former)
                await term()
                nursery.cancel_scope.cancel()

    async def _keep(self, election: Election, label: RoleLabel, step_down: Callable[[], None]) -> None:
        await election.keep()
        label.follow()
        self._metrics.set("leader", 0)
        self._metrics.count("leader_transitions", to="follower")
        holder = election.holder
        log.warning("Lease lost, what is journaled is pushed and observing stops", holder=holder)
        self._follow("this replica lost the Lease, and asks for it again")
        step_down()

    def _leads(self, identity: str) -> None:
        self._metrics.set("leader", 1)
        self._metrics.count("leader_transitions", to="leader")
        message = f"this replica holds the Lease as {identity}"
        self._health.report(Condition("Leading", SUBJECT, True, "LeaseHeld", message))

    def _follow(self, message: str) -> None:
        self._health.report(Condition("Leading", SUBJECT, False, "Following", message))

    def _read_key(self, error: ReverserError | None) -> None:
        self._report(KEY, error, "KeyUnavailable")

    def _used_checkpoint(self, error: ReverserError | None) -> None:
        self._report(CHECKPOINT, error, "CheckpointUnavailable")

    def _report(self, subject: str, error: ReverserError | None, reason: str) -> None:
        if error is None:
            self._health.recovered(subject)
        else:
            self._health.failed(subject, error, reason)

    def _looked(self, error: ReverserError | None) -> None:
        if error is None:
            self._failures = 0
            self._health.recovered(SUBJECT)
            return
        self._failures += 1
        if isinstance(error, Forbidden):
            self._health.stalled(SUBJECT, "LeaseForbidden", f"{error.message} ({HINT})")
        elif self._failures >= FAILURES_TOLERATED:
            self._health.failed(SUBJECT, error, "LeaseUnavailable")


def _namespace(settings: Leader) -> str:
    namespace = namespace_of(settings, os.environ, ACCOUNT)
    if not namespace:
        message = "is not set, and this process runs in no pod that would say it"
        raise ConfigError([Problem("leader.namespace", message, "name the namespace of the Lease")])
    return namespace
