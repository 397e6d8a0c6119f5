"""One real control plane for the whole run, and a namespace for each test."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from tests.e2e.daemon import LOGS, wait_for
from tests.e2e.gitea import Gitea, gitea_built
from tests.e2e.load import CRD, WIDGETS
from tests.e2e.servers import ControlPlane, built
from tests.e2e.setting import Setting

REASON = "real API server not built: run make test-servers"
NO_GITEA = "Gitea not built: run make test-gitea"
LOG_LINES = 20
"""Of each daemon's log; a failure that only another machine has seen must be told from its report."""
_numbers = itertools.count(1)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Show what daemons said last that said anything while a test failed, or its fixtures."""
    report = yield
    if report.failed:
        for log in [log for log in LOGS if log.exists() and log.stat().st_mtime >= report.start]:
            lines = log.read_text(errors="replace").splitlines()[-LOG_LINES:]
            report.sections.append((f"end of {log}", "\n".join(lines)))
    return report


@pytest.fixture(scope="session")
def require_servers() -> None:
    """For a control plane of one's own."""
    if not built():
        _missing(REASON)


@pytest.fixture(scope="session")
def plane(require_servers: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with its controllers."""
    with ControlPlane.start(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture(scope="session")
def gitea(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gitea]:
    """A real Git host."""
    if not gitea_built():
        _missing(NO_GITEA)
    with Gitea.start(tmp_path_factory.mktemp("gitea")) as running:
        yield running


def _missing(reason: str) -> NoReturn:
    """Skip for want of servers, or fail where they are required."""
    if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """A fresh namespace, in which pods can be created."""
    name = f"t{next(_numbers)}"
    plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
    plane.wait_for_account(name)
    return name


@pytest.fixture
def setting(plane: ControlPlane, namespace: str, tmp_path: Path) -> Any:
    """A running setting that is stopped afterwards."""
    made = Setting(plane, namespace, tmp_path)
    yield made
    made.daemon.kill()


@pytest.fixture
def widgets(plane: ControlPlane) -> None:
    """The CRD of widgets, served."""
    plane.kubectl("apply", "-f", "-", input=json.dumps(CRD))
    plane.kubectl("wait", "--for=condition=Established", f"crd/{WIDGETS}")
    wait_for("widgets", lambda: plane.http.get("/apis/example.com/v1/widgets").is_success)
