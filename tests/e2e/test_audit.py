"""Authors that only audit knows: also when the daemon is killed, or told too late."""

from __future__ import annotations

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting
from tests.e2e.who.audited import audited
from tests.ports import free_port

EVENTS = "gitopsreverser_audit_events_total"
RULES = [{"name": "shop", "destination": "live", "namespaces": ["shop"], "cluster_scoped": False}]


@pytest.fixture
def heard(plane: ControlPlane, tmp_path: Path) -> Iterator[Setting]:
    """A daemon that an API server of its own sends its audit events to, at an address of their own."""
    del plane  # it says whether there are real servers
    bind = f"127.0.0.1:{free_port()}"
    with audited(tmp_path, f"https://{bind}", RULES) as own:
        own.kubectl("create", "namespace", "shop")
        own.kubectl("create", "clusterrolebinding", "people", "--clusterrole=cluster-admin", "--user=alice")
        setting = Setting(own, "shop", tmp_path)
        webhook = {"bind": "127.0.0.1:0"}
        setting.daemon.write(rules=RULES, webhook=webhook, audit={"bind": bind, "grace_seconds": 4})
        setting.daemon.start().ready()
        wait_for("the first event", lambda: _told(setting))
        yield setting
        setting.daemon.kill()


def _told(setting: Setting) -> bool:
    setting.daemon_idle()
    return setting.daemon.metric(EVENTS) > 0


def _write(setting: Setting, value: str) -> None:
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}, "data": {"k": value}}
    setting.plane.kubectl("-n", "shop", "apply", "-f", "-", user="alice", input=json.dumps(document))


def _commits(setting: Setting, form: str) -> list[str]:
    log = ("log", "--reverse", "--notes=reverser", f"--format={form}%x00")
    text = git("-C", setting.remote.path, *log, "main", "--", "shop/configmaps/a.yaml")
    return [each.strip() for each in text.split("\0") if each.strip()]


@contextmanager
def _written_and_waiting(setting: Setting) -> Iterator[None]:
    """From when a change waits for its author, or has landed already, until kubectl has ended."""
    before = setting.remote.head()
    with ThreadPoolExecutor() as pool:
        # Looked for from the start: on a busy machine kubectl may end later than the change waits.
        written = pool.submit(_write, setting, "1")
        wait_for(
            "a change that waits, or that has landed",
            lambda: (
                setting.daemon.metric("gitopsreverser_git_commit_queue_size") > 0
                or setting.remote.head() != before
            ),
        )
        yield
        written.result()


def _nameless_commit(setting: Setting) -> int:
    """The number of a commit that came before audit told who wrote it; on a busy machine not the first."""
    for number in range(20):
        _write(setting, str(number))
        wait_for("the commit", lambda number=number: len(_commits(setting, "%an")) == number + 1)
        if _commits(setting, "%an")[number] == "unknown":
            return number
    raise AssertionError("audit was always first")


def test_a_kill_forgets_no_author(heard: Setting) -> None:
    """Killed while changes wait for their author, or before audit could tell: afterwards all have theirs."""
    with _written_and_waiting(heard):
        heard.daemon.kill()
    _write(heard, "2")
    heard.daemon.start().ready()
    _write(heard, "3")

    wait_for("three commits", lambda: len(_commits(heard, "%an")) == 3, 60)
    assert _commits(heard, "%an %(trailers:key=Attribution,valueonly)") == ["alice audit"] * 3
    heard.daemon_idle()
    heard.mirrored()


def test_what_is_told_after_the_commit_becomes_a_note(heard: Setting) -> None:
    """Without any grace a commit names nobody, and the note beside it names who it was."""
    heard.daemon.stop()
    heard.daemon.write(audit={**heard.daemon.tables["audit"], "grace_seconds": 0})
    heard.daemon.start().ready()
    nameless = _nameless_commit(heard)

    wait_for("the note", lambda: "Kubernetes-User: alice" in _commits(heard, "%N%x01")[nameless], 60)
    note = _commits(heard, "%N%x01")[nameless].strip("\x01").splitlines()
    entry = _commits(heard, "%(trailers:key=Reverser-Entry)")[nameless]
    assert [entry, "Kubernetes-User: alice", "Attribution: audit"] == [note[0], note[1], note[-1]]


def test_a_stop_waits_for_authors(heard: Setting) -> None:
    """What waits when the daemon is stopped has its author when it has ended."""
    with _written_and_waiting(heard):
        assert heard.daemon.stop() == 0

    assert _commits(heard, "%an") == ["alice"]
