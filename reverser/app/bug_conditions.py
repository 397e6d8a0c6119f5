"""Shows which objects are withheld because of a bug: one condition a destination, while there are any.

The journal tells them, whoever has withheld them. It is asked every few seconds, which takes a fifth of a
millisecond.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

import trio

from reverser import unexpected_errors
from reverser.errors import StalledError, TransientError
from reverser.health import Health
from reverser.model.condition import Condition, Withheld
from reverser.model.journal import Journal

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
            by_subject[f"destination/{row.destination}/bugs"].append(row)
    for subject, withheld in by_subject.items():
        health.report(Condition(TYPE, subject, True, unexpected_errors.BUG, _message(withheld)))
    for subject in shown - by_subject.keys():
        health.withdraw(subject, TYPE)
    return {*by_subject}


def _message(rows: Sequence[Withheld]) -> str:
    count = "1 object is" if len(rows) == 1 else f"{len(rows)} objects are"
    named = ", ".join(f"{row.key} ({row.message})" for row in rows[:MOST_NAMED])
    more = f" and {len(rows) - MOST_NAMED} more" if len(rows) > MOST_NAMED else ""
    again = "tried again at the next change and at the next start"
    return f"{count} withheld: {named}{more}; {again}"
