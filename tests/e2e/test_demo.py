"""`reverser demo --keep`: people change the demo's cluster with kubectl, and see their commits."""

from __future__ import annotations

import os
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.remote import Remote
from tests.e2e.servers import ASSETS, ControlPlane

BOUND_SECONDS = 120
THINGS = (
    ("alice", "create namespace team", "[CREATE] _cluster/namespaces/team by alice"),
    ("alice", "create serviceaccount robot -n team", "[CREATE] team/serviceaccounts/robot by alice"),
    (
        "bob",
        "create configmap colours -n team --from-literal=sky=blue",
        "[CREATE] team/configmaps/colours by bob",
    ),
    ("bob", "create deployment hello -n team --image=nginx", "[CREATE] team/deployments.apps/hello by bob"),
    ("alice", "scale deployment hello -n team --replicas=3", "[UPDATE] team/deployments.apps/hello by alice"),
    (
        "ci",
        "set image deployment/hello -n team nginx=nginx:2",
        "[UPDATE] team/deployments.apps/hello by system:serviceaccount:shop:ci",
    ),
    ("bob", "delete deployment hello -n team", "[DELETE] team/deployments.apps/hello by bob"),
)
"""context, what is typed after `kubectl`, and the subject of its commit."""


class RunningDemo:
    """A demo that goes on."""

    def __init__(self, folder: Path) -> None:
        environ = {**os.environ, "TMPDIR": str(folder), "NO_COLOR": "1", "PYTHONUNBUFFERED": "1"}
        command = [sys.executable, "-m", "reverser", "demo", "--keep", "--fast"]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT}
        self.process = subprocess.Popen(command, env=environ, start_new_session=True, **pipes)  # type: ignore[call-overload]
        self.output = ""
        self._parent = folder

    @property
    def folder(self) -> Path:
        (folder,) = self._parent.iterdir()
        return folder

    def until(self, text: str) -> None:
        """Read on until this is printed."""
        deadline = time.monotonic() + BOUND_SECONDS
        while text not in self.output:
            assert time.monotonic() < deadline, self.output
            if select.select([self.process.stdout], [], [], 0.5)[0]:
                chunk = os.read(self.process.stdout.fileno(), 65536)
                assert chunk, self.output
                self.output += chunk.decode()

    def end(self) -> int:
        """Press Ctrl-C; the exit status."""
        self.process.send_signal(signal.SIGINT)
        rest, _ = self.process.communicate(timeout=30)
        self.output += rest.decode()
        return int(self.process.returncode)


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[RunningDemo]:
    """A demo whose story is over."""
    running = RunningDemo(tmp_path)
    try:
        running.until("Ctrl-C ends it.")
        yield running
    finally:
        running.process.kill()
        running.process.communicate()


def test_it_goes_on_until_it_is_ended(demo: RunningDemo) -> None:
    """`--keep` says how to use its cluster; Ctrl-C ends it, and the folder stays where it says."""
    status = demo.end()

    assert status == 0, demo.output
    assert "Traceback" not in demo.output
    assert f"export KUBECONFIG={demo.folder}/kubeconfig\n" in demo.output
    assert f"git -C {demo.folder}/live.git log --stat\n" in demo.output
    assert demo.output.endswith(f"The folder stays: {demo.folder}\n")
    assert len(Remote(demo.folder / "live.git").commits()) == 7


def test_people_change_its_cluster(plane: ControlPlane, demo: RunningDemo) -> None:
    """What alice, bob and the pipeline do with kubectl is printed as it lands, under their names."""
    environ = {**os.environ, "KUBECONFIG": f"{demo.folder}/kubeconfig"}
    for context, typed, subject in THINGS:
        command = [str(ASSETS / "kubectl"), "--context", context, *typed.split()]
        done = subprocess.run(command, env=environ, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        demo.until(subject)
    typed = "create secret generic key --from-literal=a=canary-of-the-demo"
    secret = [str(ASSETS / "kubectl"), *typed.split()]
    assert subprocess.run(secret, env=environ, capture_output=True, check=False).returncode == 0

    assert demo.end() == 0, demo.output
    commits = re.findall(r"(?m)^\[[A-Z]+\] (?:team|_cluster/namespaces/team).*", demo.output)
    assert commits == [subject for _, _, subject in THINGS]
    assert len(re.findall("(?m)^Attribution: admission", demo.output)) == 5 + len(THINGS)
    assert "canary-of-the-demo" not in demo.output
