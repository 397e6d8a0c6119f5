"""The program as process 1 of a container, with the image's user: ssh, signals, and no zombies."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import tomli_w
import trio

from reverser.sandbox import Sandbox
from tests.integration.container import contained, first_process, image_user, missing, process_states
from tests.integration.gitserver import SSHD, SshServer, serving, serving_ssh

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())

BOUND_SECONDS = 60
FETCHES = 50
ORPHANS = 5


@contextmanager
def silent() -> Iterator[int]:
    """A port where a server accepts, and says nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=4 * FETCHES) as listener:
        yield listener.getsockname()[1]


@pytest.mark.parametrize("scheme", ["http", "ssh"])
def test_slow_fetches_leave_no_zombies(tmp_path: Path, scheme: str) -> None:
    """Fifty fetches that took too long leave nothing in the process table."""
    with silent() as port:
        url = f"{scheme}://127.0.0.1:{port}/live.git"
        program = [sys.executable, "-m", "tests.integration.slowfetches", str(FETCHES), str(tmp_path), url]
        done = subprocess.run(contained(tmp_path, *program), capture_output=True, text=True, check=True)

    assert done.stdout.splitlines() == ["slow"] * FETCHES + ["left 0"], done.stderr


@pytest.mark.skipif(not SSHD, reason="needs sshd (openssh-server)")
async def test_the_daemon_pushes_by_ssh(tmp_path: Path) -> None:
    """As the image's user without capabilities, with git that leaves children behind; none becomes a zombie,
    and SIGTERM ends it in good order.
    """
    with serving(tmp_path) as server, serving_ssh(tmp_path / "ssh", server) as ssh:
        async with Sandbox.open() as sandbox:
            await sandbox.apply(configmap())
            config = written(tmp_path, sandbox.kubeconfig(tmp_path / "kubeconfig"), ssh)
            with running(tmp_path, config) as wrapper:
                await until(lambda: "default/configmaps/web.yaml" in (server.files() if server.head else ()))
                first = first_process(wrapper)
                await until(lambda: len(orphans(tmp_path)) >= ORPHANS)
                await until(lambda: "Z" not in process_states(first).values())
                os.kill(first, signal.SIGTERM)
                await until(lambda: wrapper.poll() is not None)

    assert wrapper.returncode == 0
    assert '"reverser stopped"' in (tmp_path / "log").read_text()


def test_the_exit_code_is_the_programs(tmp_path: Path) -> None:
    """Bad configuration is 78, and a signal that the program does not handle is 128 and its number."""
    bad = contained(
        tmp_path, sys.executable, "-m", "reverser", "run", "--config", str(tmp_path / "none.toml")
    )
    assert subprocess.run(bad, capture_output=True, check=False).returncode == 78

    script = (
        "import os; from reverser.process_one import reap_orphans; reap_orphans(); os.kill(os.getpid(), 15)"
    )
    killed = contained(tmp_path, sys.executable, "-c", script)
    assert subprocess.run(killed, capture_output=True, check=False).returncode == 128 + signal.SIGTERM


def test_a_program_that_is_not_process_1_is_left_alone() -> None:
    """Where the container has an init, or on a machine, there is no second process."""
    script = (
        "import os; before = os.getpid(); import reverser.process_one; reverser.process_one.reap_orphans(); "
    )
    script += "print(before == os.getpid())"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "True\n"


def test_the_image_runs_as_a_user_with_an_entry() -> None:
    """ssh runs for no other, and pods are commonly told to run as 65532."""
    assert image_user() == "65532"
    assert "USER 65532:65532\n" in (Path(__file__).parents[2] / "Containerfile").read_text()


def configmap() -> dict[str, object]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "web", "namespace": "default"},
        "data": {"a": "1"},
    }


def written(folder: Path, kubeconfig: Path, ssh: SshServer) -> Path:
    """A configuration of the daemon."""
    tables = {
        "data_dir": str(folder / "data"),
        "log": {"format": "json"},
        "operations": {"bind": "127.0.0.1:0"},
        "clusters": [{"name": "default", "kubeconfig": str(kubeconfig)}],
        "destinations": [
            {
                "name": "live",
                "url": ssh.url,
                "credentials": {
                    "ssh_key": {"file": str(ssh.key)},
                    "known_hosts": {"file": str(ssh.known_hosts)},
                },
            }
        ],
        "rules": [{"name": "everything", "destination": "live"}],
    }
    path = folder / "reverser.toml"
    path.write_bytes(tomli_w.dumps(tables).encode())
    return path


@contextmanager
def running(folder: Path, config: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The daemon as process 1; every git that it calls leaves a child behind that ends a moment later."""
    programs = folder / "bin"
    programs.mkdir()
    behind = f"( (sleep 0.1; echo >>{folder}/orphans) >/dev/null 2>&1 & )"
    (programs / "git").write_text(f'#!/bin/sh\n{behind}\nexec {shutil.which("git")} "$@"\n')
    (programs / "git").chmod(0o755)
    command = contained(folder, sys.executable, "-m", "reverser", "run", "--config", str(config))
    environment = os.environ | {"PATH": f"{programs}:{os.environ['PATH']}"}
    with (
        (folder / "log").open("wb") as log,
        subprocess.Popen(command, stdout=log, stderr=log, env=environment) as wrapper,
    ):
        try:
            yield wrapper
        finally:
            wrapper.kill()


def orphans(folder: Path) -> list[str]:
    """A line for each child that was left behind and has ended."""
    path = folder / "orphans"
    return path.read_text().splitlines() if path.exists() else []


async def until(condition: object) -> None:
    """Poll until it is true."""
    assert callable(condition)
    with trio.fail_after(BOUND_SECONDS):
        while not condition():
            await trio.sleep(0.1)
