"""The real process, as a user runs it: `python -m reverser run --config …`."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import tomli_w

ROOT = Path(__file__).parents[2]
LOGS: list[Path] = []
"""Of every daemon that was started, oldest first."""


def wait_for(what: str, condition: Callable[[], Any], seconds: float = 30.0) -> Any:
    """Poll until `condition` gives something true, and return that; fail after `seconds`."""
    deadline, looks = time.monotonic() + seconds, 1
    while True:
        answer = condition()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"waited {seconds} s in vain for: {what} ({looks} looks)"
        looks += 1
        time.sleep(0.05)


class Daemon:
    """One configuration file and the process that runs it."""

    def __init__(self, folder: Path, kubeconfig: Path, url: str, **changes: Any) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.config = folder / "reverser.toml"
        self.log = folder / "log.jsonl"
        self.process: subprocess.Popen[bytes] | None = None
        self.module = "reverser"
        """The program: another one may stand still at some moment."""
        self.environ: dict[str, str] = {}
        """Variables of the process besides ours."""
        self.tables: dict[str, Any] = {
            "data_dir": str(folder / "data"),
            "grace_seconds": 3,
            "log": {"format": "json", "level": "info"},
            "operations": {"bind": "127.0.0.1:0"},
            "clusters": [{"name": "default", "kubeconfig": str(kubeconfig)}],
            "destinations": [{"name": "live", "url": url}],
            "rules": [{"name": "everything", "destination": "live"}],
        }
        self.write(**changes)

    def write(self, **changes: Any) -> None:
        """Change top-level tables of the configuration file."""
        self.tables |= changes
        self.config.write_bytes(tomli_w.dumps(self.tables).encode())

    def command(self) -> list[str]:
        """What the process is started by."""
        return [sys.executable, "-m", self.module, "run", "--config", str(self.config)]

    def start(self) -> Daemon:
        """Start the process; returns at once."""
        environ = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"} | self.environ
        if self.log not in LOGS:
            LOGS.append(self.log)
        with self.log.open("ab") as log:
            self._offset = log.tell()
            self.process = subprocess.Popen(
                self.command(),
                stderr=log,
                stdin=subprocess.DEVNULL,
                cwd=ROOT,
                env=environ,
            )
        return self

    def alive(self) -> bool:
        """True; fails when the process has ended."""
        assert self.process is not None
        code = self.process.poll()
        assert code is None, f"it ended with {code}: {self._text()[-2000:]}"
        return True

    def _text(self) -> str:
        return self.log.read_bytes()[self._offset :].decode()

    def lines(self) -> list[dict[str, Any]]:
        """What the process has logged; fails when it has ended with an error."""
        assert self.process is not None
        text = self._text()
        assert self.process.poll() in (None, 0), text[-2000:]
        return [json.loads(line) for line in text.splitlines() if line.startswith("{")]

    def logged(self, event: str) -> list[dict[str, Any]]:
        """The log lines of one event."""
        return [line for line in self.lines() if line.get("event") == event]

    @property
    def url(self) -> str:
        """The operations listener."""
        return str(
            wait_for("the listener", lambda: self.logged("probes and metrics are served"), 30)[0]["url"]
        )

    def ready(self, seconds: float = 60) -> Daemon:
        """Wait until /readyz says so."""
        url = self.url
        wait_for("readiness", lambda: httpx.get(f"{url}/readyz").status_code == 200, seconds)
        return self

    def settled(self, seconds: float = 60) -> Daemon:
        """Wait until every type has been listed once."""

        def complete() -> bool:
            counts = [
                line["progress"].split("/")
                for line in self.logged("listed resource type")
                if "/" in line["progress"]
            ]
            return any(done == all_ for done, all_ in counts)

        wait_for("all lists", complete, seconds)
        return self

    def metric(self, name: str, seconds: float = 5) -> float:
        """The sum of a metric over its labels."""
        text = httpx.get(f"{self.url}/metrics", timeout=seconds).text
        rows = [line for line in text.splitlines() if line.startswith((f"{name} ", f"{name}{{"))]
        return sum(float(row.rpartition(" ")[2]) for row in rows)

    def signal(self, number: int) -> None:
        """Send a signal."""
        assert self.process is not None
        self.process.send_signal(number)

    def stop(self, seconds: float = 30) -> int:
        """SIGTERM, and the exit status."""
        assert self.process is not None
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def kill(self) -> None:
        """SIGKILL."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait(30)

    def __enter__(self) -> Daemon:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.kill()
