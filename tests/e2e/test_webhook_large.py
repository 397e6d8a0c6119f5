"""A large hostile object at a real API server that calls the webhook: nobody else's write waits for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.e2e.daemon import wait_for
from tests.e2e.setting import Setting
from tests.e2e.watching import REVIEWS, _called, _webhook
from tests.e2e.who.people import client
from tests.ports import free_port

HOSTILE = {
    "assignments": "secret=" + "abc=" * 150_000,
    "tokens": "-eyJhbGciOiJub25lIn0" * 30_000,
    "keys": "-sk-" * 150_000 + " T3BlbkFJ",
}
"""What took minutes, one after the other, each 600 kB."""
WRITES = 60


@pytest.fixture
def watched(setting: Setting) -> Iterator[Setting]:
    """A running daemon that the API server calls."""
    bind = f"127.0.0.1:{free_port()}"
    setting.daemon.write(webhook={"bind": bind})
    setting.daemon.start().ready()
    _webhook(setting, "install", "--url", f"https://{bind}")
    setting.plane.kubectl(
        *("create", "rolebinding", "alice", "-n", setting.namespace),
        *("--clusterrole=cluster-admin", "--user=alice"),
    )
    _called(setting)
    yield setting
    _webhook(setting, "uninstall")


def test_writes_go_on_while_a_hostile_object_is_looked_at(watched: Setting) -> None:
    """The webhook answers every call in time: the API server gives none of them up."""
    given_up, asked = _given_up(watched), watched.daemon.metric(REVIEWS)
    with client(watched.plane, "alice") as http:
        path = f"/api/v1/namespaces/{watched.namespace}/configmaps"
        for name, text in HOSTILE.items():
            _sent(http.post(path, json=_config_map(f"hostile-{name}", text)))
            _sent(http.post(path, json=_config_map(f"small-{name}", "0")))
            for number in range(WRITES // len(HOSTILE)):
                headers = {"Content-Type": "application/merge-patch+json"}
                patch = json.dumps({"data": {"text": str(number)}})
                _sent(http.patch(f"{path}/small-{name}", content=patch, headers=headers))
    wait_for("the last hostile object", lambda: watched.has("hostile-keys"), 120)

    assert _given_up(watched) == given_up
    assert watched.daemon.metric(REVIEWS) - asked >= WRITES + 2 * len(HOSTILE)
    watched.mirrored(120)


def _config_map(name: str, text: str) -> dict[str, Any]:
    return {"metadata": {"name": name}, "data": {"text": text}}


def _sent(answer: Any) -> None:
    assert answer.is_success, answer.text


def _given_up(setting: Setting) -> float:
    """How many calls the API server has let pass because nobody answered in time."""
    text = setting.plane.kubectl("get", "--raw", "/metrics")
    name = "apiserver_admission_webhook_fail_open_count{"
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(name))
