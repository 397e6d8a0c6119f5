"""What `reverser run` says first."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

KUBECONFIG = """
apiVersion: v1
kind: Config
current-context: dead
clusters: [{name: dead, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: dead, user: {token: s3cret}}]
contexts: [{name: dead, context: {cluster: dead, user: dead}}]
"""
TEXT = """
data_dir = "FOLDER/data"
operations.bind = "127.0.0.1:0"
log.format = "json"
[webhook]
bind = "127.0.0.1:0"
tls.secret = "reverser/webhook"
[[clusters]]
name = "one"
kubeconfig = "FOLDER/kubeconfig"
context = "dead"
[[destinations]]
name = "live"
url = "file://FOLDER/live.git"
[[rules]]
name = "shops"
cluster = "one"
destination = "live"
[[rules]]
name = "teams"
cluster = "one"
destination = "live"
"""


def test_the_first_lines_tell_what_is_watched(tmp_path: Path) -> None:
    """Each cluster with its rules is told before an API server is waited for, without what is secret."""
    (tmp_path / "kubeconfig").write_text(KUBECONFIG)
    path = tmp_path / "reverser.toml"
    path.write_text(TEXT.replace("FOLDER", str(tmp_path)))
    command = [sys.executable, "-m", "reverser", "run", "--config", str(path)]

    with subprocess.Popen(command, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        told = [process.stderr.readline() for _ in range(3)]
        process.kill()

    starts, watching, writing = map(json.loads, told)
    assert (starts["event"], writing["event"]) == ("reverser starts", "writing to destination")
    assert (watching["cluster"], watching["context"]) == ("one", "dead")
    assert watching["kubeconfig"] == f"{tmp_path}/kubeconfig"
    assert watching["rules"] == ["shops", "teams"]
    assert b"s3cret" not in b"".join(told)
