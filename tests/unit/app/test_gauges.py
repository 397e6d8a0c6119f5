"""What `/metrics` shows of destinations and of those that wait for a person."""

from __future__ import annotations

from pathlib import Path

from reverser.app.gauges import refresh
from reverser.health import Health
from reverser.journal.sqlite import open_journal
from reverser.metrics import Metrics


async def test_destinations_of_tenants_are_counted_apart(tmp_path: Path) -> None:
    """A GitRepoConfig whose password is wrong does not wake whoever runs the installation."""
    metrics, health = Metrics(), Health()
    health.stalled("gitrepoconfig/shop/web", "AuthenticationFailed", "no")
    health.stalled("gitrepoconfig/bank/web", "AuthenticationFailed", "no")
    health.stalled("cluster/home", "Unauthorized", "no")
    async with open_journal(tmp_path) as journal:
        await refresh(metrics, health, journal, list)

    exposed = metrics.expose().decode()
    assert "gitopsreverser_stalled_conditions 1.0" in exposed
    assert "gitopsreverser_stalled_git_repo_configs 2.0" in exposed


async def test_a_destination_that_goes_meanwhile_has_no_gauge(tmp_path: Path) -> None:
    """While the journal was read, the configuration took the destination away."""
    metrics = Metrics()
    names = iter([["shop/web", "live"], ["live"]])
    async with open_journal(tmp_path) as journal:
        await refresh(metrics, Health(), journal, lambda: next(names))

    exposed = metrics.expose().decode()
    assert 'queue_size{destination="live"}' in exposed
    assert "shop/web" not in exposed
