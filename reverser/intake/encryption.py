"""Encrypts files: decisions with values in clear come in, decisions with encrypted files go out.

When an encryption fails, the object is withheld, and its decision stays in memory, in clear, until encryption
works or a newer decision replaces it. A process that ends loses it and lists the type again. When a
destination cannot encrypt anything, its condition says so and no further object waits for it; only
`probe_failed` tries again.

`EncryptionRetry` retries encryptions that failed, with growing pauses.

The result goes into the journal like any other decision, a few objects at a time between two batches of the
intake, and with the author that the change had at first.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import TypeAlias

import trio

from reverser.attribution.attributor import Attributor, ManagerOnly
from reverser.backoff import Backoff
from reverser.errors import ReverserError, StalledError, TransientError, WithheldError
from reverser.health import Health
from reverser.intake.decision_state import DecisionState
from reverser.model.condition import Withheld
from reverser.model.destination import subject_of
from reverser.model.entry import Decision, Encrypter, RecordKey, encrypted
from reverser.model.resource import ObjectKey
from reverser.unexpected_errors import contained

Decided: TypeAlias = tuple[str, ObjectKey, Decision]
"""(destination, key, decision)"""
WAITING_BYTES_MOST = 64 * 1024 * 1024
"""Of what waits in memory to be encrypted."""
AT_ONCE = 4
"""Programs that run at a time."""


class EncryptionQueue:
    """What the destinations encrypt, and what waits for that."""

    def __init__(self, encrypters: Mapping[str, Encrypter], digest_key: bytes, health: Health) -> None:
        self._encrypters = encrypters
        self._key = digest_key
        self._health = health
        self._down: dict[str, ReverserError] = {}
        self._waiting: dict[RecordKey, Decision] = {}
        self._waiting_bytes = 0
        self._work_available = trio.Event()

    def begin(self, destinations: Iterable[str]) -> None:
        """What was reported of them before is void."""
        for name in destinations:
            self._health.forget(_subject(name))

    def adopt(self, encrypters: Mapping[str, Encrypter], changed: Collection[str]) -> None:
        """Other destinations are in force: what waits for one that went or changed comes again by a list."""
        self._encrypters = encrypters
        for record_key in [each for each in self._waiting if each[0] in changed or each[0] not in encrypters]:
            self.supersede(*record_key)
        for name in [each for each in self._down if each in changed or each not in encrypters]:
            del self._down[name]

    async def encrypt(self, destination: str, key: ObjectKey, decision: Decision) -> Decision:
        """The decision with its file encrypted, or one that withholds the object; an older one is void."""
        self.supersede(destination, key)
        if decision.clear is None:
            return decision
        error = self._down.get(destination)
        if error is None:
            try:
                with contained("encrypt", key):
                    file = await self._encrypters[destination].encrypt(decision.clear)
                    return encrypted(decision, file, self._key)
            except WithheldError as failure:
                error = failure
            except (StalledError, TransientError) as failure:
                error = failure
                self._failed(destination, failure)
        if self._room_for(decision):
            self._waiting[destination, key] = decision
            self._waiting_bytes += _size(decision)
            self._work_available.set()
        return _withheld(destination, key, decision, error)

    def _room_for(self, decision: Decision) -> bool:
        """Whether it may wait in memory; if not, it is retried at the next change or start."""
        return self._waiting_bytes + _size(decision) <= WAITING_BYTES_MOST

    async def all(
        self, decisions: list[tuple[str, ObjectKey, Decision]]
    ) -> list[tuple[str, ObjectKey, Decision]]:
        """The same for many objects, a few at a time, in the same order."""
        done = list(decisions)
        limiter = trio.CapacityLimiter(AT_ONCE)

        async def encrypt_one(index: int) -> None:
            async with limiter:
                name, key, decision = decisions[index]
                done[index] = (name, key, await self.encrypt(name, key, decision))

        async with trio.open_nursery() as nursery:
            for index, (name, key, decision) in enumerate(decisions):
                if decision.clear is None:
                    self.supersede(name, key)
                else:
                    nursery.start_soon(encrypt_one, index)
        return done

    def supersede(self, destination: str, key: ObjectKey) -> None:
        """The object changed or went: its decision that waits is dropped."""
        decision = self._waiting.pop((destination, key), None)
        if decision is not None:
            self._waiting_bytes -= _size(decision)

    def listed(self, misses: Callable[[ObjectKey], bool]) -> None:
        """A complete list proves that objects are gone: their decisions that wait are dropped."""
        for record_key in [record_key for record_key in self._waiting if misses(record_key[1])]:
            self.supersede(*record_key)

    @property
    def waiting(self) -> list[RecordKey]:
        """What waits for a destination that works, as far as is known."""
        return [record_key for record_key in self._waiting if record_key[0] not in self._down]

    def decision(self, record_key: RecordKey) -> Decision | None:
        """What was decided about an object that waits; None when it does so no more."""
        return self._waiting.get(record_key)

    @property
    def has_work(self) -> bool:
        """Whether anything waits, or a destination cannot encrypt."""
        return bool(self._waiting or self._down)

    async def work_available(self) -> None:
        """Return when there is something to try again."""
        while not self.has_work:
            self._work_available = trio.Event()
            await self._work_available.wait()

    async def probe_failed(self) -> None:
        """Ask every destination that could not encrypt whether it can now."""
        for name in list(self._down):
            encrypter, answer = self._encrypters.get(name), None
            if encrypter is None:
                continue
            try:
                await encrypter.probe()
            except (StalledError, TransientError) as error:
                answer = error
            if name not in self._down or self._encrypters.get(name) is not encrypter:
                continue  # another configuration took over meanwhile
            if answer is not None:
                self._failed(name, answer)
            else:
                del self._down[name]
                self._health.recovered(_subject(name))

    def _failed(self, destination: str, error: ReverserError) -> None:
        self._down[destination] = error
        self._health.failed(_subject(destination), error, "EncryptionFailed")


def _size(decision: Decision) -> int:
    """Bytes that a decision keeps in memory, roughly: the document in clear is as long as the file."""
    entry, record = decision.entry, decision.record
    file = 0 if entry is None else entry.edit.size
    return 2 * file + (0 if record is None else len(record.content))


def _subject(destination: str) -> str:
    return f"{subject_of(destination)}/encryption"


def _withheld(destination: str, key: ObjectKey, decision: Decision, error: ReverserError) -> Decision:
    reason = getattr(error, "reason", "EncryptionFailed")
    at = 0.0 if decision.entry is None else decision.entry.changed_at
    return Decision("withheld", withheld=Withheld(destination, key, reason, error.message, at))


RETRY_SECONDS = 5.0
RETRY_SECONDS_MOST = 300.0
CHUNK = 20


class EncryptionRetry:
    """Tries what waits in a `EncryptionQueue`."""

    def __init__(
        self,
        queue: EncryptionQueue,
        state: DecisionState,
        attributor: Attributor | ManagerOnly,
        turn: trio.Lock,
    ) -> None:
        """`turn` is held by whoever makes an append of what the journal knows."""
        self._encryption = queue
        self._state = state
        self._attributor = attributor
        self._turn = turn

    async def run(self) -> None:
        """Try again until cancelled."""
        backoff = Backoff(RETRY_SECONDS, RETRY_SECONDS_MOST)
        while True:
            await self._encryption.work_available()
            await trio.sleep(backoff.failed())
            await self._encryption.probe_failed()
            record_keys = self._encryption.waiting
            for start in range(0, len(record_keys), CHUNK):
                async with self._turn:
                    await self._take(record_keys[start : start + CHUNK])
            if not self._encryption.has_work:
                backoff.succeeded()

    async def _take(self, record_keys: list[RecordKey]) -> None:
        builder = await self._state.append_builder(record_keys)
        for record_key in record_keys:
            decision = self._encryption.decision(record_key)
            if decision is not None:
                builder.add(*record_key, await self._encryption.encrypt(*record_key, decision))
        self._attributor.journaled(await self._state.append(builder, time.time()))
