"""Shows what objects are withheld for, as conditions: bugs, and deciding hooks of plugins that fail.

The journal knows which objects are withheld, whoever has withheld them. It is asked every few seconds, which
takes a fifth of a millisecond. For bugs there is one condition a destination, while there are any.

For failing hooks there is one condition a plugin and hook, for as long as objects wait for it. The hooks'
failures are in the process, the objects that wait in the journal. A hook of which nothing waits (a message, a
name) is well when it has not failed for some minutes. When the rest of a hook is over, what waits for it is
tried again: nothing else would, until the objects change.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress

import trio

from reverser import unexpected_errors
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.model.condition import Condition, Withheld
from reverser.model.destination import subject_of
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.plugins.caller import FAILED, PAUSED, WITHHOLDING
from reverser.plugins.failures import Failing, Failures

EVERY_SECONDS = 5.0
MOST_NAMED = 5
TYPE = "Bug"


async def show_bugs(journal: Journal, health: Health) -> None:
    """Keep the conditions up to date, until cancelled."""
    shown = set[str]()
    while True:
        with suppress(TransientError, StalledError):  # whoever needs the journal tells of it
            shown = _report_conditions(await journal.withheld(), health, shown)
        await trio.sleep(EVERY_SECONDS)


def _report_conditions(rows: Sequence[Withheld], health: Health, shown: set[str]) -> set[str]:
    by_subject: dict[str, list[Withheld]] = defaultdict(list)
    for row in rows:
        if row.reason == unexpected_errors.BUG:
            by_subject[f"{subject_of(row.destination)}/bugs"].append(row)
    for subject, withheld in by_subject.items():
        health.report(Condition(TYPE, subject, True, unexpected_errors.BUG, _bugs_message(withheld)))
    for subject in shown - by_subject.keys():
        health.withdraw(subject, TYPE)
    return {*by_subject}


def _bugs_message(rows: Sequence[Withheld]) -> str:
    count = "1 object is" if len(rows) == 1 else f"{len(rows)} objects are"
    named = ", ".join(f"{row.key} ({row.message})" for row in rows[:MOST_NAMED])
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    again = "tried again at the next change and at the next start"
    return f"{count} withheld: {named}{more}; {again}"


QUIET_SECONDS = 600.0
"""Without a failure, where nothing waits."""


class PluginFailures:
    """The conditions of one process."""

    def __init__(
        self,
        failures: Failures,
        journal: Journal,
        health: Health,
        try_again: Callable[[Collection[ObjectKey]], bool],
    ) -> None:
        """`try_again` decides anew about objects; False when that cannot be done now."""
        self._failures = failures
        self._journal = journal
        self._health = health
        self._try_again = try_again

    async def run(self) -> None:
        """Keep the conditions up to date, until cancelled."""
        while True:
            if self._failures.by_hook:
                with suppress(TransientError, StalledError):  # whoever needs the journal tells of it
                    self._look(await self._journal.withheld())
            await trio.sleep(EVERY_SECONDS)

    def _look(self, rows: Sequence[Withheld]) -> None:
        now = time.monotonic()
        for failing in [*self._failures.by_hook.values()]:
            keys = {row.key for row in rows if _is_withheld_by(row, failing)}
            waiting = sum(_is_withheld_by(row, failing) for row in rows)
            if failing.rests and waiting and now >= failing.until:
                # Awake from the first call on; what is called next are those that wait.
                if self._try_again(keys):
                    self._failures.rests(failing.hook)
            elif self._has_recovered(failing, waiting, now):
                self._failures.forget(failing)
                self._health.recovered(_subject(failing))
                continue
            self._health.stalled(_subject(failing), FAILED, _failure_message(failing, waiting))

    def _has_recovered(self, failing: Failing, waiting: int, now: float) -> bool:
        """What a list withholds is in the journal at its end: that nothing waits yet tells little."""
        failing.withheld = failing.withheld or waiting > 0
        done = failing.withheld or now >= failing.failed_at + QUIET_SECONDS
        return not waiting and done and failing.recovered


def _subject(failing: Failing) -> str:
    return f"plugin/{failing.hook.plugin.name}/{failing.hook.name}"


def _is_withheld_by(row: Withheld, failing: Failing) -> bool:
    start = f"plugin {failing.hook.plugin.name}: {failing.hook.name} "
    return row.reason in (FAILED, PAUSED) and row.message.startswith(start)


def _failure_message(failing: Failing, waiting: int) -> str:
    rests = "; it failed too often in a row and rests for some minutes at a time" if failing.paused else ""
    waits = f"; objects that wait: {waiting}" if failing.hook.name in WITHHOLDING else ""
    return (
        f"{failing.hook.name} {failing.failure}{rests}{waits} (mend the plugin, or take it out of [plugins])"
    )
