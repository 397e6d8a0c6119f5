"""Shows objects with values that look like secrets: one line in the log, and a condition while they last.

Nothing of this is journaled. When the intake starts it looks at the records in the journal again, by today's
rules and settings: so a restart forgets none, and a better rule finds what an older one missed. The first
objects of a destination, by name, have a condition each; one condition says how many more there are, and the
gauge counts all.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

import structlog

from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Suspicion
from reverser.model.destination import subject_of
from reverser.model.entry import RecordKey
from reverser.model.resource import ObjectKey

log = structlog.get_logger()

TYPE = "Suspicious"
MOST_SHOWN = 20
"""Objects of one destination that have a condition each."""
MOST_FIELDS = 5
ADVICE = 'move it to a Secret and rotate it, for Git keeps its history; or set suspicious = "mask"'


class SecretWarnings:
    """What looks like a secret in the files of all destinations."""

    def __init__(self, health: Health, metrics: Metrics) -> None:
        self._health = health
        self._metrics = metrics
        self._by_destination: dict[str, dict[ObjectKey, tuple[Suspicion, ...]]] = {}
        self._changed: set[str] = set()

    def seed(self, record_key: RecordKey, suspicions: tuple[Suspicion, ...]) -> None:
        """Take over what was told of before."""
        if suspicions:
            self._by_destination.setdefault(record_key[0], {})[record_key[1]] = suspicions

    def keep(self, destinations: Collection[str]) -> None:
        """Others are written to no more: nothing is shown of them."""
        former = self._by_destination.keys() - destinations
        for name in former:
            del self._by_destination[name]
        self.show(*former)

    @property
    def record_keys(self) -> list[RecordKey]:
        """Of all objects with such values."""
        return [(name, key) for name, objects in self._by_destination.items() for key in objects]

    def note(self, record_key: RecordKey, suspicions: tuple[Suspicion, ...] | None) -> None:
        """What an object's file holds now; None: as before."""
        destination, key = record_key
        objects = self._by_destination.setdefault(destination, {})
        before = objects.get(key, ())
        if suspicions is None or suspicions == before:
            return
        self._changed.add(destination)
        _tell(key, suspicions, {each.rule for each in before})
        if suspicions:
            objects[key] = suspicions
        else:
            del objects[key]

    def show(self, *destinations: str) -> None:
        """Bring conditions and gauges up to date, where something changed or of the destinations named."""
        for name in {*destinations, *self._changed}:
            objects = self._by_destination.get(name, {})
            self._metrics.set("suspicious_values", sum(map(len, objects.values())), destination=name)
            wanted = {condition.subject: condition for condition in _conditions(name, objects)}
            for shown in self._shown(name):
                if shown not in wanted:
                    self._health.withdraw(shown, TYPE)
            for condition in wanted.values():
                self._health.report(condition)
        self._changed.clear()

    def _shown(self, name: str) -> Iterator[str]:
        start = f"{subject_of(name)}/"
        conditions = self._health.conditions
        return (each.subject for each in conditions if each.type == TYPE and each.subject.startswith(start))


def _tell(key: ObjectKey, suspicions: Iterable[Suspicion], known: set[str]) -> None:
    for each in suspicions:
        if each.rule not in known:
            known.add(each.rule)
            log.warning("value looks like a secret", object=str(key), field=each.path, rule=each.rule)


def _conditions(name: str, objects: dict[ObjectKey, tuple[Suspicion, ...]]) -> Iterator[Condition]:
    keys = sorted(objects)
    for key in keys[:MOST_SHOWN]:
        subject = f"{subject_of(name)}/{key.cluster}/{key}"
        yield Condition(TYPE, subject, True, _reason(objects[key][0].rule), _message(objects[key]))
    if len(keys) > MOST_SHOWN:
        message = f"{len(keys) - MOST_SHOWN} more objects hold values that look like secrets"
        yield Condition(TYPE, f"{subject_of(name)}/more", True, "MoreObjects", message)


def _message(suspicions: tuple[Suspicion, ...]) -> str:
    fields = ", ".join(f"{each.path} ({each.rule})" for each in suspicions[:MOST_FIELDS])
    more = f" and {len(suspicions) - MOST_FIELDS} more" if len(suspicions) > MOST_FIELDS else ""
    return f"looks like a secret: {fields}{more}; {ADVICE}"


def _reason(rule: str) -> str:
    """The rule's name as one CamelCase word."""
    return "".join(word.capitalize() for word in rule.split("-"))
