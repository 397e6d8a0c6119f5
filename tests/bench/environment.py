"""Where it was measured: what a reader needs to compare, and nothing that names the machine."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import version
from pathlib import Path

from tests.e2e.servers import ASSETS, built

STEPS = 1_000_000
LIBRARIES = ("trio", "httpx", "msgspec", "kr8s")


def environment() -> list[tuple[str, str]]:
    """(what, value) pairs."""
    rows = [
        ("processor", f"{_processor()}, {os.cpu_count()} cores shared with everything else measured"),
        ("its speed then", f"{_speed()} million steps a second of a plain Python loop"),
        ("memory", f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30:.1f} GiB"),
        ("kernel", f"{platform.system()} {platform.release().partition('-')[0]}"),
        ("Python", f"{platform.python_implementation()} {platform.python_version()}"),
        ("git", _output("git", "--version").removeprefix("git version ")),
        ("libraries", ", ".join(f"{name} {version(name)}" for name in LIBRARIES)),
    ]
    if built():
        rows.append(("API server", _output(str(ASSETS / "kube-apiserver"), "--version")))
        rows.append(("etcd", _output(str(ASSETS / "etcd"), "--version").splitlines()[0].partition(": ")[2]))
    return rows


def _output(*command: str) -> str:
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def _speed() -> str:
    """The slowest and the fastest of ten: shared machines differ from hour to hour, and figures with them."""
    speeds = sorted(STEPS / _loop() / 1e6 for _ in range(10))
    return f"{speeds[0]:.1f} to {speeds[-1]:.1f}"


def _loop() -> float:
    began, total = time.process_time(), 0
    for number in range(STEPS):
        total += number * number
    return time.process_time() - began


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(": ")[2]
    return platform.machine()
