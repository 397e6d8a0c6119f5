"""`reverser-notify` in the real daemon: what happens reaches people, and the urgent before the rest."""

from __future__ import annotations

import socket
import threading
from typing import Any

import pytest
from receiver import OK, Answer, Receiver, receiver

from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.remote import install_hook
from tests.e2e.setting import Setting

FOLDER = ROOT / "plugins/reverser-notify"
SECONDS = 60


class Held(list[Answer]):
    """A script whose next answer waits until it is let go."""

    def __init__(self, *script: Answer) -> None:
        super().__init__(script)
        self.go = threading.Event()

    def pop(self, index: Any = 0) -> Answer:
        self.go.wait(SECONDS)
        return super().pop(index) if self else OK


def told(server: Receiver) -> list[str]:
    """What the target was sent so far: each push, and each condition of its destination."""
    events = [got.json for got in list(server.received)]
    return [
        each["type"].rpartition(".")[2] if "reason" not in each["data"] else each["data"]["reason"]
        for each in events
        if each["subject"] in ("live", "destination/live")
    ]


def test_conditions_reach_people_before_news_and_whoever_else_is_dead(
    setting: Setting, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A target that never answers delays nobody, and is a condition; a refusal goes before pushes."""
    monkeypatch.setenv("PYTHONPATH", str(FOLDER))
    first = Held((503, {}))
    with socket.create_server(("127.0.0.1", 0)) as silent, receiver() as good:
        good.script = first
        dead = {"name": "dead", "url": f"http://127.0.0.1:{silent.getsockname()[1]}", "timeout_seconds": 0.2}
        team = {"name": "team", "url": good.url, "per_minute": 6000, "timeout_seconds": float(SECONDS)}
        plugins = {"enabled": ["reverser_notify"], "paths": [str(FOLDER / "reverser_notify")]}
        setting.daemon.write(plugins={**plugins, "reverser_notify": {"targets": [dead, team]}})
        setting.plane.create(
            f"/api/v1/namespaces/{setting.namespace}/configmaps", {"metadata": {"name": "a"}}
        )
        setting.daemon.start().ready()
        wait_for("the first message", lambda: good.received, SECONDS)

        setting.daemon_idle()
        install_hook(setting.remote.path, "pre-receive", 'echo "not on Fridays" >&2; exit 1')
        setting.plane.create(
            f"/api/v1/namespaces/{setting.namespace}/configmaps", {"metadata": {"name": "b"}}
        )
        setting.stalled("PushRefused")
        first.go.set()
        wait_for("the condition and the pushes", lambda: told(good).count("pushed") >= 3, SECONDS)
        assert told(good)[:4] == ["pushed", "PushRefused", "pushed", "pushed"]

        (setting.remote.path / "hooks/pre-receive").unlink()
        wait_for("that it works again", lambda: "Recovered" in told(good), SECONDS)
        subject = "plugin/reverser_notify/dead"
        wait_for(
            "the dead one", lambda: any(got.json["subject"] == subject for got in good.received), SECONDS
        )
        assert setting.daemon.stop() == 0
