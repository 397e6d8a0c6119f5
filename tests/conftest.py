"""What all tests share: helpers whose asserts explain themselves, and a word on what was skipped."""

from __future__ import annotations

import pytest

pytest.register_assert_rewrite("tests.integration.conformance", "tests.unit.journal_conformance")

NOT_BUILT = "real API server not built"


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say in one line that the end-to-end tests did not run, and how to get them."""
    skipped = terminalreporter.stats.get("skipped", [])
    count = sum(NOT_BUILT in str(report.longrepr) for report in skipped)
    if count:
        remedy = "no real API server here; `make test-servers` builds it (needs Go)"
        terminalreporter.write_line(f"{count} end-to-end tests skipped: {remedy}", yellow=True)
