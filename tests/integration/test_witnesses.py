"""What the audit webhook has told, under a journal that fails: nothing that was answered is lost."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reverser.attribution.fact_store import FactStore
from reverser.errors import TransientError
from reverser.health import Health
from reverser.journal.sqlite import open_journal
from reverser.metrics import Metrics
from reverser.model.attribution import Actor
from reverser.model.change import Operation
from reverser.model.fact import Fact, Source
from reverser.model.journal import Journal

FACT = Fact(
    id="1", cluster="default", source=Source.AUDIT, group="", resource="configmaps", uid="u1",
    operation=Operation.UPDATE, version="6", actor=Actor("alice"), at=1.0,
)  # fmt: skip


def witnesses(journal: Journal) -> FactStore:
    return FactStore(journal, Metrics(), Health(lambda _: None), 1.0)


async def test_a_full_disk_does_not_forget_that_audit_was_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is answered with 503 comes again; then the cluster is waited for, after a restart too."""

    async def full(*_: Any) -> None:
        raise TransientError("the disk is full")

    async with open_journal(tmp_path) as journal:
        first = witnesses(journal)
        with monkeypatch.context() as failing:
            failing.setattr(journal, "set_setting", full)
            with pytest.raises(TransientError):
                await first.add_durable([FACT])
        await first.add_durable([FACT])
        assert first.attributor.audit_sources.is_active("default")

    async with open_journal(tmp_path) as journal:
        later = witnesses(journal)
        await later.load(["default"])
        assert later.attributor.audit_sources.is_active("default")
