"""Git's mailmap: other names and addresses for the ones that commits would carry.

The four forms of gitmailmap(5); names and addresses are compared without regard to case, as Git
does. Lines that are none of them are skipped, as Git does too.
"""

from __future__ import annotations

import re

LINE = re.compile(r"(?P<name>[^<#]*+)<(?P<email>[^>]*+)>(?:(?P<old>[^<]*+)<(?P<of>[^>]*+)>)?\s*+(?:#.*)?")


class Mailmap:
    """Maps (name, email) to (name, email)."""

    def __init__(self, text: str = "") -> None:
        self._by_both: dict[tuple[str, str], tuple[str, str]] = {}
        self._by_email: dict[str, tuple[str, str]] = {}
        for line in text.splitlines():
            match = LINE.fullmatch(line)
            if match:
                self._add(match)

    def map(self, name: str, email: str) -> tuple[str, str]:
        """What is mapped; the parts that the mailmap leaves open stay as they are."""
        both = self._by_both.get((name.lower(), email.lower()))
        new_name, new_email = both or self._by_email.get(email.lower(), ("", ""))
        return new_name or name, new_email or email

    def _add(self, match: re.Match[str]) -> None:
        name, old_name = ((match[group] or "").strip() for group in ("name", "old"))
        email, old_email = match["email"], match["of"] or ""
        if not old_email:
            self._by_email[email.lower()] = (name, "")
        elif old_name:
            self._by_both[old_name.lower(), old_email.lower()] = (name, email)
        else:
            self._by_email[old_email.lower()] = (name, email)
