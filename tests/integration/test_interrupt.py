"""Ctrl-C, pressed while a command waits for a server."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

BOUND_SECONDS = 60
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: silent
clusters: [{{name: silent, cluster: {{server: "http://127.0.0.1:{port}"}}}}]
users: [{{name: silent, user: {{token: x}}}}]
contexts: [{{name: silent, context: {{cluster: silent, user: silent}}}}]
"""
CONFIG = """data_dir = "{folder}/data"
[[clusters]]
name = "default"
kubeconfig = "{folder}/kubeconfig"
[[destinations]]
name = "live"
url = "file://{folder}/remote.git"
[[rules]]
name = "everything"
destination = "live"
"""


@pytest.fixture
def heard() -> Iterator[None]:
    """Children hear Ctrl-C, also where this process was started in the background and does not."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("heard")
@pytest.mark.parametrize("command", ["check", "snapshot"])
def test_ctrl_c_is_no_bug(tmp_path: Path, command: str) -> None:
    """Whatever a command waits for, it ends with 130 and asks for no report."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    (tmp_path / "reverser.toml").write_text(CONFIG.format(folder=tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as silent:
        silent.settimeout(BOUND_SECONDS)
        (tmp_path / "kubeconfig").write_text(KUBECONFIG.format(port=silent.getsockname()[1]))
        words = [sys.executable, "-m", "reverser", command, "--config", str(tmp_path / "reverser.toml")]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        connection, _ = silent.accept()
        with connection:
            connection.settimeout(BOUND_SECONDS)
            assert connection.recv(1)
            process.send_signal(signal.SIGINT)
            shown, told = process.communicate(timeout=BOUND_SECONDS)

    assert process.returncode == 130, shown + told
    assert "bug" not in told
    assert "Traceback" not in told
