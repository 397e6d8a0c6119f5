"""One Lease and the processes that want it, on an API that fails on order."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from reverser.config import Cluster
from reverser.config.leader_table import Leader
from reverser.errors import ReverserError
from reverser.leader.election import Election
from reverser.leader.lease_api import LeaseApi, LeaseSnapshot
from reverser.leader.lease_record import LeaseRecord
from reverser.sandbox import Sandbox
from tests.faults import Answer, Faults, Match, failing_sandbox

BOUND_SECONDS = 60
SETTINGS = Leader(namespace="ours", lease_seconds=2, renew_seconds=1.8, retry_seconds=0.05)
READS, WRITES = (Match(verb=verb, resource="leases") for verb in ("get", "update"))


class Counted:
    """A connection whose reads are counted."""

    def __init__(self, api: LeaseApi, replicas: Replicas) -> None:
        self._api = api
        self._replicas = replicas

    def __getattr__(self, name: str) -> Any:
        return getattr(self._api, name)

    async def read(self) -> LeaseSnapshot | None:
        self._replicas.reads += 1
        return await self._api.read()


class Replicas:
    """An API, and what wants the Lease."""

    def __init__(self, sandbox: Sandbox, faults: Faults, kubeconfig: Path) -> None:
        self.sandbox = sandbox
        self.faults = faults
        self.errors: list[ReverserError] = []
        self.reads = 0
        self._cluster = Cluster(kubeconfig=str(kubeconfig))

    @asynccontextmanager
    async def api(self) -> AsyncIterator[LeaseApi]:
        """A connection of its own."""
        async with LeaseApi.open(self._cluster, "ours", "gitops-reverser", 5) as api:
            yield api

    @asynccontextmanager
    async def election(self, identity: str, settings: Leader = SETTINGS) -> AsyncIterator[Election]:
        """A process of this identity."""
        async with self.api() as api:
            yield Election(Counted(api, self), settings, identity, self._looked)  # type: ignore[arg-type]

    def _looked(self, error: ReverserError | None) -> None:
        if error is not None:
            self.errors.append(error)


@pytest.fixture
async def replicas(tmp_path: Path) -> AsyncIterator[Replicas]:
    """An API with our namespace, for a bounded time."""
    with trio.fail_after(BOUND_SECONDS):
        async with failing_sandbox() as (sandbox, faults):
            await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "ours"}})
            kubeconfig = tmp_path / "kubeconfig"
            sandbox.kubeconfig(kubeconfig)
            yield Replicas(sandbox, faults, kubeconfig)


async def test_a_released_lease_is_taken_at_once(replicas: Replicas) -> None:
    """Who releases the Lease lets the next one in, however long its duration is."""
    long = msgspec.structs.replace(SETTINGS, lease_seconds=3600, renew_seconds=1800.0)
    async with replicas.election("a", long) as one, replicas.election("b", long) as two:
        assert await one.acquire() == ""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(two.acquire)
            while two.holder != "a":
                await trio.sleep(0.01)
            nursery.cancel_scope.cancel()
        assert (one.held(), two.held()) == (True, False)
        await one.release()

        assert await two.acquire() == ""
        assert (one.held(), two.held()) == (False, True)
        assert not await one.confirm()


async def test_a_lease_that_nobody_renews_expires(replicas: Replicas) -> None:
    """A holder that stands still is replaced after the duration, and its term is over for good."""
    async with replicas.election("a") as one, replicas.election("b") as two:
        await one.acquire()
        assert await one.confirm()

        assert await two.acquire() == "a"
        assert await two.confirm()
        assert not await one.confirm()
        await one.keep()  # returns, since it is lost
        assert not one.held()


async def test_a_renewed_lease_stays(replicas: Replicas) -> None:
    """As long as the holder renews, nobody else gets the Lease, and others' labels on it stay."""
    async with replicas.election("a") as one, replicas.election("b") as two, replicas.api() as api:
        await one.acquire()
        await label(api)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.keep)
            with trio.move_on_after(3.0) as late:
                await two.acquire()
            nursery.cancel_scope.cancel()

        assert late.cancelled_caught
        lease = await api.read()
        assert lease is not None
        assert (lease.record.holder, lease.document["metadata"]["labels"]["team"]) == ("a", "infra")


