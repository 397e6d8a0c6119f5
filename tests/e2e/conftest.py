"""One real control plane for the whole run, and a namespace for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.e2e.servers import ControlPlane, built

REASON = "real API server not built: run make test-servers"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with its controllers."""
    if not built():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail(REASON)
        pytest.skip(REASON)
    with ControlPlane.start(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """A fresh namespace, in which pods can be created."""
    name = f"t{next(_numbers)}"
    plane.create("/api/v1/namespaces", {"metadata": {"name": name}})
    plane.wait_for_account(name)
    return name
