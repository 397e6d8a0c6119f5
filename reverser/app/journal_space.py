"""Gives the journal's room back when nothing is pending, at the start too.

An acknowledgement does so as well, but a process that ends meanwhile leaves the rest to the next one.
Where there is nothing to give back, it takes a tenth of a millisecond.
"""

from __future__ import annotations

from contextlib import suppress

import trio

from reverser.errors import StalledError, TransientError
from reverser.model.ports import Journal

EVERY_SECONDS = 30.0


async def keep_small(journal: Journal) -> None:
    """Look again and again, until cancelled."""
    while True:
        with suppress(TransientError, StalledError):  # whoever needs the journal tells of it
            await journal.shrink()
        await trio.sleep(EVERY_SECONDS)
