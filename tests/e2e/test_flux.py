"""Flux and we on one folder of one branch, with a person who edits the cluster and Git."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.flux import Flux, flux_built
from tests.e2e.remote import git
from tests.e2e.servers import ControlPlane, built
from tests.integration.gitserver import GitServer, serving

SECONDS = float(os.environ.get("REVERSER_FLUX_SECONDS", "45"))
IDLE_SECONDS = 10
"""How long the branch must stay where it is when nobody does anything."""
REASON = "Flux not built: run make test-servers test-flux-servers"
NAMESPACE = "shop"
FOLLOWS = {"region": "eu"}

WEB = """\
# The shop's front: ask Ada before scaling above 9.
apiVersion: apps/v1
kind: Deployment
metadata:
    name: web
    namespace: shop
spec:
  replicas: 1  # set by hand in the sales
  selector: {matchLabels: {app: web}}
  template:
    metadata:
      labels: {app: web}
    spec:
      containers:
      - {name: web, image: "nginx:1.27"}
"""
SETTINGS = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: settings, namespace: shop}
data:
  greeting: hello  # shown to everybody
  colour: red
"""
LINES = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: win
  namespace: shop
data:
  a: '%d'
""".replace("\n", "\r\n")
TOKENS = """\
apiVersion: v1
kind: ConfigMap
metadata:
  name: vars
  namespace: shop
data:
  region: ${region}
  turn: '%d'
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A repository that a person has filled."""
    if not (built() and flux_built()):
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail(REASON)
        pytest.skip(REASON)
    with serving(tmp_path) as server:
        files = {
            "apps/web.yaml": WEB,
            "apps/settings.yaml": SETTINGS,
            "misc/win.yaml": LINES % 0,
            "misc/vars.yaml": TOKENS % 0,
        }
        commit_bytes(server, files, "Begin the shop")
        yield server


def commit_bytes(server: GitServer, files: Mapping[str, str | None], message: str) -> str:
    """A person's commit, again when somebody was faster."""
    for _ in range(5):
        try:
            return server.commit(dict(files), message)
        except AssertionError as error:
            lost = error
    raise lost


def test_flux_and_we_share_a_folder(server: GitServer, tmp_path: Path) -> None:
    """Edits by hand, by Flux and in Git for a while: no loop, Flux is Ready all along, no object has two
    files, placeholders, comments and line ends stay.
    """
    with ControlPlane.start(tmp_path / "plane", controllers=False) as plane:
        plane.kubectl("create", "namespace", NAMESPACE)
        with Flux.start(plane, tmp_path / "flux", server.url, FOLLOWS) as flux:
            flux.wait_applied(lambda: server.head)
            begun = len(flux.told)  # before its first commit Flux is not ready
            rules = [{"name": "shop", "destination": "live", "namespaces": [NAMESPACE]}]
            with Daemon(tmp_path / "daemon", plane.kubeconfig(), server.file_url, rules=rules) as daemon:
                daemon.ready().settled()
                # What a commit does not have yet Flux undoes: no edit before our first one is applied.
                wait_for("the snapshot", lambda: daemon.logged("pushed commits"))
                flux.wait_applied(lambda: server.head)
                end, turn = time.monotonic() + SECONDS, 0
                while turn == 0 or time.monotonic() < end:
                    turn += 1
                    one_turn(plane, server, flux, turn)
                    placeholder_edited(plane, server, daemon, flux, turn)
                still = server.head
                for _ in range(IDLE_SECONDS):
                    time.sleep(1)  # idle is what is looked at
                    assert server.head == still, server.log()[-5:]
                flux.wait_applied(lambda: still)
                daemon.alive()
            told = flux.told[begun:]

    print(f"{turn} turns, {len(server.log())} commits, {len(told)} states of the Kustomization")
    assert [line for line in told if line.startswith("False")] == []
    look(server, turn)


