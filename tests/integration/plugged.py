"""A host with one plugin, made from a few lines of code."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverser.app.plugin_setup import built_in_hooks, hosted
from reverser.config import parse
from reverser.errors import ConfigError
from reverser.plugins.deciding_hooks import DecidingHooks
from reverser.plugins.host import Host
from reverser.testing import TYPES, key_of, make

BASE = """
[[destinations]]
name = "live"
url = "file:///srv/live.git"
[[rules]]
name = "all"
destination = "live"
"""
OBJECT = make("ConfigMap", data={"k": "v"})
ABOUT = (key_of(OBJECT), TYPES["ConfigMap"])


class Counted:
    """Counters as the metrics have them."""

    def __init__(self) -> None:
        self.failures: list[tuple[str, str]] = []

    def count(self, name: str, amount: float = 1, **labels: str) -> None:
        if name == "hook_failures":
            self.failures.append((labels["hook"], labels["reason"]))


def host_of(folder: Path, code: str, more: str = "") -> Host:
    """A host with one plugin, `mine`, read from a file."""
    file = folder / "mine.py"
    file.write_text(f"from reverser import MASK, hookimpl\nimport msgspec, sys, time, trio\n{code}")
    config = parse(f'{BASE}\n[plugins]\nenabled = ["mine"]\npaths = ["{file}"]\n{more}', {})
    return hosted(config, {})


def deciding(host: Host) -> DecidingHooks:
    return host.deciding(built_in_hooks(parse(BASE, {})))


def problems(folder: Path, code: str, more: str = "") -> list[str]:
    """What is wrong with such a configuration."""
    with pytest.raises(ConfigError) as caught:
        host_of(folder, code, more)
    return [str(problem) for problem in caught.value.problems]
