"""The table `settings`: small texts under names, and the ids that the journal had at each start.

What is stored of a destination stands under `<kind>/<name of the destination>` (`model.journal`).
"""

from __future__ import annotations

import json

import msgspec

from reverser.journal.digest_key import is_id_of, new_journal_id
from reverser.journal.rows import Tables
from reverser.unexpected_errors import left_out

SET = "INSERT OR REPLACE INTO settings VALUES (?,?)"
FORMER_MOST = 1000
"""Starts whose ids are remembered."""


class StoredSettings(Tables):
    """Those that write need a transaction around them."""

    _settings = "settings"

    def get_setting(self, name: str) -> str:
        statement = f"SELECT value FROM {self._settings} WHERE name=?"  # noqa: S608 constant
        row = self._db.execute(statement, (name,)).fetchone()
        return str(row[0]) if row else ""

    def get_settings(self, prefix: str) -> dict[str, str]:
        statement = f"SELECT name, value FROM {self._settings} WHERE substr(name, 1, ?)=?"  # noqa: S608 constant
        return {name: str(value) for name, value in self._db.execute(statement, (len(prefix), prefix))}

    def set_setting(self, name: str, value: str) -> None:
        self._db.execute(SET, (name, value))

    def new_id(self, digest_key: bytes, last_seq: int) -> tuple[str, dict[str, int]]:
        """(an id for this start, the ids of earlier starts and the highest number given under each)."""
        former: dict[str, int] = {}
        stored = self.get_setting("former")
        with left_out("journal", "former"):
            former = msgspec.json.decode(stored or "{}", type=dict[str, int])
        if last := self.get_setting("id"):
            former[last] = last_seq
        # What the key proves to be ours may be forgotten. Ids of format 3, which it does not, are never.
        proven = [each for each in former if is_id_of(each, digest_key)]
        former = {each: seq for each, seq in former.items() if each not in proven[:-FORMER_MOST]}
        journal_id = new_journal_id(digest_key)
        self.set_setting("former", json.dumps(former))
        self.set_setting("id", journal_id)
        return journal_id, former


class StoredSettingsBeforeFormat7(StoredSettings):
    """They stood in a table of another name, and are still read there by those who must not migrate."""

    _settings = "facts"
