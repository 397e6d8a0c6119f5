"""Windows, observing without writing, and a data directory that came back from a backup."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.e2e.daemon import wait_for
from tests.e2e.setting import Setting


def _create(setting: Setting, name: str) -> None:
    document = {"metadata": {"name": name}, "data": {"k": "1"}}
    setting.plane.create(f"/api/v1/namespaces/{setting.namespace}/configmaps", document)


def _patch(setting: Setting, name: str, value: str) -> None:
    response = setting.plane.http.patch(
        f"/api/v1/namespaces/{setting.namespace}/configmaps/{name}",
        json={"data": {"k": value}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    response.raise_for_status()


def _destination(setting: Setting, **keys: str) -> None:
    setting.daemon.write(destinations=[{"name": "live", "url": setting.remote.url, **keys}])


def test_a_window_gathers_changes(setting: Setting) -> None:
    """Within a window the changes of one actor become one commit, which holds each of their entries."""
    _destination(setting, window="3s")
    _create(setting, "a")
    setting.daemon.start().ready()
    wait_for("the snapshot", setting.remote.head)
    before = setting.remote.head()

    for number in range(5):
        _create(setting, f"w{number}")
        _patch(setting, "a", str(number))
    setting.mirrored()

    gathered = setting.remote.subjects(before)
    assert len(gathered) < 10, gathered
    assert any(subject.startswith("[CREATE+UPDATE] ") for subject in gathered)
    entries = setting.remote.entries()
    assert sorted(set(entries)) == sorted(entries)


def test_observing_writes_nothing(setting: Setting) -> None:
    """`mode = "observe"` says in the log what it would commit, and leaves the remote alone."""
    _destination(setting, mode="observe")
    _create(setting, "a")
    setting.daemon.start().ready()
    wait_for("the snapshot", lambda: setting.daemon.logged("would commit"))
    _patch(setting, "a", "2")

    def told() -> list[str]:
        return [line["subject"] for line in setting.daemon.logged("would commit")]

    wait_for("the change", lambda: f"[UPDATE] {setting.namespace}/configmaps/a by unknown" in told())
    assert setting.remote.head() == ""


def test_a_data_directory_from_a_backup(setting: Setting, tmp_path: Path) -> None:
    """An older data directory goes on from the branch: nothing twice, nothing lost, nothing left over."""
    for name in ("a", "b"):
        _create(setting, name)
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    data = setting.daemon.folder / "data"
    shutil.copytree(data, tmp_path / "backup")
    setting.daemon.start().ready()
    _patch(setting, "a", "2")
    _create(setting, "c")
    setting.mirrored()
    setting.daemon.stop()

    shutil.rmtree(data)
    (tmp_path / "backup").rename(data)
    setting.plane.http.delete(f"/api/v1/namespaces/{setting.namespace}/configmaps/c").raise_for_status()
    _patch(setting, "b", "2")
    setting.daemon.start().ready()
    setting.mirrored()

    subjects = setting.remote.subjects()
    assert len([subject for subject in subjects if subject.startswith("[CREATE]") and "/c " in subject]) == 1
    assert len([subject for subject in subjects if subject.startswith("[UPDATE]") and "/a " in subject]) == 1
