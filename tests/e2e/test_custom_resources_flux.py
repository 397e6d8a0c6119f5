"""A Kustomization of real Flux with `wait: true` waits for our custom resources, and tells what failed."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.custom_resources import CONFIG_MAPS, World
from tests.e2e.daemon import wait_for
from tests.e2e.flux import Flux, flux_built
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.seed_shapes import OUR_CRDS
from tests.e2e.servers import ControlPlane, built
from tests.integration.gitserver import GitServer, serving

REASON = "Flux not built: run make test-servers test-flux-servers"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """The repository that Flux applies."""
    if not (built() and flux_built()):
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail(REASON)
        pytest.skip(REASON)
    with serving(tmp_path) as server:
        yield server


def test_flux_waits_for_ours(server: GitServer, gitea: Gitea, tmp_path: Path) -> None:
    """Resources that become Ready make their Kustomization Ready; one that is Stalled fails its own."""
    with ControlPlane.start(tmp_path / "plane", controllers=False) as plane:
        plane.kubectl("apply", "--server-side", "-k", str(OUR_CRDS))
        world = World(plane, gitea, tmp_path / "daemon")
        good, bad = world.namespace("good"), world.namespace("bad")
        world.login(good)
        world.login(bad, token="0" * 40)
        files: dict[str, str | None] = {
            "good/all.yaml": _resources(good, world.repository()),
            "bad/all.yaml": _resources(bad, world.repository()),
        }
        server.commit(files, "Mirror two namespaces")
        with (
            world.daemon,
            Flux.start(
                plane, tmp_path / "flux", server.url, {}, path="./good", wait=True, timeout="90s"
            ) as flux,
        ):
            flux.kustomization("bad", path="./bad", wait=True, timeout="90s")

            wait_for("Ready", lambda: flux.ready().get("status") == "True", 120)
            wait_for("the failure", lambda: flux.ready("bad").get("status") == "False", 120)
            failed = flux.ready("bad")
            world.daemon.alive()

    assert failed["reason"] == "HealthCheckFailed"
    assert f"GitRepoConfig/{bad}/audit" in failed["message"]


def _resources(namespace: str, repository: Repository) -> str:
    config = {"repoUrl": repository.http, "branch": "main", "secretRef": {"name": "git-creds"}}
    rule = {"gitRepoConfigRef": {"name": "audit"}, "rules": [CONFIG_MAPS]}
    documents = [("GitRepoConfig", "audit", config), ("WatchRule", "settings", rule)]
    items = [
        {
            "apiVersion": "configbutler.ai/v1alpha1",
            "kind": kind,
            "metadata": {"name": name, "namespace": namespace},
            "spec": spec,
        }
        for kind, name, spec in documents
    ]
    return json.dumps({"apiVersion": "v1", "kind": "List", "items": items})
