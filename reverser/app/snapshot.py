"""`reverser snapshot`: one complete pass over the clusters, written out, then the end.

Every selected type is listed, whatever the journal knows of positions. A server or a remote that
does not answer ends the pass with what is wrong, since nobody waits for a one-off to recover.
"""

from __future__ import annotations

import signal
import tempfile
from collections.abc import Mapping
from pathlib import Path

import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.session import Session
from reverser.app.startup import opened_journal
from reverser.app.writers import FolderTarget
from reverser.config import Config
from reverser.errors import StalledError
from reverser.health import Health
from reverser.journal.read_only import open_read_only
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Withheld
from reverser.model.entry import Append
from reverser.model.journal import Journal
from reverser.plugins import Host
from reverser.private_files import write_private
from reverser.select.resource_patterns import SETTING

PATIENCE_SECONDS = 60.0
"""How long a type whose list fails is tried again."""
POLL_SECONDS = 0.2
UNLIMITED_SECONDS = 24 * 3600.0
ENDING = (signal.SIGTERM, signal.SIGHUP)
UNFATAL = "sensitive/"
"""Conditions about objects that are withheld; those are told one by one at the end."""


async def snapshot(config: Config, host: Host, to: Path | None = None) -> list[Withheld]:
    """Write everything that the rules select, into Git or below `to`; what had to be withheld.

    Raises StalledError when a cluster, a type or a remote could not be reached.
    """
    if to is None:
        return await _pass(config, host, None)
    number: list[int] = []
    withheld: list[Withheld] = []
    with tempfile.TemporaryDirectory(prefix="reverser-snapshot-") as folder:
        async with trio.open_nursery() as nursery:
            await nursery.start(_signals, nursery.cancel_scope, number)
            withheld = await _into(config, host, to, Path(folder))
            nursery.cancel_scope.cancel()
    if number:
        signal.signal(number[0], signal.SIG_DFL)
        signal.raise_signal(number[0])
    return withheld


async def _signals(
    scope: trio.CancelScope,
    number: list[int],
    *,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    with trio.open_signal_receiver(*ENDING) as signals:
        task_status.started()
        async for each in signals:
            number.append(each)
            scope.cancel()


async def _into(config: Config, host: Host, to: Path, folder: Path) -> list[Withheld]:
    with open_read_only(Path(config.data_dir)) as known:
        if known.key is not None:
            write_private(folder / "key", known.key)
        target = FolderTarget(to, known.records)
        return await _pass(
            msgspec.structs.replace(config, data_dir=str(folder)), host, target, known.get_settings(SETTING)
        )


async def _pass(
    config: Config, host: Host, to: FolderTarget | None, facts: Mapping[str, str] | None = None
) -> list[Withheld]:
    config = msgspec.structs.replace(config, grace_seconds=UNLIMITED_SECONDS)
    failed: list[Condition] = []
    scope = trio.CancelScope()

    def notice(condition: Condition) -> None:
        if condition.type == "Stalled" and condition.status and not condition.subject.startswith(UNFATAL):
            failed.append(condition)
            scope.cancel()

    async with opened_journal(config) as journal:
        if facts:
            await journal.append(Append(settings=dict(facts)))
        async with host.logging_in():
            with scope:
                await _once(config, host, journal, Health(notice), to)
        if failed:
            raise StalledError(failed[0].reason, f"{failed[0].subject}: {failed[0].message}")
        return await journal.withheld()


async def _once(
    config: Config, host: Host, journal: Journal, health: Health, to: FolderTarget | None
) -> None:
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
    await session.first_lists_journaled()
    with trio.move_on_after(PATIENCE_SECONDS):
        while session.failures:
            await trio.sleep(POLL_SECONDS)
    if session.failures:
        raise StalledError("Incomplete", f"not everything could be listed: {'; '.join(session.failures)}")
    session.stop()
