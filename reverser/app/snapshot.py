"""`reverser snapshot`: one complete pass over the clusters, written out, then the end.

Every selected type is listed, whatever the journal knows of positions. A server or a remote that
does not answer ends the pass with what is wrong, since nobody waits for a one-off to recover.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.daemon import opened_journal
from reverser.app.session import Session
from reverser.config import Config
from reverser.errors import StalledError
from reverser.health import Health
from reverser.metrics import Metrics
from reverser.model.condition import Condition
from reverser.model.ports import Journal
from reverser.model.withheld import Withheld
from reverser.plugins import Host

PATIENCE_SECONDS = 60.0
"""How long a type whose list fails is tried again."""
POLL_SECONDS = 0.2
UNLIMITED_SECONDS = 24 * 3600.0


async def snapshot(config: Config, host: Host, to: Path | None = None) -> list[Withheld]:
    """Write everything that the rules select, into Git or below `to`; what had to be withheld.

    Raises StalledError when a cluster, a type or a remote could not be reached.
    """
    if to is None:
        return await _pass(config, host, None)
    with tempfile.TemporaryDirectory(prefix="reverser-snapshot-") as folder:
        return await _pass(msgspec.structs.replace(config, data_dir=folder), host, to)


async def _pass(config: Config, host: Host, to: Path | None) -> list[Withheld]:
    config = msgspec.structs.replace(config, grace_seconds=UNLIMITED_SECONDS)
    failed: list[Condition] = []
    scope = trio.CancelScope()

    def notice(condition: Condition) -> None:
        if condition.type == "Stalled" and condition.status:
            failed.append(condition)
            scope.cancel()

    async with opened_journal(config) as journal:
        async with host.logging_in():
            with scope:
                await _once(config, host, journal, Health(notice), to)
        if failed:
            raise StalledError(failed[0].reason, f"{failed[0].subject}: {failed[0].message}")
        return await journal.withheld()


async def _once(config: Config, host: Host, journal: Journal, health: Health, to: Path | None) -> None:
    again = True
    while again:
        assembly = Assembly(config, journal.key, host)
        session = Session(assembly, journal, Metrics(), health, afresh=True, to=to)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_stop_when_settled, session)
            await session.run()
            nursery.cancel_scope.cancel()
        again = session.relist


async def _stop_when_settled(session: Session) -> None:
    await session.settled()
    with trio.move_on_after(PATIENCE_SECONDS):
        while session.failures:
            await trio.sleep(POLL_SECONDS)
    if session.failures:
        raise StalledError("Incomplete", f"not everything could be listed: {'; '.join(session.failures)}")
    session.stop()
