"""Helm with our chart: `make test-helm` builds the program."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.servers import ASSETS, built
from tests.tools.chart import CHART

HELM = ASSETS / "helm"
RELEASE = "gitops-reverser"
NAMESPACE = "gitops-reverser-system"
MISSING = "helm not built: run make test-helm"

Object = dict[str, Any]


def require_helm(*, with_servers: bool = False) -> None:
    """Skip for want of helm, or of a real API server; fail where they are required."""
    reason = "" if HELM.is_file() else MISSING
    if with_servers and not built():
        reason = "real API server not built: run make test-servers"
    if reason and os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
        pytest.fail(reason)
    if reason:
        pytest.skip(reason)


def helm(
    *arguments: str | Path, values: Object | None = None, home: Path
) -> subprocess.CompletedProcess[str]:
    """Run helm with values from standard input; `home` takes its caches, and may hold a kubeconfig."""
    environ = {"PATH": os.environ["PATH"], "HOME": str(home), "KUBECONFIG": str(home / "kubeconfig")}
    given = [] if values is None else ["--values", "-"]
    return subprocess.run(
        [HELM, *arguments, *given],
        input=yaml.safe_dump(values or {}),
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )


def rendered(
    home: Path, values: Object | None = None, *arguments: str, namespace: str = NAMESPACE
) -> list[Object]:
    """The objects that the chart makes of values."""
    command = ("template", RELEASE, CHART, "--namespace", namespace, *arguments)
    done = helm(*command, values=values or {}, home=home)
    assert done.returncode == 0, done.stderr
    return [each for each in yaml.safe_load_all(done.stdout) if each]


def only(objects: list[Object], kind: str, suffix: str = "") -> Object:
    """The object of a kind whose name is the release's with a suffix."""
    (one,) = [
        each for each in objects if (each["kind"], each["metadata"]["name"]) == (kind, f"{RELEASE}{suffix}")
    ]
    return one
