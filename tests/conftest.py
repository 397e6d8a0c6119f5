"""What all tests share: helpers whose asserts explain themselves, and a word on what was skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no test asserts a time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest.register_assert_rewrite("tests.integration.conformance", "tests.unit.journal_conformance")

NOT_BUILT = "real API server not built"
WORKERS_MOST = 4
"""Each worker that runs end-to-end tests starts a control plane of its own, of about 700 MiB."""


@pytest.fixture(autouse=True)
def log_as_it_was() -> Iterator[None]:
    """What one test says of the log, a level above all, holds for no other."""
    yield
    structlog.reset_defaults()


def pytest_xdist_auto_num_workers() -> int:
    """One worker more than there are cores: end-to-end tests spend half of their time waiting."""
    return min(WORKERS_MOST, (os.cpu_count() or 1) + 1)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that the end-to-end tests did not run, and how to get them."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NOT_BUILT in str(report.longrepr) for report in skipped)
    if count:
        remedy = "no real API server here; `make test-servers` builds it (needs Go)"
        terminalreporter.write_line(f"{count} end-to-end tests skipped: {remedy}", yellow=True)
