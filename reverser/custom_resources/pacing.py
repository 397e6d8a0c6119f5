"""Which version of each custom resource is in force: the newest, unless its spec changes again and again.

Each other spec may make the daemon list all that a rule selects, for everyone who watches these types. So an
object has five changes at once and one each twelve seconds, and the objects of a namespace together have
thirty, and one each two seconds; changes that come at one time count there as one. A change beyond that is
postponed: the former spec stays in force, and its status says so. Objects that are created count as changed,
also under the name of one that was deleted. A deletion is never postponed.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

import msgspec

from reverser.custom_resources.api_types import AnyObject
from reverser.custom_resources.model import Compiled, ObjectRef, Verdict

MINUTE_SECONDS = 60.0
MOST_OF_OBJECT = 5
"""Changes of one object in a minute."""
MOST_OF_NAMESPACE = 30
"""Times in a minute that objects of one namespace change."""
MESSAGE = (
    "its spec changes too often: the newest one is taken within a minute, until then the former is in force"
)


class Allowance:
    """How many changes may be taken: so many at once, and as many in each minute."""

    def __init__(self, most: int, now: float) -> None:
        self._most = most
        self._available = float(most)
        self._at = now

    def due(self, now: float) -> float:
        """When the next one may be taken."""
        self._available = min(
            float(self._most), self._available + (now - self._at) * self._most / MINUTE_SECONDS
        )
        self._at = now
        return now if self._available >= 1 else now + (1 - self._available) * MINUTE_SECONDS / self._most

    def take(self) -> None:
        """One is taken."""
        self._available -= 1

    def is_whole(self, now: float) -> bool:
        """Whether nothing was taken lately."""
        self.due(now)
        return self._available >= self._most


class Pacer:
    """Chooses the versions of all objects, one time after the other."""

    def __init__(self) -> None:
        self._taken: dict[ObjectRef, AnyObject] = {}
        self._of_object: dict[ObjectRef, Allowance] = {}
        self._of_namespace: dict[str, Allowance] = {}
        self.postponed: frozenset[ObjectRef] = frozenset()
        """Objects that have a newer spec than the one in force."""
        self.due = math.inf
        """When one of these may be taken."""

    def take(self, objects: Mapping[ObjectRef, AnyObject], now: float) -> dict[ObjectRef, AnyObject]:
        """The objects as they are in force, given those that there are; none: no spec of it is in force."""
        changed = [ref for ref, obj in objects.items() if _differs(self._taken.get(ref), obj)]
        late = {ref: due for ref in changed if (due := self._due(ref, now)) > now}
        self._spend([ref for ref in changed if ref not in late])
        chosen = {ref: obj for ref, obj in objects.items() if ref not in late}
        for ref in late:
            former = self._taken.get(ref)
            if former is not None and former.metadata.uid == objects[ref].metadata.uid:
                chosen[ref] = _with_spec_of(former, objects[ref])
        self._taken = chosen
        self.postponed, self.due = frozenset(late), min(late.values(), default=math.inf)
        self._forget_unused(now)
        return chosen

    def _due(self, ref: ObjectRef, now: float) -> float:
        of_object = self._of_object.setdefault(ref, Allowance(MOST_OF_OBJECT, now))
        of_namespace = self._of_namespace.setdefault(ref.name.namespace, Allowance(MOST_OF_NAMESPACE, now))
        return max(of_object.due(now), of_namespace.due(now))

    def _spend(self, refs: Iterable[ObjectRef]) -> None:
        namespaces = set[str]()
        for ref in refs:
            self._of_object[ref].take()
            namespaces.add(ref.name.namespace)
        for namespace in namespaces:
            self._of_namespace[namespace].take()

    def _forget_unused(self, now: float) -> None:
        self._of_object = {ref: each for ref, each in self._of_object.items() if not each.is_whole(now)}
        self._of_namespace = {
            name: each for name, each in self._of_namespace.items() if not each.is_whole(now)
        }


def with_postponed(compiled: Compiled, postponed: Iterable[ObjectRef]) -> Compiled:
    """What was compiled; the verdicts of these objects say that a newer spec waits."""
    verdicts = dict(compiled.verdicts)
    for ref in postponed:
        verdict = verdicts.get(ref) or _none_in_force(ref)
        verdicts[ref] = msgspec.structs.replace(verdict, postponed=MESSAGE)
    return msgspec.structs.replace(compiled, verdicts=verdicts)


def _none_in_force(ref: ObjectRef) -> Verdict:
    """Of an object that was created anew again and again."""
    reason = "Checking" if ref.kind == "GitRepoConfig" else "Validating"
    message = "an object of this name was deleted and created too often: this one is taken within a minute"
    return Verdict(False, reason, message, waiting=True)


def _differs(before: AnyObject | None, now: AnyObject) -> bool:
    if before is now:
        return False
    return before is None or before.metadata.uid != now.metadata.uid or before.spec != now.spec


def _with_spec_of(former: AnyObject, now: AnyObject) -> AnyObject:
    """The object with a former spec, and its generation, but with the labels and annotations of now."""
    metadata = msgspec.structs.replace(now.metadata, generation=former.metadata.generation)
    return msgspec.structs.replace(former, metadata=metadata)
