"""One real control plane for the whole run, and a namespace for each test."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator

import pytest

from tests.e2e.servers import ControlPlane, built

REASON = "the real API server is not built"
_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A real API server with its controllers."""
    if not built():
        if os.environ.get("REVERSER_REQUIRE_SERVERS"):
            pytest.fail(f"{REASON}, and REVERSER_REQUIRE_SERVERS is set: run `make test-servers`")
        pytest.skip(REASON)
    with ControlPlane.start(tmp_path_factory.mktemp("plane")) as running:
        yield running


@pytest.fixture
def namespace(plane: ControlPlane) -> str:
    """A fresh namespace."""
    name = f"t{next(_numbers)}"
    plane.kubectl("create", "namespace", name)
    return name
