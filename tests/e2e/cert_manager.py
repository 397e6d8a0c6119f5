"""cert-manager for one installation: its real CA injector, and certificates that the test issues.

The CRDs of Certificate and Issuer are stand-ins that take any spec: nothing else of cert-manager is needed.
`issue` does what its controller would do, and what the kubelet would do with the mounted Secret.
"""

from __future__ import annotations

import base64
import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography import x509

from reverser.certs.ca_state import CaState, renewed
from reverser.certs.secret_store import packed
from tests.e2e.servers import ASSETS, ControlPlane

INJECTOR = ASSETS / "cainjector"
GROUP = "cert-manager.io"
KINDS = {"certificates": "Certificate", "issuers": "Issuer"}


def install_definitions(plane: ControlPlane) -> None:
    """Serve Certificates and Issuers."""
    items = [_definition(plural, kind) for plural, kind in KINDS.items()]
    plane.kubectl("apply", "-f", "-", input=json.dumps({"apiVersion": "v1", "kind": "List", "items": items}))
    plane.kubectl(
        "wait", "--for=condition=Established", *(f"crd/{plural}.{GROUP}" for plural in KINDS), "--timeout=30s"
    )


def _definition(plural: str, kind: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": plural, "singular": kind.lower(), "kind": kind}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{GROUP}"},
        "spec": {"group": GROUP, "scope": "Namespaced", "names": names, "versions": [version]},
    }


@contextmanager
def injector(plane: ControlPlane, log: Path) -> Iterator[None]:
    """The CA injector, running for as long as the context lasts."""
    environ = {**os.environ, "KUBECONFIG": str(plane.kubeconfig())}
    with log.open("wb") as output:
        process = subprocess.Popen([INJECTOR], env=environ, stdout=output, stderr=output)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def issue(plane: ControlPlane, certificate: dict[str, Any], mounted: Path) -> bytes:
    """A new certificate by a new authority, in its Secret and in the folder; the authority."""
    names = [x509.DNSName(name) for name in certificate["spec"]["dnsNames"]]
    entries = packed(renewed(CaState(), names, datetime.now(UTC)))
    del entries["ca.key"]
    mounted.mkdir(exist_ok=True)
    for name, content in entries.items():
        (mounted / name).write_bytes(content)
    metadata = certificate["metadata"]
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "kubernetes.io/tls",
        "metadata": {
            "name": certificate["spec"]["secretName"],
            "namespace": metadata["namespace"],
            "annotations": {f"{GROUP}/certificate-name": metadata["name"]},
        },
        "data": {name: base64.b64encode(content).decode() for name, content in entries.items()},
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(secret))
    return entries["ca.crt"]
