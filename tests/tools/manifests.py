"""install.yaml and install-cert-manager.yaml, built from config/ by kustomize; `make manifests` writes them.

The registration of the webhook is generated first, by what `reverser webhook print` uses: it has the match
conditions of custom resources, which may select everything. A test compares the files with what this
module makes.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

from reverser.manifest.emitter import render
from reverser.model.rule import Rule
from reverser.webhook.address import by_service
from reverser.webhook.registration import registration
from tests.e2e.servers import ASSETS

ROOT = Path(__file__).parents[2]
KUSTOMIZE = ASSETS / "kustomize"
NAMESPACE = "gitops-reverser-system"
NAME = "gitops-reverser"
SERVICE = f"{NAMESPACE}/{NAME}-webhook"
SYSTEM = ("kube-system", "kube-public", "kube-node-lease")
REGISTRATION = ROOT / "config/webhook/registration.yaml"
BUILDS = {"install.yaml": "config/default", "install-cert-manager.yaml": "config/default-cert-manager"}


def shipped_registration() -> bytes:
    """config/webhook/registration.yaml; its bundle is filled in by the running daemon."""
    rule = Rule("custom-resources", "", exclude_namespaces=("kube-*",))
    document = registration([rule], by_service(SERVICE), b"", secrets=False, name=NAME, keep_bundle=True)
    # The match conditions say the same; tools that warn of webhooks for the control plane read the selector.
    own = {"key": "kubernetes.io/metadata.name", "operator": "NotIn", "values": [*SYSTEM, NAMESPACE]}
    document["webhooks"][0]["namespaceSelector"] = {"matchExpressions": [own]}
    return b"# Generated from reverser/webhook/registration.py by `make manifests`.\n" + render(document)


def built(folder: str | Path) -> bytes:
    """What kustomize makes of a folder."""
    command: list[Any] = [KUSTOMIZE, "build", ROOT / folder]
    done = subprocess.run(command, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


def files() -> dict[str, bytes]:
    """Name -> content of the two files."""
    return {
        name: f"# Built from {folder} by `make manifests`.\n".encode() + built(folder)
        for name, folder in BUILDS.items()
    }


if __name__ == "__main__":
    REGISTRATION.write_bytes(shipped_registration())
    if not KUSTOMIZE.is_file():
        sys.exit("kustomize is not built: run make test-kustomize")
    for name, content in files().items():
        (ROOT / name).write_bytes(content)
