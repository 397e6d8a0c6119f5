"""What all tests share: helpers whose asserts explain themselves, and a word on what was skipped."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator

import pytest
import structlog
from hypothesis import HealthCheck, settings

# A busy machine is no failure: no test asserts a time.
settings.register_profile("untimed", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("untimed")

pytest.register_assert_rewrite("tests.integration.conformance", "tests.unit.journal_conformance")

MISSING = re.compile(
    r"make test-(?:[a-z-]*servers|gitea|kustomize|helm|cainjector|image)(?: test-[a-z-]*servers)*"
)
"""What the reason of a skip names when servers are wanting."""
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
    """Say in one line which tests did not run for want of servers, and how to get these."""
    skipped = terminalreporter.stats.get("skipped", [])
    matches = {id(report): MISSING.search(str(report.longrepr)) for report in skipped}
    commands = sorted({match[0] for match in matches.values() if match})
    if commands:
        # What stays among the skipped gets a line each, below.
        wanting = [report for report in skipped if matches[id(report)]]
        terminalreporter.stats["skipped"] = [report for report in skipped if not matches[id(report)]]
        terminalreporter.stats["without servers"] = wanting
        remedy = " and ".join(f"`{command}`" for command in commands)
        needs = "needs podman" if commands == ["make test-image"] else "needs Go"
        line = f"{len(wanting)} tests skipped for want of servers: {remedy} ({needs})"
        terminalreporter.write_line(line, yellow=True)