def one_turn(plane: ControlPlane, server: GitServer, flux: Flux, turn: int) -> None:
    """One edit of each kind, each in Git and applied before the next."""
    scaled = str(turn % 8 + 2)
    plane.kubectl("scale", "deployment/web", "-n", NAMESPACE, f"--replicas={scaled}")
    wait_for("the scale in Git", lambda: f"replicas: {scaled}  #" in text(server, "apps/web.yaml"))
    flux.wait_applied(lambda: server.head)

    patch(plane, "settings", colour=f"c{turn}")
    wait_for("the colour in Git", lambda: f"colour: c{turn}" in text(server, "apps/settings.yaml"))
    flux.wait_applied(lambda: server.head)

    plane.kubectl("create", "configmap", f"made-{turn}", "-n", NAMESPACE, "--from-literal=a=b")
    made = f"shop/configmaps/made-{turn}.yaml"
    wait_for("a file of the new object", lambda: made in names(server))
    flux.wait_applied(lambda: server.head)

    theirs: dict[str, str | None] = {
        "misc/win.yaml": LINES % turn,
        "misc/vars.yaml": TOKENS % turn,
        f"apps/extra-{turn}.yaml": SETTINGS.replace("name: settings", f"name: extra-{turn}"),
        f"apps/extra-{turn - 1}.yaml": None,
    }
    if turn == 1:
        del theirs["apps/extra-0.yaml"]
    commit_bytes(server, theirs, f"Turn {turn}")
    flux.wait_applied(lambda: server.head)
    wait_for("their edit in the cluster", lambda: live(plane, "win")["data"]["a"] == str(turn))
    assert live(plane, "vars")["data"] == {"region": "eu", "turn": str(turn)}

    patch(plane, "win", a=f"live {turn}")
    wait_for("the edit of a file with CRLF", lambda: f"a: 'live {turn}'" in text(server, "misc/win.yaml"))
    flux.wait_applied(lambda: server.head)

    if turn > 1:
        plane.kubectl("delete", "configmap", f"made-{turn - 1}", "-n", NAMESPACE)
        gone = f"shop/configmaps/made-{turn - 1}.yaml"
        wait_for("the file to go", lambda: gone not in names(server))
        flux.wait_applied(lambda: server.head)


def placeholder_edited(plane: ControlPlane, server: GitServer, daemon: Daemon, flux: Flux, turn: int) -> None:
    """What Flux fills in cannot be edited in Git: that is told, the file stays, and Flux undoes the edit."""
    before = len(daemon.logged("object withheld"))
    patch(plane, "vars", region=f"us-{turn}")
    wait_for("the object to be withheld", lambda: len(daemon.logged("object withheld")) > before)
    told = daemon.logged("object withheld")[-1]
    assert (told["object"].rpartition("/")[2], told["reason"]) == ("vars", "Templated")
    assert text(server, "misc/vars.yaml") == TOKENS % turn

    patch(plane, "settings", greeting=f"hello {turn}")
    flux.wait_applied(lambda: server.head)
    wait_for("Flux to undo it", lambda: live(plane, "vars")["data"]["region"] == FOLLOWS["region"])


def look(server: GitServer, turn: int) -> None:
    """What a fresh clone must hold at the end."""
    files = server.files()
    twice = {who: count for who, count in identities(files).items() if count > 1}
    assert twice == {}
    assert files["misc/win.yaml"] == LINES.replace("%d", f"live {turn}").encode()
    assert files["misc/vars.yaml"] == (TOKENS % turn).encode()
    web = files["apps/web.yaml"].decode()
    # The rest of the file says what the API server filled in.
    first, scaled = WEB.splitlines()[0], f"  replicas: {turn % 8 + 2}  # set by hand in the sales"
    assert web.startswith(f"{first}\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n    name: web\n")
    assert scaled in web.splitlines()
    settings = files["apps/settings.yaml"].decode()
    assert settings == SETTINGS.replace("red", f"c{turn}").replace("hello ", f"hello {turn} ")
    ours = {f"shop/configmaps/made-{turn}.yaml"}
    theirs = {
        "apps/web.yaml",
        "apps/settings.yaml",
        f"apps/extra-{turn}.yaml",
        "misc/win.yaml",
        "misc/vars.yaml",
    }
    assert set(files) == ours | theirs


def identities(files: dict[str, bytes]) -> Counter[tuple[str, str]]:
    """How many documents describe each object."""
    found = Counter[tuple[str, str]]()
    for content in files.values():
        for document in YAML(typ="safe", pure=True).load_all(content.decode().replace("${", "$")):
            found[document["kind"], document["metadata"]["name"]] += 1
    return found


def patch(plane: ControlPlane, name: str, **data: str) -> None:
    """Change a ConfigMap by hand."""
    changes = json.dumps({"data": data})
    plane.kubectl("patch", f"configmap/{name}", "-n", NAMESPACE, "--type=merge", "-p", changes)


def live(plane: ControlPlane, name: str) -> dict[str, Any]:
    """A ConfigMap as the API server has it."""
    found: dict[str, Any] = plane.get(f"/api/v1/namespaces/{NAMESPACE}/configmaps/{name}")
    return found


def names(server: GitServer) -> set[str]:
    """The files of the branch."""
    return set(git_output(server, "ls-tree", "-r", "--name-only", "main").splitlines())


def text(server: GitServer, path: str) -> str:
    """One file of the branch."""
    return git_output(server, "show", f"main:{path}")


def git_output(server: GitServer, *arguments: str) -> str:
    """Standard output of git in the bare repository."""
    return git("-C", server.bare, *arguments)
