"""What state the daemon is in: conditions by subject, and the checks behind `/readyz`.

Readiness means that the process can take changes: discovery is trusted, the journal can be
written, the listeners are bound. It never depends on Git, nor on having received an event: a dead
remote is a condition, and restarting the daemon would not help it.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from reverser.errors import ReverserError, StalledError
from reverser.model.condition import Condition


class Health:
    """Conditions and readiness of one process."""

    def __init__(self, on_change: Callable[[Condition], None] = lambda _: None) -> None:
        self._conditions: dict[tuple[str, str], Condition] = {}
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
        for place in [place for place in self._conditions if (f"{place[0]}/").startswith(f"{subject}/")]:
            del self._conditions[place]

    def withdraw(self, subject: str, type: str) -> None:  # noqa: A002
        """A condition does not hold any more; whoever listens hears of it, and then it is gone."""
        condition = self._conditions.pop((subject, type), None)
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
        """Keep a condition; whoever listens hears of it only when it differs from the last one."""
        place = (condition.subject, condition.type)
        if self._conditions.get(place) == condition:
            return
        self._conditions[place] = condition
        self._on_change(condition)

    def stalled(self, subject: str, reason: str, message: str) -> None:
        """A person must act on `subject`."""
        self.report(Condition("Stalled", subject, True, reason, message))

    def failed(self, subject: str, error: ReverserError, reason: str = "Unreachable") -> None:
        """The same in an error's own words; `reason` where it names none."""
        hint = f" ({error.hint})" if error.hint else ""
        reason = error.reason if isinstance(error, StalledError) else reason
        self.stalled(subject, reason, f"{error.message}{hint}")

    def recovered(self, subject: str) -> None:
        """`subject` works again; says nothing when it was never stalled."""
        if ("Stalled", subject) not in {(c.type, c.subject) for c in self._conditions.values()}:
            return
        self.report(Condition("Stalled", subject, False, "Recovered", "it works again"))

    @property
    def conditions(self) -> list[Condition]:
        """All conditions, sorted by subject."""
        return sorted(self._conditions.values(), key=lambda c: (c.subject, c.type))

    @property
    def stalled_count(self) -> int:
        """How many subjects wait for a person."""
        return sum(c.type == "Stalled" and c.status for c in self._conditions.values())
