"""A real API server that is restored from an older copy of etcd, or made anew: Git follows it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting

NAMESPACE = "shop"
LATER = 40
"""Writes after the copy: so far behind our positions is what comes back."""


@pytest.fixture
def own(plane: ControlPlane, tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane that a test may break; `plane` is only asked for to skip where there is none."""
    assert plane.url
    with ControlPlane.start(tmp_path / "own", controllers=False) as running:
        yield running


@pytest.fixture
def setting(own: ControlPlane, tmp_path: Path) -> Iterator[Setting]:
    own.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    made = Setting(own, NAMESPACE, tmp_path)
    yield made
    made.daemon.kill()


def write(setting: Setting, name: str, value: str, method: str = "POST") -> None:
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps"
    document = {"metadata": {"name": name}, "data": {"k": value}}
    path = path if method == "POST" else f"{path}/{name}"
    setting.plane.http.request(method, path, json=document).raise_for_status()


def copied(setting: Setting) -> Path:
    """A copy of etcd, after which much happens that Git has as well."""
    write(setting, "kept", "as copied")
    copy = setting.plane.copy_etcd()
    write(setting, "kept", "later", "PUT")
    write(setting, "lost", "later")
    for number in range(LATER):
        write(setting, "busy", str(number), "PUT" if number else "POST")
    setting.daemon.start().ready()
    setting.mirrored()
    assert {"lost", "busy"} <= names(setting)
    return copy


def names(setting: Setting) -> set[str]:
    return {Path(path).stem for path in setting.remote.paths() if "/configmaps/" in path}


def test_restored_while_we_watch(setting: Setting) -> None:
    """What the restore took back goes from Git, what it brought back is there, and changes go on."""
    copy = copied(setting)

    setting.plane.restore_etcd(copy)

    setting.stalled("ServerStartedOver")
    setting.mirrored(90)
    assert not {"lost", "busy"} & names(setting)
    assert setting.daemon.metric("gitopsreverser_stalled_conditions") == 0


@pytest.mark.parametrize("anew", [False, True], ids=["restored", "made-anew"])
def test_restored_while_we_are_away(setting: Setting, anew: bool, tmp_path: Path) -> None:
    """The next start notices versions, or a cluster, that are not those of its positions."""
    copy = copied(setting)
    setting.daemon.stop()
    if anew:
        copy = tmp_path / "nothing"
        copy.mkdir()
    setting.plane.restore_etcd(copy)
    if anew:
        setting.plane.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        write(setting, "new", "1")

    setting.daemon.start().ready()

    setting.stalled("ServerStartedOver")
    setting.mirrored(90)
    assert not {"lost", "busy"} & names(setting)
    assert ("new" in names(setting)) == anew
