"""The table `facts`: what webhooks said about who asked for which change.

Facts are stored as long as they can join a change, and no more of them than the memory holds. A row that
cannot be made is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from reverser.journal import rows
from reverser.journal.rows import Tables
from reverser.model.fact import KEPT_COUNT, KEPT_SECONDS, Fact
from reverser.unexpected_errors import left_out


class StoredFacts(Tables):
    """Those that write need a transaction around them."""

    def save_facts(self, facts: Sequence[Fact], now: float) -> None:
        statement = "INSERT OR IGNORE INTO facts (cluster, id, arrived_at, body) VALUES (?,?,?,?)"
        for fact in facts:
            row = None
            with left_out("journal", fact.cluster):
                row = rows.fact_row(fact, now)
            if row is not None:
                self._db.execute(statement, row)
        newest = "(SELECT max(number) FROM facts)"
        old = f"DELETE FROM facts WHERE arrived_at < ? OR number <= {newest} - ?"  # noqa: S608 constant
        self._db.execute(old, (now - KEPT_SECONDS, KEPT_COUNT))

    def load_facts(self) -> list[tuple[float, Fact]]:
        statement = "SELECT number, arrived_at, body FROM facts ORDER BY number"
        numbered, known = self._db.execute(statement), len(self.damaged)
        facts = self._decoded("facts", numbered, rows.fact_of)
        del self.damaged[known:]  # a fact is of no object that could be withheld for it
        return facts
