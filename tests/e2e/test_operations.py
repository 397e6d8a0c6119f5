"""What somebody who runs it meets: first steps, probes, metrics, a changed configuration."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import httpx
from prometheus_client.parser import text_string_to_metric_families

from reverser.metrics import INSTRUMENTS, PREFIX
from tests.cli import reverser
from tests.e2e.daemon import ROOT, Daemon, wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting

SEED_NAMES = (
    *("events_received_total", "events_processed_total", "objects_scanned_total", "objects_written_total"),
    *("files_deleted_total", "commits_total", "commit_bytes_total", "git_operations_total"),
    *("git_push_duration_seconds", "git_commit_queue_size", "change_to_push_seconds"),
    *("oldest_unpushed_entry_age_seconds", "withheld_objects", "stalled_conditions"),
)


def _create(setting: Setting, name: str, namespace: str = "") -> None:
    place = f"/api/v1/namespaces/{namespace or setting.namespace}/configmaps"
    setting.plane.create(place, {"metadata": {"name": name}, "data": {"k": "v"}})


def test_init_check_run(plane: ControlPlane, namespace: str, tmp_path: Path) -> None:
    """The three commands of the README, as they stand there, on a cluster and an empty repository."""
    remote, path = Remote(tmp_path / "remote.git"), tmp_path / "reverser.toml"
    admin = plane.kubeconfig()
    plane.create(f"/api/v1/namespaces/{namespace}/configmaps", {"metadata": {"name": "a"}})
    given = ("--yes", "--url", remote.url, "--namespace", namespace, "--config", path)
    made = reverser("init", *given, kubeconfig=admin)
    assert made.returncode == 0, made.stderr
    assert f"reverser check --config {path}" in made.stdout
    checked = reverser("check", "--config", path, kubeconfig=admin)
    assert checked.returncode == 0, checked.stdout + checked.stderr

    text = re.sub(r"(?m)^# *data_dir = .*|^data_dir = .*", "", path.read_text())
    path.write_text(f'data_dir = "{tmp_path / "data"}"\n{text}')
    daemon = Daemon(tmp_path / "daemon", admin, remote.url)
    daemon.config = path
    environ = {**os.environ, "KUBECONFIG": str(admin)}
    with subprocess.Popen(
        [sys.executable, "-m", "reverser", "run", "--config", str(path)], env=environ, stderr=subprocess.PIPE
    ) as process:
        wait_for("the file", lambda: f"{namespace}/configmaps/a.yaml" in remote.paths(), 60)
        process.send_signal(signal.SIGTERM)
        _, told = process.communicate(timeout=30)
    assert process.returncode == 0
    assert b"Traceback" not in told
    assert b"reverser starts" in told


def test_metrics_after_real_work(setting: Setting) -> None:
    """Prometheus reads every line; the numbers are those of what happened; each name is in the table."""
    _create(setting, "before")
    setting.daemon.start().ready()
    setting.mirrored()
    _create(setting, "gone")
    setting.plane.kubectl("-n", setting.namespace, "delete", "configmap", "gone")
    setting.mirrored()

    text = httpx.get(f"{setting.daemon.url}/metrics").text
    families = {family.name: family for family in text_string_to_metric_families(text)}
    known = {PREFIX + row.name for row in INSTRUMENTS}
    assert {name.removesuffix("_total") for name in families} <= known
    for name in SEED_NAMES:
        assert f"{PREFIX}{name}".removesuffix("_total") in families, name
    assert setting.daemon.metric(f"{PREFIX}commits_total") == len(setting.remote.commits())
    assert setting.daemon.metric(f"{PREFIX}files_deleted_total") == 1
    assert setting.daemon.metric(f"{PREFIX}git_commit_queue_size") == 0
    assert setting.daemon.metric(f"{PREFIX}change_to_push_seconds_count") >= 3
    assert [line for line in setting.daemon.lines() if line["level"] not in ("debug", "info")] == []


def test_probes(setting: Setting, tmp_path: Path) -> None:
    """Not ready without a cluster, ready with it, whatever becomes of Git; alive all the time."""
    kubeconfig = tmp_path / "kubeconfig"
    good = setting.plane.kubeconfig().read_text()
    kubeconfig.write_text(good.replace(setting.plane.url, "https://127.0.0.1:1"))
    setting.daemon.write(clusters=[{"name": "default", "kubeconfig": str(kubeconfig)}])
    setting.daemon.start()
    url = setting.daemon.url
    wait_for("the condition", lambda: "cluster/default" in httpx.get(f"{url}/readyz").text)
    assert httpx.get(f"{url}/readyz").status_code == 503
    assert httpx.get(f"{url}/healthz").status_code == 200

    kubeconfig.write_text(good)
    setting.daemon.ready()
    away = setting.remote.path.rename(setting.remote.path.with_name("away.git"))
    _create(setting, "waiting")
    wait_for("the condition", lambda: "destination/live" in httpx.get(f"{url}/readyz").text)
    assert httpx.get(f"{url}/readyz").status_code == 200
    assert httpx.get(f"{url}/nowhere").status_code == 404
    away.rename(setting.remote.path)
    setting.mirrored()


def test_a_rule_that_is_added_brings_only_what_is_new(setting: Setting) -> None:
    """SIGHUP with one more rule: one snapshot of its objects, no second commit of what is there."""
    other = f"{setting.namespace}-b"
    setting.plane.create("/api/v1/namespaces", {"metadata": {"name": other}})
    setting.plane.wait_for_account(other)
    for namespace in (setting.namespace, other):
        _create(setting, "a", namespace)
    setting.daemon.start().ready()
    setting.mirrored()
    before = setting.remote.head()

    rules = [*setting.daemon.tables["rules"], {"name": "b", "destination": "live", "namespaces": [other]}]
    setting.daemon.write(rules=rules)
    setting.daemon.signal(signal.SIGHUP)
    wait_for("the new file", lambda: f"{other}/configmaps/a.yaml" in setting.remote.paths())
    setting.daemon_idle()

    changed = [row for row in setting.remote.subjects(before) if "/marker-" not in row]
    assert len(changed) == 1
    assert changed[0].startswith("Snapshot of default: ")
    assert not any(
        path.startswith(f"{setting.namespace}/") and "marker" not in path
        for path in _changed_since(setting, before)
    )


def _changed_since(setting: Setting, before: str) -> list[str]:
    command = ["git", "-C", str(setting.remote.path), "diff", "--name-only", before, "main"]
    return subprocess.run(command, capture_output=True, check=True, text=True, cwd=ROOT).stdout.split()
