"""Processor time of the daemon while nothing happens: 60 watched types of a real API server, one minute.

What is left are bookmarks, discovery, watches that end and are opened anew, and a probe now and then.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import httpx
import msgspec

from tests.bench.options import Options, say
from tests.bench.result import Row, at_most
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.load import CRD
from tests.e2e.remote import Remote
from tests.e2e.servers import ControlPlane

GOAL_PERCENT = 1
TYPES = 60
SETTLE_SECONDS = 20
"""After the last list, for the first commit and what is tidied up behind it."""
PROBE_SECONDS = 10
"""How often Kubernetes asks a pod by default."""


def measure(options: Options) -> list[Row]:
    """Per cent of one core, over a minute."""
    seconds = 15 if options.quick else 60
    with ControlPlane.start(options.folder / "plane", controllers=False) as plane:
        remote = Remote(options.folder / "remote.git")
        with Daemon(options.folder / "daemon", plane.kubeconfig(), remote.url) as daemon:
            daemon.ready()
            for number in range(TYPES - _watched(daemon)):
                plane.kubectl("apply", "-f", "-", input=json.dumps(_definition(number)))
            wait_for(f"{TYPES} types", lambda: _watched(daemon) == TYPES, 90)
            time.sleep(SETTLE_SECONDS)
            say(f"idle: {TYPES} types, {seconds} s")
            percent = _percent(daemon, seconds)
            daemon.stop()
    return [at_most(f"idle with {TYPES} watched types, of one core", percent, GOAL_PERCENT, "%", 2)]


def _percent(daemon: Daemon, seconds: int) -> float:
    assert daemon.process is not None
    url, pid = daemon.url, daemon.process.pid
    before, began = _used_seconds(pid), time.monotonic()
    while (left := began + seconds - time.monotonic()) > 0:
        assert httpx.get(f"{url}/readyz").status_code == 200
        time.sleep(min(PROBE_SECONDS, left))
    return 100 * (_used_seconds(pid) - before) / (time.monotonic() - began)


def _used_seconds(pid: int) -> float:
    """Of the process and of the children that it has waited for."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")


def _watched(daemon: Daemon) -> int:
    return int(daemon.logged("watching resource types")[-1]["types"])


def _definition(number: int) -> dict[str, object]:
    document = msgspec.json.decode(msgspec.json.encode(CRD))
    name = f"idle{number}s"
    document["metadata"]["name"] = f"{name}.example.com"
    document["spec"]["names"] = {"kind": f"Idle{number}", "plural": name, "singular": f"idle{number}"}
    return dict(document)
