"""Observations in, journal entries out.

Observations of one stream arrive in the API's order and leave in it. They are taken in batches:
one look-up of the records, one decision a destination, one durable append, which also moves the
streams' positions. A journal that cannot take an append (a full disk) holds everything up here;
the watch lags safely behind until it can.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing

import msgspec
import trio

from reverser.attribution.attributor import Attributor, ManagerOnly
from reverser.errors import WithheldError
from reverser.health import Health
from reverser.intake.append_builder import AppendBuilder
from reverser.intake.batches import batches, rest_when_idle
from reverser.intake.decision_state import DecisionState
from reverser.intake.encryption import EncryptionQueue, EncryptionRetry
from reverser.intake.landed_versions import LandedVersions
from reverser.intake.list_completion import ListCommitter
from reverser.intake.list_decisions import NOTHING, Decider, ListDecisions
from reverser.intake.listing import Listing
from reverser.intake.route import Route, RouteTable
from reverser.intake.secret_warnings import SecretWarnings
from reverser.journal.retrying import RetryingJournal
from reverser.kube.discovery_trigger import InFlightBytes
from reverser.metrics import Metrics
from reverser.model.change import (
    Barrier,
    Change,
    Identified,
    ListCompleted,
    ListStarted,
    Observation,
    Progress,
    StartedOver,
    Stream,
    Unwanted,
)
from reverser.model.condition import Suspicion
from reverser.model.entry import Append, Decision, Encrypter, Record, RecordKey, withhold
from reverser.model.journal import LANDED, Journal, cluster_uid_setting, history_settings
from reverser.model.resource import ObjectKey
from reverser.sanitize.suspicious_values import suspicious
from reverser.unexpected_errors import contained, left_out

TURN = 16
"""Changes decided before other tasks get a turn: a few milliseconds."""
SUSPECTED = 50
"""Records that are in memory with their contents when a session begins: each may have a megabyte and more."""


class Intake:
    """Decides every observation of all clusters and makes the outcome durable."""

    def __init__(
        self,
        routes: Mapping[str, Sequence[Route]],
        coverage: Callable[[Stream], str],
        journal: Journal,
        metrics: Metrics,
        health: Health,
        attributor: Attributor | None = None,
        encrypters: Mapping[str, Encrypter] | None = None,
        room: InFlightBytes | None = None,
        decider: Decider | None = None,
    ) -> None:
        """`room` is that of the observations on their way, which is given back once they are journaled.

        `decider` decides about large lists in another process.
        """
        self._room = room
        self._routes = RouteTable(routes)
        self._journal = RetryingJournal(journal, health)
        self._metrics = metrics
        self._attributor = attributor or ManagerOnly()
        self._listings: dict[str, Listing] = {}
        self._secret_warnings = SecretWarnings(health, metrics)
        self._state = DecisionState(self._journal, self._routes, self._secret_warnings, health)
        self._encryption = EncryptionQueue(encrypters or {}, journal.key, health)
        self._completion = ListCommitter(self._routes, coverage, self._journal, self._encryption, self._state)
        self._landed_versions = LandedVersions()
        self._lists = ListDecisions(decider, self._routes, self._state.scaled)
        self._ahead = NOTHING
        self._turn = trio.Lock()
        self._encryption_retry = EncryptionRetry(self._encryption, self._state, self._attributor, self._turn)

    async def run(self, observations: trio.MemoryReceiveChannel[Observation]) -> None:
        """Take observations until the channel closes; then all of them are in the journal.

        When it is cancelled, the observations in hand are not journaled, and no position counts them.
        """
        await self._journal.discard_all()  # of an intake before this one, on the same journal
        await self._recall(self._routes.destinations)
        await self._state.recall_unmatched_paths()
        async with aclosing(self._lists), trio.open_nursery() as nursery:
            nursery.start_soon(self._encryption_retry.run)
            nursery.start_soon(rest_when_idle, self._lists)
            with observations:  # not `async with`: see `writer.pusher`
                async with aclosing(batches(observations, self._lists, nursery)) as gathered:
                    async for batch in gathered:
                        async with self._turn:
                            self._ahead = batch.ahead
                            await self._take(batch.observations)
                        if self._room is not None:
                            self._room.give(*batch.observations)
            nursery.cancel_scope.cancel()

    async def adopt(
        self,
        routes: Mapping[str, Sequence[Route]],
        encrypters: Mapping[str, Encrypter],
        decider: Decider | None,
        changed: Collection[str],
    ) -> None:
        """Decide by other routes from now on.

        No stream whose decisions they change may be under way: each begins again with a list. `changed`:
        destinations that are new, or whose files look or stand otherwise.
        """
        async with self._turn:
            self._routes.replace(routes)
            self._state.adopt(self._routes, changed)
            self._secret_warnings.keep(self._routes.destinations)
            self._encryption.adopt(encrypters, changed)
            await self._lists.adopt(decider)
            await self._recall(self._routes.destinations.intersection(changed))

    async def recall(self, name: str) -> None:
        """Records of a destination came back from its branch: take over what they tell."""
        async with self._turn:
            await self._recall({name})

    def doubtful(self) -> list[ObjectKey]:
        """Objects that the branch may claim a version of that they never had."""
        return self._landed_versions.doubtful()

    async def _recall(self, names: Collection[str]) -> None:
        self._encryption.begin(names)
        await self._state.recall_withheld()
        self._landed_versions.recall(await self._journal.get_settings(LANDED))
        for name in names:
            async with aclosing(self._state.recall(name)) as parts:
                async for records in parts:
                    await self._suspect(name, [record.key for record in records])
            self._secret_warnings.show(name)

    async def _suspect(self, name: str, keys: Sequence[ObjectKey]) -> None:
        """What was written before is looked at again: a stream that resumes lists nothing."""
        flagging = {each for each in self._routes.clusters if any(_flags(self._routes.of(each), name))}
        keys = [key for key in keys if key.cluster in flagging]
        for start in range(0, len(keys), SUSPECTED):
            known = await self._journal.known((name, key) for key in keys[start : start + SUSPECTED])
            for record_key, record in known.items():
                with left_out("suspicious", record_key[1]):
                    size = len(record.content)
                    self._secret_warnings.seed(
                        record_key, await self._state.worker_thread.run(size, _suspicious, record)
                    )

    async def _take(self, batch: list[Observation]) -> None:
        """Journal a batch. A mark that says something of all before it can only be the last."""
        builder = await self._state.append_builder(self._places(batch))
        for index, observation in enumerate(batch, 1):
            match observation:
                case Change():
                    await self._contain(observation, builder)
                    with left_out("sighting", observation.key):
                        self._attributor.seen(observation)
                case ListStarted() | Unwanted():
                    await self._let_go(observation)
                case StartedOver():
                    self._attributor.started_over(observation)
                    builder.settings |= history_settings(observation) | self._landed_versions.forget()
                case Progress(stream=stream, resource_version=version) if stream.id not in self._listings:
                    builder.positions[stream.id] = version
            if index % TURN == 0:
                await trio.lowlevel.checkpoint()
        await self._stage()
        self._attributor.journaled(await self._state.append(builder, time.time()))
        self._secret_warnings.show()
        match batch[-1]:
            case ListCompleted() as done:
                await self._complete(done)
            case Identified() as identified:
                setting = {cluster_uid_setting(identified.cluster): identified.uid}
                setting |= self._landed_versions.forget() if identified.another else {}
                await self._journal.append(Append(settings=setting, relist=identified.another))
            case Barrier(passed=passed):
                passed()

    async def _complete(self, done: ListCompleted) -> None:
        self._attributor.listing(done)
        await self._completion.keep(done, self._listings.pop(done.stream.id))
        self._secret_warnings.show()
        if not self._listings:
            await self._lists.rest()

    async def _let_go(self, observation: ListStarted | Unwanted) -> None:
        """Forget what a list of the stream has brought; another one begins, or none."""
        stream = observation.stream
        await self._journal.discard(stream.id)
        self._listings.pop(stream.id, None)
        if isinstance(observation, ListStarted):
            self._listings[stream.id] = Listing(stream)
            self._attributor.listing(observation)
        else:
            self._state.unwanted(stream)

    async def _stage(self) -> None:
        """Stage what the running lists have brought so far."""
        for name, listing in self._listings.items():
            if listing.full and (staged := listing.take()):
                listing.withhold(await self._state.stage(name, staged, time.time()))

    def _places(self, batch: Iterable[Observation]) -> Iterator[RecordKey]:
        for observation in batch:
            if isinstance(observation, Change):
                for route in self._routes.of_object(observation.stream, observation.key.namespace):
                    yield route.destination.name, observation.key

    async def _contain(self, change: Change, builder: AppendBuilder) -> None:
        """Decide a change; what nobody expected is about its object alone, which is withheld."""
        try:
            with contained("intake", change.key):
                await self._change(change, builder)
        except WithheldError as error:
            listing = self._listings.get(change.stream.id)
            if listing is not None:
                listing.present(change.key)
            elif change.resource_version:
                builder.positions[change.stream.id] = change.resource_version
            for route in self._routes.of_object(change.stream, change.key.namespace):
                name = route.destination.name
                decision = withhold(name, change.key, error, change.seen_at)
                (builder.add if listing is None else listing.decide)(name, change.key, decision)

    async def _change(self, change: Change, builder: AppendBuilder) -> None:
        """Decide a change; while its stream is listing, for the list's end only."""
        self._metrics.count("events_received", cluster=change.key.cluster)
        with left_out("scaled", change.key):
            self._state.scaled.note(change)
        scaled = self._state.scaled.scales(change)
        routes = self._routes.of_object(change.stream, change.key.namespace)
        listing = self._listings.get(change.stream.id)
        if listing is None:
            for route in routes:
                if self._landed_versions.has(route.destination.name, change.key, change.resource_version):
                    continue
                name, decision = await self._decided(route, change, builder, scaled=scaled)
                decision = await self._attributed(change, decision)
                decision = await self._encryption.encrypt(name, change.key, decision)
                builder.add(name, change.key, decision)
            if change.resource_version:
                builder.positions[change.stream.id] = change.resource_version
            return
        self._metrics.count("objects_scanned", cluster=change.key.cluster)
        for route in routes:
            self._encryption.supersede(route.destination.name, change.key)
        if change.deleted:
            listing.absent(change.key)
            return
        listing.present(change.key)
        for route in routes:
            ahead = self._ahead.about(route.destination.name, change, scaled=scaled)
            name, decision = await self._decided(route, change, builder, scaled=scaled, ahead=ahead)
            if decision.entry is None and decision.record is not None:
                # Nothing to write: it only became known by what it is selected.
                builder.add(name, change.key, decision)
            listing.decide(name, change.key, decision)

    async def _attributed(self, change: Change, decision: Decision) -> Decision:
        if decision.entry is None:
            return decision
        with left_out("attribution", change.key):
            digest = await self._state.worker_thread.run(change.size, self._attributor.digest, change)
            entry = self._attributor.attributed(change, decision.entry, digest)
            return msgspec.structs.replace(decision, entry=entry)
        return decision

    async def _decided(
        self,
        route: Route,
        change: Change,
        builder: AppendBuilder,
        *,
        scaled: bool,
        ahead: Decision | None = None,
    ) -> tuple[str, Decision]:
        name = route.destination.name
        record = builder.record(name, change.key)
        if ahead is not None and record is not None:
            self._lists.known(change.stream)
            ahead = None  # it was decided without the record
        decision = await self._state.decided(route, change, record, scaled=scaled, ahead=ahead)
        self._metrics.count("events_processed", cluster=change.key.cluster, result=decision.result)
        return name, decision


def _suspicious(record: Record) -> tuple[Suspicion, ...]:
    return suspicious(msgspec.json.decode(record.content))


def _flags(routes: Iterable[Route], name: str) -> Iterator[bool]:
    """Whether the destination of this name wants to be told of what looks like a secret."""
    return (route.policy.suspicious == "flag" for route in routes if route.destination.name == name)
