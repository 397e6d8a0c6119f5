"""A control plane that sends its audit events to a daemon.

With the files and flags that `reverser audit` prints; only its batches are sent a little sooner.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.cli import reverser
from tests.e2e.daemon import Daemon
from tests.e2e.servers import ControlPlane

LOG = "audit.log"
"""In the folder: the same events, for a replay."""
SOONER = "--audit-webhook-batch-max-wait=300ms"


@contextmanager
def audited(
    folder: Path, url: str, rules: list[dict[str, Any]], webhook: dict[str, Any] | None = None
) -> Iterator[ControlPlane]:
    """A control plane for a `Setting` in the same folder, whose webhooks will be at `url`."""
    daemon = Daemon(folder / "daemon", folder / "none", "file:///none", rules=rules, webhook=webhook or {})
    files = {
        "policy": _printed(daemon, "print-policy", "--offline"),
        "webhook": _printed(daemon, "print-webhook", "--url", url),
    }
    flags = [flag for name, text in files.items() for flag in _put(folder / f"{name}.yaml", text)]
    log = f"--audit-log-path={folder / LOG}"
    with ControlPlane.start(folder / "plane", flags=[*flags, SOONER, log]) as plane:
        yield plane


def _printed(daemon: Daemon, *arguments: str) -> str:
    done = reverser("audit", *arguments, "--config", daemon.config, kubeconfig=Path("none"))
    assert done.returncode == 0, done.stderr
    return done.stdout


def _put(path: Path, text: str) -> list[str]:
    """Write a printed file; the flags that its comments name."""
    path.write_text(text)
    return [flag.replace("THIS-FILE", str(path)) for flag in re.findall(r"^#   (--\S+)$", text, re.MULTILINE)]
