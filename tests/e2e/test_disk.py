"""Full disks, the daemon's and the remote's: it stays up and says so; everything arrives in order, once."""

from __future__ import annotations

import contextlib
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.e2e.daemon import wait_for
from tests.e2e.load import Load
from tests.e2e.remote import git
from tests.e2e.setting import Setting

PLAIN = ("ConfigMap", "Role", "ServiceAccount")
MEBIBYTE = 2**20


class Disk:
    """A small file system, and the ballast that fills it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._ballast = folder / "ballast"

    def fill(self) -> None:
        """Write until nothing more fits."""
        with self._ballast.open("ab", buffering=0) as file:
            for size in (MEBIBYTE, 4096):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(b"x" * size)

    def make_room(self) -> None:
        """Take the ballast away."""
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    """A file system of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("a small file system can only be mounted as root")
    yield Disk(folder)
    subprocess.run(["umount", "--lazy", folder], check=True)


def stalled(setting: Setting, subject: str) -> str:
    """The line of `/readyz` that calls for a person, for one subject; empty when there is none."""
    lines = httpx.get(f"{setting.daemon.url}/readyz").text.splitlines()
    return next((line for line in lines if "Stalled=True" in line and subject in line), "")


def told(setting: Setting, subject: str) -> None:
    """Condition, log and metric all say that somebody has to act."""
    wait_for("the condition", lambda: stalled(setting, subject))
    wait_for("the log", lambda: any(line.get("subject") == subject for line in setting.daemon.lines()))
    wait_for("the metric", lambda: setting.daemon.metric("gitopsreverser_stalled_conditions") > 0)


def over(setting: Setting, subject: str) -> None:
    """Nobody has to act any more."""
    wait_for("recovery", lambda: not stalled(setting, subject), 90)
    assert setting.daemon.metric("gitopsreverser_stalled_conditions") == 0


def refused(setting: Setting) -> None:
    """A start ends with a sentence on what to do."""
    setting.daemon.start()
    assert setting.daemon.process is not None
    assert setting.daemon.process.wait(30) == 69
    assert "free some space" in setting.daemon.log.read_text()
    assert "Traceback" not in setting.daemon.log.read_text()


def each_once_in_order(setting: Setting) -> None:
    """No entry is missing or there twice, and they came in the journal's order."""
    entries = setting.remote.entries()
    assert entries == sorted(set(entries))
    assert entries == list(range(entries[0], entries[0] + len(entries)))


def counter(setting: Setting, first: int, last: int) -> None:
    """Let one ConfigMap count, large enough for no room to be left for it."""
    place = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    for number in range(first, last + 1):
        data = {"count": str(number), "text": "x" * 200_000}
        if number == 1:
            setting.plane.create(place, {"metadata": {"name": "counter"}, "data": data})
        else:
            document = {"metadata": {"name": "counter"}, "data": data}
            assert setting.plane.http.put(f"{place}/counter", json=document).is_success


def counted(setting: Setting) -> list[int]:
    """What the branch's commits say of the ConfigMap's count, oldest first."""
    path = f"{setting.namespace}/configmaps/counter.yaml"
    text = git("-C", setting.remote.path, "log", "--reverse", "-p", "--format=", "main", "--", path)
    return [int(number) for number in re.findall(r'^\+  count: "(\d+)"$', text, re.MULTILINE)]


def test_changes_on_a_full_disk(setting: Setting, disk: Disk) -> None:
    """Changes of every sort that come while the data directory is full arrive in order, each once."""
    load = Load(setting.plane, setting.namespace, 21, PLAIN)
    setting.daemon.write(data_dir=str(disk.folder / "data"))
    setting.daemon.start().ready()
    setting.daemon_idle()
    before = setting.remote.head()

    disk.fill()
    counter(setting, 1, 10)
    told(setting, "journal")
    for _ in range(20):
        load.step()
    counter(setting, 11, 20)
    assert stalled(setting, "journal")
    disk.make_room()
    setting.mirrored(90)

    over(setting, "journal")
    assert counted(setting) == list(range(1, 21))
    each_once_in_order(setting)
    changes = [row for row in setting.remote.subjects(before) if "/marker-" not in row]
    assert len(changes) == 20 + 20


def test_killed_on_a_full_disk(setting: Setting, disk: Disk) -> None:
    """A daemon that is killed and started again while its disk is full loses nothing either."""
    setting.daemon.write(data_dir=str(disk.folder / "data"))
    setting.daemon.start().ready()
    setting.daemon_idle()

    disk.fill()
    counter(setting, 1, 5)
    told(setting, "journal")
    setting.daemon.kill()
    counter(setting, 6, 10)
    refused(setting)
    disk.make_room()
    setting.daemon.start().ready()
    setting.mirrored(90)

    counts = counted(setting)
    assert counts == sorted(set(counts))
    assert counts[-1] == 10
    entries = setting.remote.entries()
    assert entries == sorted(set(entries))


def test_started_on_a_full_disk(setting: Setting, disk: Disk) -> None:
    """Without room for a journal there is no start, only a sentence on what to do; with room there is one."""
    setting.daemon.write(data_dir=str(disk.folder / "data"))
    counter(setting, 1, 1)
    disk.fill()

    refused(setting)
    disk.make_room()

    setting.daemon.start().ready()
    setting.mirrored()


def test_remote_on_a_full_disk(setting: Setting, disk: Disk) -> None:
    """A remote without room refuses pushes; once it has some again everything arrives, as it happened."""
    moved = disk.folder / "remote.git"
    git("clone", "--quiet", "--bare", setting.remote.path, moved)
    setting.remote.path = moved
    setting.daemon.write(destinations=[{"name": "live", "url": setting.remote.url}])
    setting.daemon.start().ready()
    setting.daemon_idle()
    before = setting.remote.head()

    disk.fill()
    counter(setting, 1, 10)
    told(setting, "destination/live")
    assert setting.remote.head() == before
    assert httpx.get(f"{setting.daemon.url}/readyz").status_code == 200
    wait_for("the queue", lambda: setting.daemon.metric("gitopsreverser_git_commit_queue_size") == 10)
    disk.make_room()
    setting.mirrored(90)

    over(setting, "destination/live")
    assert counted(setting) == list(range(1, 11))
    each_once_in_order(setting)
