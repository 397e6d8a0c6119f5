"""install.yaml on a real API server, and the process that its Deployment would start.

There is no kubelet, so the process runs here: with the token of the installation's ServiceAccount, the file
of its ConfigMap, and the environment of its container. What a pod has of its own, folders and addresses, is
changed in the file. The API server reaches the webhook as in a cluster, by the Service; the address behind it
is this machine's.
"""

from __future__ import annotations

import json
import socket
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import tomli_w

from tests.e2e.daemon import ROOT, Daemon, wait_for
from tests.e2e.servers import ASSETS, ControlPlane
from tests.ports import free_port

NAMESPACE = "gitops-reverser-system"
NAME = "gitops-reverser"
ACCOUNT = f"system:serviceaccount:{NAMESPACE}:{NAME}"
INSTALL = ROOT / "install.yaml"
INSTALL_CERT_MANAGER = ROOT / "install-cert-manager.yaml"
REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
WITH_ENDPOINTS = ("--enable-aggregator-routing=true",)
"""Flags of an API server that calls the addresses behind a Service: nothing routes a Service's own here."""
GIT_HOSTS = '\n[tenancy]\nallow_urls = ["127.0.0.1:*/*", "*:*/*"]\n'


def address() -> str:
    """An address of this machine that is not loopback; empty: there is none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return ""
        found = str(probe.getsockname()[0])
    return "" if found.startswith("127.") else found


def apply(plane: ControlPlane, file: Path = INSTALL, *flags: str) -> subprocess.CompletedProcess[str]:
    """`kubectl apply -f FILE`, as a person runs it."""
    command = [ASSETS / "kubectl", "--kubeconfig", plane.kubeconfig(), "apply", "-f", file, *flags]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def registration(plane: ControlPlane) -> dict[str, Any] | None:
    """The webhook's registration as the API server has it; None: there is none."""
    answer = plane.http.get(f"{REGISTRATIONS}/{NAME}")
    return None if answer.status_code == 404 else dict(answer.json())


def account_kubeconfig(plane: ControlPlane, folder: Path) -> Path:
    """A kubeconfig with a token of the installation's ServiceAccount, and nothing else."""
    token = plane.kubectl("create", "token", NAME, "-n", NAMESPACE, "--duration=1h").strip()
    document = json.loads(plane.kubeconfig().read_text())
    document["users"] = [{"name": "admin", "user": {"token": token}}]
    path = folder / "account.kubeconfig"
    path.write_text(json.dumps(document))
    return path


def allow_local_git_hosts(plane: ControlPlane) -> None:
    """Let GitRepoConfigs name the Git hosts of tests, by a line more in the ConfigMap."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}-config"
    text = plane.get(path)["data"]["reverser.toml"]
    if GIT_HOSTS not in text:
        patch = json.dumps({"data": {"reverser.toml": text + GIT_HOSTS}})
        plane.kubectl("-n", NAMESPACE, "patch", "configmap", f"{NAME}-config", "-p", patch)


def shipped_tables(plane: ControlPlane) -> dict[str, Any]:
    """The tables of the installation's ConfigMap."""
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{NAME}-config"
    return tomllib.loads(plane.get(path)["data"]["reverser.toml"])


def pods(plane: ControlPlane) -> list[dict[str, Any]]:
    """The pods of the Deployment; nothing runs in them."""
    selector = f"app.kubernetes.io/name={NAME}"
    path = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector={selector}"
    return sorted(plane.get(path)["items"], key=lambda pod: str(pod["metadata"]["name"]))


def daemon(plane: ControlPlane, folder: Path, pod: str = "") -> Daemon:
    """The process of a pod, by default the first one, not yet started."""
    pod = pod or wait_for("a pod", lambda: pods(plane))[0]["metadata"]["name"]
    folder.mkdir(parents=True, exist_ok=True)
    tables = shipped_tables(plane)
    tables["data_dir"] = str(folder / "data")
    tables["log"] = {"format": "json"}
    tables["operations"]["bind"] = "127.0.0.1:0"
    tables["webhook"]["bind"] = f"{address() or '127.0.0.1'}:{free_port()}"
    tables["clusters"] = [{"name": "default", "kubeconfig": str(account_kubeconfig(plane, folder))}]
    replica = Daemon(folder, plane.kubeconfig(), "")
    replica.tables = tables
    replica.config.write_bytes(tomli_w.dumps(tables).encode())
    replica.environ = {"POD_NAME": pod, "POD_NAMESPACE": NAMESPACE}
    return replica


def lead_webhook_to(plane: ControlPlane, replica: Daemon) -> None:
    """Put the process behind the Service of the webhook, as the controllers do with the leader's pod."""
    host, _, port = replica.tables["webhook"]["bind"].rpartition(":")
    document = {
        "apiVersion": "discovery.k8s.io/v1",
        "kind": "EndpointSlice",
        "metadata": {
            "name": f"{NAME}-test",
            "namespace": NAMESPACE,
            "labels": {"kubernetes.io/service-name": f"{NAME}-webhook"},
        },
        "addressType": "IPv4",
        "ports": [{"name": "webhook", "port": int(port), "protocol": "TCP"}],
        "endpoints": [{"addresses": [host], "conditions": {"ready": True}}],
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(document))