async def label(api: LeaseApi) -> None:
    """Somebody labels the Lease."""
    lease = await api.read()
    assert lease is not None
    metadata = lease.document["metadata"]
    changed = lease.document | {"metadata": metadata | {"labels": {"team": "infra"}}}
    await api.write(LeaseSnapshot(lease.record, changed), lease.record)


@pytest.mark.parametrize("year", ["2001", "2099"])
async def test_a_holder_whose_clock_is_wrong(replicas: Replicas, year: str) -> None:
    """A holder that writes times of another year leads as long as it renews, and no longer."""
    async with replicas.election("b") as two, replicas.api() as api:
        lease = await api.write(None, LeaseRecord("a", 1.0, f"{year}-01-01T00:00:00.000000Z"))
        with trio.move_on_after(1.5) as renewing:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(two.acquire)
                for number in itertools.count():
                    renewed = f"{year}-01-01T00:00:00.{number:06}Z"
                    lease = await api.write(lease, msgspec.structs.replace(lease.record, renewed=renewed))
                    await trio.sleep(0.1)
        assert renewing.cancelled_caught

        assert await two.acquire() == "a"


async def test_a_lease_that_somebody_else_writes_is_lost(replicas: Replicas) -> None:
    """A leader whose Lease is deleted, or given to another, stops leading at its next renewal."""
    async with replicas.election("a") as one, replicas.api() as api:
        for _ in range(2):
            await one.acquire()
            lease = await api.read()
            assert lease is not None
            await api.write(lease, LeaseRecord("b", 1.0, lease.record.acquired, "", 7))
            await one.keep()

            assert not one.held()
            assert one.holder == "b"


async def test_two_processes_of_one_identity_never_lead_together(replicas: Replicas) -> None:
    """Given the same identity by mistake, the second takes the Lease and the first one's term is over."""
    async with replicas.election("a") as one, replicas.election("a") as two:
        await one.acquire()
        await two.acquire()

        assert not await one.confirm()
        assert await two.confirm()


async def test_an_api_that_fails_for_a_moment_ends_no_term(replicas: Replicas) -> None:
    """A renewal that fails once is tried again, and so is a question whether the Lease is still held."""
    async with replicas.election("a") as one:
        await one.acquire()
        replicas.faults.add(WRITES, Answer(503), times=2)
        replicas.faults.add(READS, Answer(500), times=2)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(one.keep)
            assert await one.confirm()
            while not replicas.errors:
                await trio.sleep(0.01)
            await trio.sleep(2.0)
            assert one.held()
            nursery.cancel_scope.cancel()


async def test_an_api_that_stays_away_ends_the_term(replicas: Replicas) -> None:
    """A Lease that cannot be renewed for `renew_seconds` is lost, and taken again when it can be."""
    async with replicas.election("a") as one:
        await one.acquire()
        away = replicas.faults.add(Match(resource="leases"), Answer(503))
        await one.keep()
        assert not one.held()
        assert not await one.confirm()
        replicas.faults.remove(away)

        await one.acquire()
        assert one.held()


async def test_many_questions_are_one_request(replicas: Replicas) -> None:
    """Hundreds of writers that ask together share what one request says, and none an answer from before."""
    answers: list[bool] = []
    async with replicas.election("a") as one, replicas.election("b") as two:
        await one.acquire()
        before = replicas.reads
        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(ask, one, answers)
        assert answers == [True] * 300
        assert replicas.reads - before <= 2
        await two.acquire()
        async with trio.open_nursery() as nursery:
            for _ in range(300):
                nursery.start_soon(ask, one, answers)

    assert answers[300:] == [False] * 300


async def ask(election: Election, answers: list[bool]) -> None:
    """Ask once."""
    answers.append(await election.confirm())
