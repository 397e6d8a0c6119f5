"""The status of every custom resource: computed from its verdict and its destination's activity, when one
changes.

An Event tells of each change of the condition Ready, and of each warning once. After a start, what is still
being looked up does not replace what a status said before, or each restart would show as a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime

import msgspec
import trio

from reverser.custom_resources.activity import ActivityTracker
from reverser.custom_resources.api_types import (
    RECONCILE_AT,
    AnyObject,
    AnyStatus,
    GitRepoConfig,
    GitRepoConfigSpec,
    GitRepoConfigStatus,
    ObjectMetadata,
    RuleStatus,
    StatusCondition,
)
from reverser.custom_resources.conditions import (
    FORBIDDEN,
    Moment,
    config_status,
    ready,
    rule_status,
    worth_writing,
)
from reverser.custom_resources.events import Event, EventSender, EventType
from reverser.custom_resources.model import Compiled, ObjectName, ObjectRef, Verdict
from reverser.custom_resources.object_table import StoredStatus, Unreadable
from reverser.custom_resources.proven import name_of
from reverser.custom_resources.status_writer import StatusWriter, Wanted
from reverser.kube.client import Client
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.unexpected_errors import left_out

GATHER_SECONDS = 0.05
START_SECONDS = 60.0
"""How long after the start an older status stands against `Unknown`."""
MOST_WARNINGS = 10_000
"""Warnings that are remembered as told; beyond that each is told once more."""
UNREADABLE = "Unreadable"
NO_SPEC = GitRepoConfigSpec(repo_url="", branch="")


class Statuses:
    """Keeps the statuses of all custom resources up to date."""

    def __init__(
        self,
        stored: Callable[[ObjectRef], StoredStatus | None],
        activity: ActivityTracker,
        events: EventSender,
        metrics: Metrics,
    ) -> None:
        """`stored` says what the API server has, as far as the watch told."""
        self._activity = activity
        self._events = events
        self._writer = StatusWriter(stored, worth_writing, metrics)
        self._verdicts: dict[ObjectRef, Verdict] = {}
        self._objects: Mapping[ObjectRef, AnyObject] = {}
        self._unreadable: Mapping[ObjectRef, Unreadable] = {}
        self._rules: dict[ObjectName, list[ObjectRef]] = {}
        """Config -> the rules that name it."""
        self._computed: dict[ObjectRef, AnyStatus] = {}
        self._forbidden = frozenset[str]()
        """Types that the daemon may not read."""
        self._handled: dict[ObjectRef, str] = {}
        self._warned = set[tuple[str, str]]()
        self._dirty = set[ObjectRef]()
        self._woken = trio.Event()
        self._quiet_until = trio.current_time() + START_SECONDS

    def compiled(
        self,
        compiled: Compiled,
        objects: Mapping[ObjectRef, AnyObject],
        unreadable: Mapping[ObjectRef, Unreadable],
    ) -> None:
        """Objects or their verdicts changed; the objects are those that the verdicts are about.

        The reader may know newer ones by now: their generation is not answered before they are compiled.
        """
        self._unreadable = unreadable
        verdicts = {**compiled.verdicts, **_unreadable_verdicts(unreadable)}
        for ref in self._verdicts.keys() - verdicts.keys():
            self._writer.forget(ref)
            self._handled.pop(ref, None)
            self._computed.pop(ref, None)
        self._dirty.update(
            ref
            for ref, verdict in verdicts.items()
            if verdict != self._verdicts.get(ref) or objects.get(ref) != self._objects.get(ref)
        )
        self._dirty &= verdicts.keys()
        self._verdicts, self._objects, self._rules = verdicts, objects, {}
        for ref, verdict in verdicts.items():
            if verdict.config is not None:
                self._rules.setdefault(verdict.config, []).append(ref)
        self._woken.set()

    def acted(self, destination: str) -> None:
        """The activity of a GitRepoConfig's destination changed."""
        ref = _config_ref(name_of(destination))
        if ref in self._verdicts:
            self._dirty.add(ref)
            self._woken.set()

    def condition(self, cluster: str, condition: Condition) -> None:
        """A condition of the daemon changed; those about types of this cluster concern rules."""
        prefix = f"type/{cluster}/"
        if condition.type != "Stalled" or not condition.subject.startswith(prefix):
            return
        name = condition.subject.removeprefix(prefix).partition("/")[0]
        is_forbidden = condition.status and condition.reason == FORBIDDEN
        before = self._forbidden
        self._forbidden = before | {name} if is_forbidden else before - {name}
        if self._forbidden != before:
            self._dirty.update(ref for ref, verdict in self._verdicts.items() if name in verdict.matched)
            self._woken.set()

    def requests(self) -> Iterator[tuple[ObjectRef, AnyObject]]:
        """Objects that ask for a fresh look; each request once."""
        for ref, obj in self._objects.items():
            wanted = obj.metadata.annotations.get(RECONCILE_AT, "")
            if not wanted or self._handled.get(ref) == wanted:
                continue
            stored = self._writer.current(ref)
            handled = self._handled.get(ref) or (stored.last_handled_reconcile_at if stored else "")
            if wanted != handled:
                self._handled[ref] = wanted
                self._dirty.add(ref)
                self._woken.set()
                yield ref, obj

    def compare_all(self) -> None:
        """Correct what somebody else wrote, and what was held back after the start."""
        self._writer.compare_all()
        if self._quiet_until and trio.current_time() >= self._quiet_until:
            self._quiet_until = 0.0
            self._dirty.update(self._verdicts)
            self._woken.set()

    async def run(self, client: Client) -> None:
        """Write statuses until cancelled."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._writer.run, client)
            while True:
                await self._woken.wait()
                await trio.sleep(GATHER_SECONDS)
                self._woken = trio.Event()
                dirty, self._dirty = self._dirty, set()
                for ref in sorted(dirty, key=_configs_first):
                    with left_out("status", f"{ref.kind} {ref.name}"):
                        self._update(ref)

    def _update(self, ref: ObjectRef) -> None:
        obj, verdict = self._objects.get(ref), self._verdicts.get(ref)
        if verdict is None:
            return
        unreadable = self._unreadable.get(ref)
        metadata = obj.metadata if obj is not None else unreadable.metadata if unreadable else None
        if metadata is None or not metadata.uid:
            return
        before = self._writer.current(ref)
        status = self._status(ref, obj, verdict, before, metadata)
        self._set_computed(ref, status)
        if self._is_held_back(before, status, metadata.generation):
            return
        former = self._writer.wanted(ref)
        self._writer.want(ref, Wanted(metadata.uid, status))
        known = former.status if former is not None and former.uid == metadata.uid else before
        self._tell(ref, metadata.uid, verdict, ready(known), ready(status))

    def _status(
        self,
        ref: ObjectRef,
        obj: AnyObject | None,
        verdict: Verdict,
        before: AnyStatus | None,
        metadata: ObjectMetadata,
    ) -> AnyStatus:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        answered = before.last_handled_reconcile_at if before else ""
        requested = self._handled.get(ref, answered)
        status = self._computed_status(
            ref, obj, verdict, before, metadata, Moment(metadata.generation, now, requested)
        )
        condition = ready(status)
        if requested != answered and condition is not None and condition.status == "Unknown":
            # Whoever asked for a fresh look reads the answer once there is one.
            return msgspec.structs.replace(status, last_handled_reconcile_at=answered)
        return status

    def _computed_status(
        self,
        ref: ObjectRef,
        obj: AnyObject | None,
        verdict: Verdict,
        before: AnyStatus | None,
        metadata: ObjectMetadata,
        moment: Moment,
    ) -> AnyStatus:
        if ref.kind == "GitRepoConfig":
            config = obj if isinstance(obj, GitRepoConfig) else GitRepoConfig(metadata, NO_SPEC)
            activity = self._activity.of(str(ref.name))
            stored = before if isinstance(before, GitRepoConfigStatus) else None
            return config_status(config, verdict, activity, stored, moment)
        of_config = None if verdict.config is None else self._computed.get(_config_ref(verdict.config))
        return rule_status(
            ref.name.namespace,
            verdict,
            of_config if isinstance(of_config, GitRepoConfigStatus) else None,
            before if isinstance(before, RuleStatus) else None,
            moment,
            self._forbidden,
        )

    def _set_computed(self, ref: ObjectRef, status: AnyStatus) -> None:
        """Remember a status; the rules of a config whose condition Ready changed are looked at again."""
        former, self._computed[ref] = self._computed.get(ref), status
        if ref.kind == "GitRepoConfig" and ready(former) != ready(status):
            self._dirty.update(self._rules.get(ref.name, ()))
            self._woken.set()

    def _is_held_back(self, before: AnyStatus | None, status: AnyStatus, generation: int) -> bool:
        if not self._quiet_until or before is None or before.observed_generation != generation:
            return False
        now = ready(status)
        return now is not None and now.status == "Unknown" and ready(before) is not None

    def _tell(
        self,
        ref: ObjectRef,
        uid: str,
        verdict: Verdict,
        before: StatusCondition | None,
        after: StatusCondition | None,
    ) -> None:
        if after is not None and after.status != "Unknown" and _meaning(before) != _meaning(after):
            good = after.status == "True" or after.reason == "Suspended"
            kind: EventType = "Normal" if good else "Warning"
            self._events.send(Event(ref, uid, kind, after.reason, after.message))
        if len(self._warned) > MOST_WARNINGS:
            self._warned.clear()
        for warning in verdict.warnings:
            if (uid, warning) not in self._warned:
                self._warned.add((uid, warning))
                self._events.send(Event(ref, uid, "Warning", "ReadOtherwise", warning))


def _unreadable_verdicts(unreadable: Mapping[ObjectRef, Unreadable]) -> dict[ObjectRef, Verdict]:
    return {
        ref: Verdict(
            False, UNREADABLE, f"this object cannot be read by this release: {each.message}", UNREADABLE
        )
        for ref, each in unreadable.items()
    }


def _configs_first(ref: ObjectRef) -> bool:
    """Rules are judged by the status of their config."""
    return ref.kind != "GitRepoConfig"


def _config_ref(name: ObjectName) -> ObjectRef:
    return ObjectRef("GitRepoConfig", name)


def _meaning(condition: StatusCondition | None) -> tuple[str, str] | None:
    return None if condition is None else (condition.status, condition.reason)
