"""Audit logs as an API server writes them, and the history that `reverser audit replay` makes of one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import tomli_w

from tests.e2e.remote import Remote, git

BRANCH = "audit-history"


def event(
    number: int, verb: str = "update", name: str = "a", user: str = "alice@example.com", **fields: Any
) -> dict[str, Any]:
    """A write of a ConfigMap whose content and version are the number; one a second."""
    metadata = {"name": name, "namespace": "shop", "uid": f"u-{name}", "resourceVersion": str(number)}
    code = {"create": 201}.get(verb, 200)
    at = f"2026-01-02T{number // 3600:02}:{number // 60 % 60:02}:{number % 60:02}.250000Z"
    stored = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"number": str(number)}}
    return {
        "kind": "Event",
        "apiVersion": "audit.k8s.io/v1",
        "level": "RequestResponse",
        "auditID": f"id-{number}",
        "stage": "ResponseComplete",
        "requestURI": "/api/v1/namespaces/shop/configmaps?fieldManager=kubectl",
        "verb": verb,
        "user": {"username": user, "groups": ["dev"]},
        "objectRef": {"resource": "configmaps", "namespace": "shop", "name": name, "apiVersion": "v1"},
        "responseStatus": {"code": code},
        "requestObject": None if verb == "delete" else stored,
        "responseObject": {"kind": "Status"} if verb == "delete" else stored,
        "requestReceivedTimestamp": at,
        "stageTimestamp": at,
        **fields,
    }


def lines(*events: dict[str, Any]) -> bytes:
    return b"".join(json.dumps(each).encode() + b"\n" for each in events)


class History:
    """A configuration, its logs, and the branch that they become."""

    def __init__(self, folder: Path, **tables: Any) -> None:
        self.folder = folder
        self.remote = Remote(folder / "remote.git")
        self.config = folder / "reverser.toml"
        self.write(**tables)

    def write(self, data: str = "data", **tables: Any) -> None:
        """The configuration file."""
        base: dict[str, Any] = {
            "data_dir": str(self.folder / data),
            "clusters": [{"name": "default", "kubeconfig": str(self.folder / "nowhere")}],
            "destinations": [{"name": "live", "url": self.remote.url}],
            "rules": [{"name": "everything", "destination": "live"}],
        }
        self.config.write_bytes(tomli_w.dumps({**base, **tables}).encode())

    def log(self, name: str, content: bytes) -> Path:
        path = self.folder / name
        path.write_bytes(content)
        return path

    def start(self, *arguments: str | Path, stdin: Path | None = None) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "reverser", "audit", "replay", "--config", str(self.config)]
        with (stdin or Path(os.devnull)).open("rb") as source:
            return subprocess.Popen(
                [*command, *map(str, arguments)],
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
                # Who runs the tests in the background ignores it, and children would, too.
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )

    def run(self, *arguments: str | Path, code: int = 0, stdin: Path | None = None) -> tuple[str, str]:
        """(what it says, what it complains about)."""
        process = self.start(*arguments, stdin=stdin)
        out, err = process.communicate(timeout=120)
        assert process.returncode == code, err
        return out, err

    def commits(self, form: str = "%s") -> list[str]:
        """Oldest first; none when there is no branch."""
        if not git("-C", self.remote.path, "branch", "--list", BRANCH).strip():
            return []
        return git("-C", self.remote.path, "log", "--reverse", f"--format={form}", BRANCH).splitlines()

    def files(self) -> dict[str, str]:
        """The branch's files, from a clone."""
        clone = self.folder / f"clone-{time.monotonic_ns()}"
        git("clone", "--quiet", "--branch", BRANCH, self.remote.path, clone)
        git("fsck", "--full", "--strict", cwd=clone)
        found = (path for path in clone.rglob("*") if path.is_file() and ".git" not in path.parts)
        return {str(path.relative_to(clone)): path.read_text() for path in found}
