"""An audit log of changes becomes a branch: events a second, and that a second run adds nothing.

Every event of the log is a change of content, the worst case: reads and status writes cost only
their parsing. The real command in a process of its own, from its start to its end.
"""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import tomli_w

from tests.bench.options import Options, say
from tests.bench.result import Row, at_least
from tests.bench.samples import place, sample
from tests.e2e.remote import Remote, git

GOAL = 1000
BRANCH = "audit-history"
USERS = ("alice@example.com", "bob@example.com", "system:serviceaccount:ci:deployer")
BEGIN = datetime(2026, 3, 1, 8, tzinfo=UTC)


def measure(options: Options) -> list[Row]:
    """The rate of a first run, and what a second one over the same log adds without the first's journal."""
    events, objects = (3000, 200) if options.quick else (100_000, 5000)
    log, remote = options.folder / "audit.log", Remote(options.folder / "remote.git")
    size = _write(log, events, objects)
    say(f"replay: {events:,} events, {size / 2**20:,.0f} MiB")
    first = _replay(options.folder / "first", log, remote)
    commits = int(git("-C", remote.path, "rev-list", "--count", BRANCH))
    assert commits == events, f"{commits} commits"
    again, anew = (
        _replay(options.folder / "first", log, remote),
        _replay(options.folder / "second", log, remote),
    )
    added = int(git("-C", remote.path, "rev-list", "--count", BRANCH)) - commits
    say(f"replay: {first:.1f} s, again {again:.1f} s, again with an empty data directory {anew:.1f} s")
    return [
        at_least(
            f"audit replay, {events:,} changes of {objects:,} objects",
            events / first,
            GOAL,
            "events a second",
        ),
        Row("commits added by replaying it twice more", str(added), "0", 1.0 if added == 0 else 0.0),
    ]


def _replay(folder: Path, log: Path, remote: Remote) -> float:
    """Seconds of one run with its own data directory."""
    folder.mkdir(exist_ok=True)
    tables = {
        "data_dir": str(folder / "data"),
        "clusters": [{"name": "default"}],
        "destinations": [{"name": "live", "url": remote.url}],
        "rules": [{"name": "everything", "destination": "live"}],
    }
    config = folder / "reverser.toml"
    config.write_bytes(tomli_w.dumps(tables).encode())
    began = time.perf_counter()
    command = [sys.executable, "-m", "reverser", "audit", "replay", "--config", str(config), str(log)]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def _write(log: Path, events: int, objects: int) -> int:
    """A log in which every object is created and then changed at random; its size."""
    with log.open("wb") as file:
        for number, line in enumerate(_lines(events, objects)):
            file.write(line + b"\n")
            if number % 20_000 == 0:
                say(f"replay: {number:,} events of the log written")
    return log.stat().st_size


def _lines(events: int, objects: int) -> Iterator[bytes]:
    choose, revisions = random.Random(4), dict.fromkeys(range(objects), 0)
    for number in range(events):
        chosen = number if number < objects else choose.randrange(objects)
        yield msgspec.json.encode(_event(number, chosen, revisions[chosen]))
        revisions[chosen] += 1


def _event(number: int, chosen: int, revision: int) -> dict[str, Any]:
    stream, namespace, name = place(chosen)
    obj = sample(chosen, revision)
    obj["metadata"]["resourceVersion"] = str(1000 + number)
    at = (BEGIN + timedelta(seconds=number / 7)).isoformat(timespec="microseconds").replace("+00:00", "Z")
    reference = {"resource": stream.type.resource, "namespace": namespace, "name": name}
    reference |= {"apiGroup": stream.type.group, "apiVersion": stream.type.version}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"9b1d0f4e-0000-4000-8000-{number:012}",
        "stage": "ResponseComplete",
        "requestURI": f"/apis/{stream.type.api_version}/namespaces/{namespace}/{stream.type.resource}/{name}",
        "verb": "update" if revision else "create",
        "user": {"username": USERS[number % len(USERS)], "groups": ["dev", "system:authenticated"]},
        "sourceIPs": ["10.0.0.7"],
        "userAgent": "kubectl/v1.34.4 (linux/amd64) kubernetes/abc",
        "objectRef": reference,
        "responseStatus": {"metadata": {}, "code": 200 if revision else 201},
        "requestObject": {key: value for key, value in obj.items() if key != "status"},
        "responseObject": obj,
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        "annotations": {"authorization.k8s.io/decision": "allow"},
    }
