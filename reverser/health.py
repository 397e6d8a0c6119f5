"""What state the daemon is in: conditions by subject, and the checks behind `/readyz`.

Readiness means that the process can take changes: discovery is trusted, the journal can be
written, the listeners are bound. It never depends on Git, nor on having received an event: a dead
remote is a condition, and restarting the daemon would not help it.

A failure lasts until the very thing that failed has worked: what is tried again goes through steps, and
that an earlier step works says nothing of a later one. So every failure names its step.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable

import msgspec

from reverser.errors import ReverserError, StalledError
from reverser.model.condition import Condition

ALL = ""
"""The step of whoever has only one."""
_WORD = re.compile(r"[\w-]+")


class Health:
    """Conditions and readiness of one process."""

    def __init__(self, on_change: Callable[[Condition], None] = lambda _: None) -> None:
        self._conditions: dict[tuple[str, str], Condition] = {}
        self._failures: dict[str, dict[str, Condition]] = defaultdict(dict)
        """Subject -> step -> the failure that lasts, the newest last."""
        self._checks: dict[str, bool] = {}
        self._on_change = on_change

    def expect(self, *checks: str) -> None:
        """These checks must pass before the process is ready."""
        for check in checks:
            self._checks.setdefault(check, False)

    def passed(self, check: str, ok: bool = True) -> None:
        """A check passes, or fails again."""
        self._checks[check] = ok

    def forget(self, subject: str) -> None:
        """`subject`, and what is below it, is no part of the daemon any more."""
        self._checks.pop(subject, None)
        for key in [key for key in self._conditions if (f"{key[0]}/").startswith(f"{subject}/")]:
            del self._conditions[key]
            self._failures.pop(key[0], None)

    def withdraw(self, subject: str, type: str) -> None:  # noqa: A002
        """A condition does not hold any more; whoever listens hears of it, and then it is gone."""
        condition = self._conditions.pop((subject, type), None)
        if type == "Stalled":
            self._failures.pop(subject, None)
        if condition is not None:
            self._on_change(msgspec.structs.replace(condition, status=False))

    @property
    def ready(self) -> bool:
        """Whether all checks pass."""
        return all(self._checks.values())

    @property
    def failing(self) -> list[str]:
        """Names of the checks that do not pass."""
        return sorted(name for name, ok in self._checks.items() if not ok)

    def report(self, condition: Condition) -> None:
        """Keep a condition; whoever listens hears of it only when it says another thing than before."""
        key = (condition.subject, condition.type)
        before = self._conditions.get(key)
        self._conditions[key] = condition
        if before is None or not _say_the_same(before, condition):
            self._on_change(condition)

    def stalled(self, subject: str, reason: str, message: str, *, step: str = ALL) -> None:
        """A person must act on `subject`."""
        condition = Condition("Stalled", subject, True, reason, message)
        self._failures[subject].pop(step, None)
        self._failures[subject][step] = condition
        self.report(condition)

    def failed(
        self, subject: str, error: ReverserError, reason: str = "Unreachable", *, step: str = ALL
    ) -> None:
        """The same in an error's own words; `reason` where it names none."""
        hint = f" ({error.hint})" if error.hint else ""
        reason = error.reason if isinstance(error, StalledError) else reason
        self.stalled(subject, reason, f"{error.message}{hint}", step=step)

    def recovered(self, subject: str, *, step: str | None = None) -> None:
        """`subject` works again, or only this step of it; says nothing when it was never stalled."""
        failures = self._failures.get(subject)
        if not failures:
            return
        if step is None:
            failures.clear()
        else:
            failures.pop(step, None)
        if failures:
            self.report([*failures.values()][-1])
        else:
            self.report(Condition("Stalled", subject, False, "Recovered", "it works again"))

    def is_stalled(self, subject: str) -> bool:
        """Whether a failure of `subject` lasts."""
        return bool(self._failures.get(subject))

    @property
    def conditions(self) -> list[Condition]:
        """All conditions, sorted by subject."""
        return sorted(self._conditions.values(), key=lambda c: (c.subject, c.type))

    @property
    def stalled_count(self) -> int:
        """How many subjects wait for a person."""
        return len(self.stalled_subjects)

    @property
    def stalled_subjects(self) -> list[str]:
        """Those that wait for a person."""
        return [c.subject for c in self._conditions.values() if c.type == "Stalled" and c.status]


def _say_the_same(before: Condition, now: Condition) -> bool:
    """Whether nothing has changed for a person: refusals quote times, and ids of requests."""
    if now.type != "Stalled":
        return before == now
    return (
        before.status == now.status
        and before.reason == now.reason
        and _without_ids(before) == _without_ids(now)
    )


def _without_ids(condition: Condition) -> str:
    return _WORD.sub(_without_numbers, condition.message)


def _without_numbers(word: re.Match[str]) -> str:
    return "#" if any(map(str.isdigit, word[0])) else word[0]
