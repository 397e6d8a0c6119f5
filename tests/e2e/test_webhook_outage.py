"""The webhook away, in three ways: no write waits longer than the registration says, and nobody is blamed.

Every write puts its writer's name into the object, so that a wrong author shows.
"""

from __future__ import annotations

import json
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from reverser.webhook.registration import TIMEOUT_SECONDS
from tests.e2e.remote import git
from tests.e2e.setting import Setting
from tests.e2e.watching import _called, _webhook
from tests.e2e.who.ledger import NAMING, SILENT, UNKNOWN
from tests.e2e.who.people import client
from tests.ports import free_port

SLACK_SECONDS = 8
"""Of a busy machine, beyond the registration's timeout."""
AWAY_WRITES = 4
OBJECTS = ("one", "two")

Outage = Callable[[Setting, Callable[[], None]], None]


@pytest.fixture
def watched(setting: Setting) -> Iterator[Setting]:
    """A running daemon that the API server calls, and two people."""
    bind = f"127.0.0.1:{free_port()}"
    setting.daemon.write(webhook={"bind": bind})
    setting.daemon.start().ready()
    _webhook(setting, "install", "--url", f"https://{bind}")
    for person in ("alice", "bob"):
        setting.plane.kubectl(
            *("create", "rolebinding", person, "-n", setting.namespace),
            *("--clusterrole=cluster-admin", f"--user={person}"),
        )
    _called(setting)
    yield setting
    setting.daemon.signal(signal.SIGCONT)
    _webhook(setting, "uninstall")


def stopped(setting: Setting, write: Callable[[], None]) -> None:
    """The process stands still: connections are taken by the system, and nobody answers."""
    setting.daemon.signal(signal.SIGSTOP)
    try:
        write()
    finally:
        setting.daemon.signal(signal.SIGCONT)


def killed(setting: Setting, write: Callable[[], None]) -> None:
    """The process is gone: connections are refused."""
    setting.daemon.kill()
    write()
    setting.daemon.start().ready()


def silent(setting: Setting, write: Callable[[], None]) -> None:
    """Somebody else takes connections, reads, and never answers."""
    setting.daemon.kill()
    with _deaf(setting) as taken:
        write()
        assert taken
    setting.daemon.start().ready()


@pytest.mark.parametrize("outage", [stopped, killed, silent])
def test_while_nobody_answers_nobody_waits_long_and_nobody_is_blamed(
    watched: Setting, outage: Outage
) -> None:
    """Changes of that time have no author, unless the calls are heard late and name the right one; those
    before and after have the right one, and all are in Git."""
    for name in OBJECTS:
        _write(watched, "alice", name, "before", create=True)
    watched.daemon_idle()
    during = list[float]()

    def write() -> None:
        for number in range(AWAY_WRITES):
            for name in OBJECTS:
                person = ("bob", "alice")[number % 2]
                during.append(_write(watched, person, name, f"away-{number}"))

    outage(watched, write)
    _called(watched)
    for person in ("bob", "alice"):
        for name in OBJECTS:
            _write(watched, person, name, f"after-{person}")
    watched.daemon_idle()

    assert len(during) == AWAY_WRITES * len(OBJECTS)
    assert max(during) < TIMEOUT_SECONDS + SLACK_SECONDS
    for name in OBJECTS:
        _judge(watched, name, late=outage is stopped)
    watched.mirrored()


def _judge(setting: Setting, name: str, *, late: bool) -> None:
    """What each commit of one object says, against what stands in the file at that commit.

    Calls to a process that stands still wait in its sockets: it may hear them `late`, and then knows
    the author all the same.
    """
    path = f"{setting.namespace}/configmaps/{name}.yaml"
    form = "--format=%H %an %(trailers:key=Attribution,valueonly,separator=%x2C)"
    rows = git("-C", setting.remote.path, "log", "--reverse", form, "main", "--", path).splitlines()
    said = {}
    for commit, author, *word in map(str.split, rows):
        content = setting.remote.show(path, commit)
        by, step = _field(content, "by"), _field(content, "step")
        said[step] = author
        if step.startswith("away"):
            told_late = late and author == by and word[0] in NAMING
            assert told_late or (author == UNKNOWN and word[0] in SILENT), (step, author, word)
        else:
            assert (author, word[0] in NAMING) == (by, True), (step, author, word)
    assert next(iter(said)) == "before"
    assert [*said][-2:] == ["after-bob", "after-alice"]
    assert f"away-{AWAY_WRITES - 1}" in said


def _field(text: str, name: str) -> str:
    return next(line.split()[1] for line in text.splitlines() if line.startswith(f"  {name}: "))


def _write(setting: Setting, person: str, name: str, step: str, *, create: bool = False) -> float:
    """Write as a person; the seconds until the API server's answer, which is a success."""
    path = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    data = {"data": {"by": person, "step": step}}
    with client(setting.plane, person) as http:
        began = time.monotonic()
        if create:
            answer = http.post(path, json={"metadata": {"name": name}, **data})
        else:
            headers = {"Content-Type": "application/merge-patch+json"}
            answer = http.patch(f"{path}/{name}", content=json.dumps(data), headers=headers)
        taken = time.monotonic() - began
    assert answer.is_success, answer.text
    return taken


@contextmanager
def _deaf(setting: Setting) -> Iterator[list[socket.socket]]:
    """A listener at the daemon's address that never answers; the connections that it took."""
    taken = list[socket.socket]()
    port = int(setting.daemon.tables["webhook"]["bind"].rpartition(":")[2])
    server = socket.create_server(("127.0.0.1", port))

    def take() -> None:
        try:
            while True:
                taken.append(server.accept()[0])
        except OSError:
            return

    thread = threading.Thread(target=take)
    thread.start()
    try:
        yield taken
    finally:
        server.shutdown(socket.SHUT_RDWR)
        thread.join()
        for each in (server, *taken):
            each.close()
