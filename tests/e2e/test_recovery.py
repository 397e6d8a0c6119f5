"""What comes back after a loss: of the data directory, of history, of the cluster's answer, of room."""

from __future__ import annotations

import shutil
import signal
import sqlite3
from pathlib import Path

import httpx

from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.setting import Setting


def _create(setting: Setting, name: str, value: str = "1") -> None:
    document = {"metadata": {"name": name}, "data": {"k": value}}
    setting.plane.create(f"/api/v1/namespaces/{setting.namespace}/configmaps", document)


def _patch(setting: Setting, name: str, value: str) -> None:
    response = setting.plane.http.patch(
        f"/api/v1/namespaces/{setting.namespace}/configmaps/{name}",
        json={"data": {"k": value}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    response.raise_for_status()


def _delete(setting: Setting, name: str) -> None:
    path = f"/api/v1/namespaces/{setting.namespace}/configmaps/{name}"
    setting.plane.http.delete(path).raise_for_status()


def _path(setting: Setting, name: str) -> str:
    return f"{setting.namespace}/configmaps/{name}.yaml"


def _data(setting: Setting) -> Path:
    return setting.daemon.folder / "data"


def _without_positions(setting: Setting) -> None:
    """The journal as if every position had expired."""
    database = sqlite3.connect(_data(setting) / "journal.sqlite")
    database.execute("DELETE FROM positions")
    database.commit()
    database.close()


def _unreachable(setting: Setting, path: Path) -> str:
    """A kubeconfig of an API server that is away; returns the good one."""
    good = setting.plane.kubeconfig().read_text()
    path.write_text(good.replace(setting.plane.url, "https://127.0.0.1:1"))
    return good


def test_a_lost_journal_and_values_like_templates(setting: Setting) -> None:
    """A file of ours is ours whatever its values look like: after a loss its object is still written."""
    _create(setting, "template", "echo ${HOME} {{ x }}")
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    _data(setting).rename(_data(setting).with_name("lost"))
    setting.adopt()
    _patch(setting, "template", "echo ${AWAY}")

    setting.daemon.start().ready()
    setting.mirrored()
    _patch(setting, "template", "echo ${NEW}")
    setting.mirrored()

    assert setting.daemon.metric("gitopsreverser_withheld_objects") == 0


def test_gone_and_back_while_the_remote_is_away(setting: Setting) -> None:
    """An object that is deleted and made anew during an outage finds its own file again."""
    _create(setting, "template", "echo ${HOME}")
    setting.daemon.start().ready()
    setting.mirrored()
    away = setting.remote.path.rename(setting.remote.path.with_name("away.git"))
    _delete(setting, "template")
    _create(setting, "template", "echo ${NEW}")
    wait_for("two entries", lambda: setting.daemon.metric("gitopsreverser_git_commit_queue_size") > 1)

    away.rename(setting.remote.path)
    setting.mirrored()

    assert setting.daemon.metric("gitopsreverser_withheld_objects") == 0


def test_an_edit_is_named_once(setting: Setting, tmp_path: Path) -> None:
    """A person's edit that ours went on top of is named by that commit alone, restarts included."""
    _create(setting, "a")
    setting.daemon.start().ready()
    setting.mirrored()
    theirs, path = tmp_path / "theirs", _path(setting, "a")
    git("clone", "--quiet", setting.remote.path, theirs)
    (theirs / path).write_text((theirs / path).read_text() + "# a remark\n")
    git("commit", "--quiet", "-am", "A remark", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    setting.daemon_idle()
    _patch(setting, "a", "2")
    setting.daemon_idle()
    setting.daemon.stop()

    setting.daemon.start().ready()
    _patch(setting, "a", "3")
    setting.mirrored()

    form = "--format=%(trailers:key=Reverser-Overwrote,valueonly)"
    named = git("-C", setting.remote.path, "log", form, "main", "--", path).split()
    assert len(named) == 1


def test_history_wound_back(setting: Setting) -> None:
    """When the branch is forced back, files of objects that are gone since do not stay."""
    _create(setting, "gone")
    setting.daemon.start().ready()
    setting.mirrored()
    before = setting.remote.head()
    _delete(setting, "gone")
    setting.mirrored()
    setting.daemon.stop()
    git("-C", setting.remote.path, "update-ref", "refs/heads/main", before)

    setting.daemon.start().ready()
    wait_for("the removal", lambda: _path(setting, "gone") not in setting.remote.paths())

    setting.mirrored()


def test_a_lost_journal_while_the_cluster_is_away(setting: Setting, tmp_path: Path) -> None:
    """Nothing is rebuilt before the cluster's types are known: then nothing is orphaned either."""
    _create(setting, "gone")
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    _data(setting).rename(_data(setting).with_name("lost"))
    setting.adopt()
    _delete(setting, "gone")
    kubeconfig = tmp_path / "kubeconfig"
    good = _unreachable(setting, kubeconfig)
    setting.daemon.write(clusters=[{"name": "default", "kubeconfig": str(kubeconfig)}])
    setting.daemon.start()
    url = setting.daemon.url
    wait_for("the condition", lambda: "destination/live" in httpx.get(f"{url}/readyz").text)

    kubeconfig.write_text(good)

    wait_for("the sweep", lambda: _path(setting, "gone") not in setting.remote.paths(), 90)
    setting.mirrored()


def test_an_older_data_directory_and_no_position(setting: Setting, tmp_path: Path) -> None:
    """Restored from a backup whose positions expired, the journal takes the branch's word for its files."""
    for name in ("x", "y"):
        _create(setting, name)
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    shutil.copytree(_data(setting), tmp_path / "backup")
    setting.daemon.start().ready()
    _delete(setting, "x")
    _patch(setting, "y", "2")
    for _ in range(5):
        setting.daemon_idle()
    setting.daemon.stop()
    shutil.rmtree(_data(setting))
    (tmp_path / "backup").rename(_data(setting))
    _without_positions(setting)
    _create(setting, "x")
    _patch(setting, "y", "1")

    setting.daemon.start().ready()

    setting.mirrored()


def test_numbers_that_are_given_out_twice(setting: Setting, tmp_path: Path) -> None:
    """New entries of a restored data directory are not taken for those that had their numbers before."""
    _create(setting, "m")
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    shutil.copytree(_data(setting), tmp_path / "backup")
    setting.daemon.start().ready()
    _patch(setting, "m", "2")
    setting.daemon_idle()
    setting.daemon.stop()
    shutil.rmtree(_data(setting))
    (tmp_path / "backup").rename(_data(setting))
    _without_positions(setting)
    for name in ("new-0", "new-1", "new-2"):
        _create(setting, name)

    setting.daemon.start().ready()

    setting.mirrored()


def test_a_reload_keeps_the_data_directory(setting: Setting, tmp_path: Path) -> None:
    """`data_dir` is taken over at the next start only, for all that is in it."""
    setting.daemon.start().ready()
    setting.daemon_idle()
    setting.daemon.write(data_dir=str(tmp_path / "other"))
    setting.daemon.signal(signal.SIGHUP)
    wait_for("the reload", lambda: setting.daemon.logged("configuration reloaded"))

    setting.daemon_idle()

    assert not (tmp_path / "other").exists()


def test_a_cluster_that_is_taken_out(setting: Setting, tmp_path: Path) -> None:
    """After a reload without it, an unreachable cluster no longer keeps the process from being ready."""
    _unreachable(setting, tmp_path / "kubeconfig")
    tables = {key: setting.daemon.tables[key] for key in ("clusters", "destinations", "rules")}
    git("init", "--quiet", "--bare", tmp_path / "second.git")
    second = {"name": "two", "url": (tmp_path / "second.git").as_uri()}
    setting.daemon.write(
        clusters=[*tables["clusters"], {"name": "bad", "kubeconfig": str(tmp_path / "kubeconfig")}],
        destinations=[*tables["destinations"], second],
        rules=[*tables["rules"], {"name": "bad", "cluster": "bad", "destination": "two"}],
    )
    setting.daemon.start()
    url = setting.daemon.url
    wait_for("the condition", lambda: "cluster/bad" in httpx.get(f"{url}/readyz").text)
    assert httpx.get(f"{url}/readyz").status_code == 503

    setting.daemon.write(**tables)
    setting.daemon.signal(signal.SIGHUP)

    wait_for("readiness", lambda: httpx.get(f"{url}/readyz").status_code == 200)
    assert "bad" not in httpx.get(f"{url}/readyz").text


def test_withheld_objects_are_tried_again_at_the_next_start(setting: Setting, tmp_path: Path) -> None:
    """What stood in an object's way is gone: it arrives without a change of its own."""
    theirs, path = tmp_path / "theirs", _path(setting, "a")
    git("clone", "--quiet", setting.remote.path, theirs)
    (theirs / path).parent.mkdir(parents=True)
    (theirs / path).write_text("kind: Note\n")
    git("add", ".", cwd=theirs)
    git("commit", "--quiet", "-m", "A note", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    _create(setting, "a")
    setting.daemon.start().ready()
    wait_for("the obstacle", lambda: setting.daemon.metric("gitopsreverser_withheld_objects") == 1)
    setting.daemon.stop()
    git("pull", "--quiet", "--rebase", "origin", "main", cwd=theirs)
    git("rm", "--quiet", path, cwd=theirs)
    git("commit", "--quiet", "-m", "No note", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)

    setting.daemon.start().ready()
    setting.mirrored()

    assert setting.daemon.metric("gitopsreverser_withheld_objects") == 0
