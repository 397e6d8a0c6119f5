"""Promises of the metrics: what is documented is there, and what is there is documented."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest

from reverser.metrics import INSTRUMENTS, PREFIX, Metrics

DOCS = Path(__file__).parents[2] / "docs" / "metrics.md"
RULES = Path(__file__).parents[2] / "config" / "prometheus" / "rules.yaml"


def _exposed(row) -> str:
    return PREFIX + row.name + ("_total" if row.kind == "counter" else "")


@pytest.mark.parametrize("row", INSTRUMENTS, ids=lambda row: row.name)
def test_documented(row) -> None:
    """Every metric has a row in docs/metrics.md with its labels and its sentence."""
    lines = [line for line in DOCS.read_text().splitlines() if line.startswith(f"| `{_exposed(row)}` |")]

    assert len(lines) == 1
    assert row.help in lines[0]
    assert re.findall(r"`(\w+)`", lines[0].split("|")[3]) == list(row.labels)


def test_nothing_is_complained_of(caplog: pytest.LogCaptureFixture) -> None:
    """Buckets are for histograms: a counter of seconds has none, and nobody warns of it."""
    metrics = Metrics()
    metrics.count("hook_seconds", 1, plugin="x", hook="y")

    assert "gitopsreverser_hook_seconds_total" in metrics.expose().decode()
    assert caplog.messages == []


@pytest.mark.parametrize("row", INSTRUMENTS, ids=lambda row: row.name)
def test_exposed_under_its_name(row) -> None:
    """A metric appears in the exposition under the name that the documentation gives."""
    metrics = Metrics()
    labels = dict.fromkeys(row.labels, "x")
    {"counter": metrics.count, "gauge": metrics.set, "histogram": metrics.observe}[row.kind](
        row.name, 1, **labels
    )

    text = metrics.expose().decode()

    assert re.search(rf"^{_exposed(row)}(_bucket)?(\{{| )", text, re.MULTILINE)
    metrics.close()


def test_alert_rules_name_real_metrics() -> None:
    """Alert rules use only metrics that exist."""
    known = {_exposed(row) for row in INSTRUMENTS}

    assert set(re.findall(rf"{PREFIX}\w+", RULES.read_text())) <= known


def test_gauges_of_a_destination_that_goes_are_not_exposed() -> None:
    """Counters stay, for their sums would seem to go back; the gauges of others stay, too."""
    metrics = Metrics()
    for name in ("here", "away"):
        metrics.set("git_commit_queue_size", 5, destination=name)
        metrics.count("rebase_retries", destination=name)

    metrics.forget(destination="away")

    exposed = metrics.expose().decode()
    assert re.findall(r'queue_size{destination="(\w+)"}', exposed) == ["here"]
    assert re.findall(r'retries_total{destination="(\w+)"}', exposed) == ["here", "away"]


def test_nothing_of_what_is_dropped_is_exposed() -> None:
    """Tenants come and go: a deleted one leaves no series, and one of the same name begins at 0."""
    metrics = Metrics()
    for name in ("here", "away"):
        metrics.set("git_commit_queue_size", 5, destination=name)
        metrics.count("rebase_retries", 7, destination=name)
        metrics.observe("git_push_duration_seconds", 1, destination=name)

    metrics.drop(destination="away")

    exposed = metrics.expose().decode()
    assert "away" not in exposed
    assert exposed.count("here") > 10
    metrics.count("rebase_retries", destination="away")
    assert 'retries_total{destination="away"} 1.0' in metrics.expose().decode()


def test_what_is_counted_while_a_thread_exposes_is_not_lost() -> None:
    """New series come meanwhile: the page is whole, and the next one has them all."""
    metrics = Metrics()
    ended = threading.Event()
    failures: list[BaseException] = []

    def expose() -> None:
        try:
            while not ended.is_set():
                metrics.expose()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=expose)
    thread.start()
    for number in range(2_000):
        metrics.count("commits", destination=f"d{number}")
    ended.set()
    thread.join()

    assert not failures
    assert metrics.expose().count(b"gitopsreverser_commits_total{") == 2_000
