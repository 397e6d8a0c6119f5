"""Shows objects with values that look like secrets: one line in the log, and a condition while they last.

Nothing of this is journaled. When the intake starts it looks at the records in the journal again, by today's
rules and settings: so a restart forgets none, and a better rule finds what an older one missed. The first
objects of a destination, by name, have a condition each; one condition says how many more there are, and the
gauge counts all.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeAlias

import structlog

from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.resource import ObjectKey
from reverser.model.withheld import Suspicion

log = structlog.get_logger()

Place: TypeAlias = tuple[str, ObjectKey]
"""(destination, key)"""

TYPE = "Suspicious"
MOST_SHOWN = 20
"""Objects of one destination that have a condition each."""
MOST_FIELDS = 5
ADVICE = 'move it to a Secret and rotate it, for Git keeps its history; or set suspicious = "mask"'


class Suspects:
    """What looks like a secret in the files of all destinations."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics
        self._found: dict[str, dict[ObjectKey, tuple[Suspicion, ...]]] = {}
        self._changed: set[str] = set()

    def seed(self, place: Place, found: tuple[Suspicion, ...]) -> None:
        """Take over what was told of before."""
        if found:
            self._found.setdefault(place[0], {})[place[1]] = found

    @property
    def places(self) -> list[Place]:
        """Of all objects with such values."""
        return [(name, key) for name, objects in self._found.items() for key in objects]

    def note(self, place: Place, found: tuple[Suspicion, ...] | None) -> None:
        """What an object's file holds now; None: as before."""
        destination, key = place
        objects = self._found.setdefault(destination, {})
        before = objects.get(key, ())
        if found is None or found == before:
            return
        self._changed.add(destination)
        _tell(key, found, {each.rule for each in before})
        if found:
            objects[key] = found
        else:
            del objects[key]

    def show(self, *destinations: str) -> None:
        """Bring conditions and gauges up to date, where something changed or of the destinations named."""
        for name in {*destinations, *self._changed}:
            objects = self._found.get(name, {})
            self._metrics.set("suspicious_values", sum(map(len, objects.values())), destination=name)
            wanted = {condition.subject: condition for condition in _conditions(name, objects)}
            for shown in self._shown(name):
                if shown not in wanted:
                    self._health.withdraw(shown, TYPE)
            for condition in wanted.values():
                self._health.report(condition)
        self._changed.clear()

    def _shown(self, name: str) -> Iterator[str]:
        start = f"destination/{name}/"
        conditions = self._health.conditions
        return (each.subject for each in conditions if each.type == TYPE and each.subject.startswith(start))


def _tell(key: ObjectKey, found: Iterable[Suspicion], known: set[str]) -> None:
    for each in found:
        if each.rule not in known:
            known.add(each.rule)
            log.warning("value looks like a secret", object=str(key), field=each.path, rule=each.rule)


def _conditions(name: str, objects: dict[ObjectKey, tuple[Suspicion, ...]]) -> Iterator[Condition]:
    keys = sorted(objects)
    for key in keys[:MOST_SHOWN]:
        subject = f"destination/{name}/{key.cluster}/{key}"
        yield Condition(TYPE, subject, True, _reason(objects[key][0].rule), _message(objects[key]))
    if len(keys) > MOST_SHOWN:
        message = f"{len(keys) - MOST_SHOWN} more objects hold values that look like secrets"
        yield Condition(TYPE, f"destination/{name}/more", True, "MoreObjects", message)


def _message(found: tuple[Suspicion, ...]) -> str:
    fields = ", ".join(f"{each.path} ({each.rule})" for each in found[:MOST_FIELDS])
    more = f" and {len(found) - MOST_FIELDS} more" if len(found) > MOST_FIELDS else ""
    return f"looks like a secret: {fields}{more}; {ADVICE}"


def _reason(rule: str) -> str:
    """The rule's name as one CamelCase word."""
    return "".join(word.capitalize() for word in rule.split("-"))
