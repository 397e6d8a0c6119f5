"""Rules that select nothing, as `run` and `check` tell of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest
import structlog

from reverser.cli.check_connections import inspect
from reverser.log import configure
from reverser.model.rule import Rule
from reverser.plugins import Host
from tests.integration.running import Running, running

MISSPELT = (
    Rule(name="spaces", destination="live", namespaces=("shpo",)),
    Rule(name="types", destination="live", resources=("deploymnts",)),
)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as opened:
        opened.config = msgspec.structs.replace(opened.config, rules=(*opened.config.rules, *MISSPELT))
        await opened.apply("web", "one")
        yield opened


async def test_run_warns_of_them(world: Running) -> None:
    """In the log, each with what may have been meant; what other rules select is written."""
    configure("console", "info")
    with structlog.testing.capture_logs() as lines:
        async with world.daemon():
            await world.until(lambda: sum(line["event"] == "rule selects nothing" for line in lines) >= 2)
            await world.until(lambda: "one" in world.file("web"))

    told = [line for line in lines if line["log_level"] == "warning"]
    # A session that begins anew tells it again.
    assert {line["rule"].partition(":")[0] for line in told if "rule" in line} == {
        "rules.spaces.namespaces",
        "rules.types",
    }
    assert "(did you mean shop?)" in str(told)
    patterns = {line["hint"] for line in told if line["event"] == "pattern matches no resource type"}
    assert patterns == {"did you mean deployments?"}


async def test_check_notes_them(world: Running) -> None:
    """Beside the types that are selected; it is no fault."""
    findings = await inspect(world.config, Host())

    [cluster] = findings.clusters
    assert cluster.ok
    assert [note.partition(":")[0] for note in cluster.notes] == [
        "rules.types.resources",
        "rules.spaces.namespaces",
        "rules.types",
    ]
    assert "no namespace is called shpo now; " in cluster.notes[1]
    assert "(did you mean shop?)" in cluster.notes[1]
