"""The daemon and the one-off snapshot when something around them is broken, and then mended."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import httpx

from reverser.app.signals import SAME_SECONDS
from tests.cli import reverser
from tests.e2e.daemon import wait_for
from tests.e2e.remote import install_hook
from tests.e2e.setting import Setting
from tests.integration.gitsupport import processes

AT_ONCE = "stopping at once, pending changes are pushed after the next start"


def _config_map(setting: Setting, name: str, text: str = "x") -> None:
    document = {"metadata": {"name": name}, "data": {"text": text}}
    setting.plane.create(f"/api/v1/namespaces/{setting.namespace}/configmaps", document)


def _condition(setting: Setting, text: str) -> bool:
    return text in httpx.get(f"{setting.daemon.url}/readyz").text


def test_repository_that_cannot_be_opened(setting: Setting) -> None:
    """A repository folder that cannot be used is a condition and never the end of the process."""
    data = setting.daemon.folder / "data"
    data.mkdir(parents=True)
    (data / "repositories").write_text("in the way")
    _config_map(setting, "a")
    setting.daemon.start().ready()
    wait_for("the condition", lambda: _condition(setting, "DataDirectoryUnusable"))

    (data / "repositories").unlink()

    setting.mirrored()


def test_drain_is_bounded_by_the_grace(setting: Setting) -> None:
    """With the remote away a stop takes the grace and no longer, ends with 0, and loses nothing."""
    setting.daemon.start().ready()
    setting.daemon_idle()
    away = setting.remote.path.rename(setting.remote.path.with_name("away.git"))
    _config_map(setting, "late")
    wait_for("the entry", lambda: setting.daemon.metric("gitopsreverser_git_commit_queue_size") > 0)

    assert setting.daemon.stop(30) == 0

    away.rename(setting.remote.path)
    setting.daemon.start().ready()
    setting.mirrored()


def test_second_signal_ends_at_once(setting: Setting) -> None:
    """A second signal does not wait for the grace."""
    setting.daemon.write(grace_seconds=600)
    setting.daemon.start().ready()
    setting.daemon_idle()
    setting.remote.path.rename(setting.remote.path.with_name("away.git"))
    _config_map(setting, "late")
    wait_for("the entry", lambda: setting.daemon.metric("gitopsreverser_git_commit_queue_size") > 0)
    setting.daemon.signal(signal.SIGTERM)
    _draining(setting)

    setting.daemon.signal(signal.SIGTERM)

    assert setting.daemon.process is not None
    assert setting.daemon.process.wait(30) == 0


def test_further_signals_leave_no_push_behind(setting: Setting, tmp_path: Path) -> None:
    """A push that hangs is given its seconds and is ended then, however often we are told to stop."""
    setting.daemon.write(grace_seconds=600)
    setting.daemon.start().ready()
    setting.daemon_idle()
    begun = tmp_path / "begun"
    install_hook(setting.remote.path, "pre-receive", f': > "{begun}"\nexec sleep 600')
    _config_map(setting, "stuck")
    wait_for("the push", begun.exists)
    setting.daemon.signal(signal.SIGTERM)
    _draining(setting)
    setting.daemon.signal(signal.SIGTERM)
    wait_for("the end", lambda: setting.daemon.logged(AT_ONCE))

    setting.daemon.signal(signal.SIGTERM)

    assert setting.daemon.process is not None
    assert setting.daemon.process.wait(30) == 0
    assert processes(str(setting.remote.path)) == []


def _draining(setting: Setting) -> None:
    """It drains, and a signal from now on is another one, not the same told twice."""
    wait_for("draining", lambda: setting.daemon.logged("stopping, pending changes are pushed first"))
    seen = time.monotonic()
    wait_for("another moment", lambda: time.monotonic() > seen + SAME_SECONDS)


def test_push_whose_answer_is_lost(setting: Setting) -> None:
    """A push that landed and whose answer never came is read from the branch, and made no second time."""
    setting.daemon.start().ready()
    setting.daemon_idle()
    script = 'rm "$0"\nkill -9 $(awk "{print \\$4}" /proc/$PPID/stat)'
    hook = install_hook(setting.remote.path, "post-receive", script)

    _config_map(setting, "once")
    setting.mirrored()

    assert not hook.exists()
    assert len([subject for subject in setting.remote.subjects() if "/once by" in subject]) == 1
    entries = setting.remote.entries()
    assert len(entries) == len(set(entries))


def _snapshot(setting: Setting, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    config = setting.daemon.config
    return reverser("snapshot", "--config", config, *arguments, kubeconfig=setting.plane.kubeconfig())


def test_snapshot_into_git(setting: Setting) -> None:
    """A snapshot is one commit; a second one of an unchanged cluster is none."""
    _config_map(setting, "a")

    assert _snapshot(setting).returncode == 0
    assert _snapshot(setting).returncode == 0

    assert setting.remote.paths() == set(setting.wanted())
    assert len(setting.remote.commits()) == 1


def test_snapshot_into_a_folder(setting: Setting, tmp_path: Path) -> None:
    """With `--to` the same files are in the folder, and no remote is asked."""
    _config_map(setting, "a")
    setting.remote.path.rename(setting.remote.path.with_name("away.git"))

    done = _snapshot(setting, "--to", tmp_path / "out")

    assert done.returncode == 0, done.stderr
    found = (path for path in (tmp_path / "out").rglob("*") if path.is_file())
    assert {str(path.relative_to(tmp_path / "out")): path.read_bytes() for path in found} == setting.wanted()


def test_snapshot_without_a_remote(setting: Setting) -> None:
    """A remote that is away ends a snapshot with 69 and a sentence."""
    setting.remote.path.rename(setting.remote.path.with_name("away.git"))

    done = _snapshot(setting)

    assert done.returncode == 69
    assert "destination/live" in done.stderr
    assert "Traceback" not in done.stderr


def test_snapshot_of_a_type_that_may_not_be_read(setting: Setting) -> None:
    """A selected type that is forbidden ends a snapshot with 69: half a snapshot is none."""
    setting.plane.kubectl(
        *("create", "clusterrolebinding", f"view-{setting.namespace}"),
        *("--clusterrole=view", f"--user=viewer-{setting.namespace}"),
    )
    viewer = setting.plane.kubeconfig(f"viewer-{setting.namespace}")
    setting.daemon.write(clusters=[{"name": "default", "kubeconfig": str(viewer)}])

    done = _snapshot(setting)

    assert done.returncode == 69
    assert "forbidden" in done.stderr.lower()
    assert setting.remote.head() == ""


def test_snapshot_without_a_cluster(setting: Setting, tmp_path: Path) -> None:
    """An API server that is away ends a snapshot with 69 and a sentence."""
    text = setting.plane.kubeconfig().read_text().replace(setting.plane.url, "https://127.0.0.1:1")
    (tmp_path / "kubeconfig").write_text(text)
    setting.daemon.write(clusters=[{"name": "default", "kubeconfig": str(tmp_path / "kubeconfig")}])

    done = _snapshot(setting)

    assert done.returncode == 69
    assert "cluster/default" in done.stderr
    assert "Traceback" not in done.stderr
