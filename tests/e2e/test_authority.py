"""An authority in a Secret of a real API server: it outlives the data directory."""

from __future__ import annotations

import base64
import re
import shutil
import socket
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import trio
import yaml

from reverser.certs.ca import subject_names
from reverser.certs.ca_state import CaState
from reverser.certs.secret_store import CertSecret, reconcile
from reverser.config import Cluster
from reverser.errors import StalledError
from reverser.kube.secrets import SecretName
from reverser.webhook.install import COLLECTION
from reverser.webhook.registration import NAME
from tests.cli import reverser
from tests.e2e.daemon import ROOT, Daemon, wait_for
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting
from tests.ports import free_port

CALLS = "gitopsreverser_admission_reviews_total"


@pytest.fixture
def address() -> str:
    """Where the listener is."""
    return f"127.0.0.1:{free_port()}"


@pytest.fixture
def kept(setting: Setting, address: str) -> Iterator[Setting]:
    """A running daemon whose authority is in a Secret, registered from a machine with a folder of its own."""
    webhook = {"bind": address, "tls": {"secret": f"{setting.namespace}/webhook"}}
    setting.daemon.write(webhook=webhook)
    setting.daemon.start().ready()
    laptop = Daemon(setting.folder / "laptop", setting.plane.kubeconfig(), setting.remote.url)
    laptop.write(webhook=webhook, rules=setting.daemon.tables["rules"])
    where = ("--config", laptop.config)
    admin = setting.plane.kubeconfig()
    done = reverser("webhook", "install", "--url", f"https://{address}", *where, kubeconfig=admin)
    assert done.returncode == 0, done.stderr
    assert not (laptop.folder / "data").exists()
    yield setting
    reverser("webhook", "uninstall", *where, kubeconfig=admin)


def entries(setting: Setting) -> dict[str, bytes]:
    """What the Secret holds."""
    found = setting.plane.get(f"/api/v1/namespaces/{setting.namespace}/secrets/webhook")
    assert found["type"] == "kubernetes.io/tls"
    return {key: base64.b64decode(value) for key, value in found["data"].items()}


def bundle(setting: Setting) -> bytes:
    """Whom the API server trusts."""
    found = setting.plane.get(f"{COLLECTION}/{NAME}")
    return base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"])


def shown(address: str, trusted: bytes) -> str:
    """The certificate that a client with this bundle is shown, and accepts."""
    context = ssl.create_default_context(cadata=trusted.decode())
    host, _, port = address.partition(":")
    with (
        socket.create_connection((host, int(port)), timeout=10) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        return ssl.DER_cert_to_PEM_cert(secure.getpeercert(binary_form=True) or b"")


def called(setting: Setting) -> None:
    """Write until the API server has called, which it does only over a connection that it trusts."""

    def once() -> bool:
        setting.daemon_idle()
        return setting.daemon.metric(CALLS) > 0

    wait_for("the first call", once)


def test_the_authority_outlives_the_data_directory(kept: Setting, address: str) -> None:
    """Another daemon without the files serves the same, and the registration still fits."""
    called(kept)
    before = entries(kept)
    assert set(before) == {"ca.crt", "ca.key", "tls.crt", "tls.key"}
    assert bundle(kept) == before["ca.crt"]
    assert shown(address, bundle(kept)) == before["tls.crt"].decode()
    kept.daemon.stop()
    shutil.rmtree(kept.daemon.folder / "data")

    kept.adopt()
    kept.daemon.start().ready()

    assert shown(address, bundle(kept)) == before["tls.crt"].decode()
    assert entries(kept) == before
    called(kept)
    log = kept.daemon.log.read_text()
    assert "PRIVATE" not in log
    for key in ("ca.key", "tls.key"):
        assert before[key].splitlines()[1].decode() not in log


def test_the_role_of_the_documentation_is_enough(plane: ControlPlane, namespace: str) -> None:
    """Without it a start says what is missing; with it the Secret is made, read and renewed."""
    cluster = Cluster(kubeconfig=str(plane.kubeconfig("keeper")))
    where = CertSecret(cluster, SecretName(namespace, "webhook"))
    names = subject_names([])
    now = datetime.now(UTC)
    with pytest.raises(StalledError, match=r"secrets \"webhook\" is forbidden") as refused:
        trio.run(reconcile, where, CaState(), names, now)
    assert f"namespace {namespace} must exist" in refused.value.hint

    plane.kubectl("apply", "-n", namespace, "-f", "-", input=documented_role(namespace))
    plane.kubectl(
        *("-n", namespace, "create", "rolebinding", "keeper", "--role=reverser-webhook", "--user=keeper")
    )

    def made() -> CaState | None:
        try:
            return trio.run(reconcile, where, CaState(), names, now)
        except StalledError:  # RBAC takes a moment to know the binding
            return None

    first = wait_for("the permission", made)
    assert trio.run(reconcile, where, CaState(), names, now) == first
    renewed = trio.run(reconcile, where, CaState(), names, now + timedelta(days=9 * 365))
    assert renewed.bundle.endswith(first.bundle)


def test_an_empty_secret_made_beforehand_is_filled(plane: ControlPlane, namespace: str) -> None:
    """As the documentation has it for those who do not give the permission to create Secrets."""
    plane.kubectl("-n", namespace, "create", "secret", "generic", "webhook")
    where = CertSecret(Cluster(kubeconfig=str(plane.kubeconfig())), SecretName(namespace, "webhook"))

    first = trio.run(reconcile, where, CaState(), subject_names([]), datetime.now(UTC))

    assert trio.run(reconcile, where, CaState(), subject_names([]), datetime.now(UTC)) == first


def documented_role(namespace: str) -> str:
    """The Role of docs/attribution.md, for another namespace."""
    text = Path(ROOT / "docs/attribution.md").read_text(encoding="utf-8")
    [block] = [each for each in re.findall(r"```yaml\n(.*?)```", text, re.DOTALL) if "kind: Role" in each]
    role = yaml.safe_load(block)
    role["metadata"]["namespace"] = namespace
    return str(yaml.safe_dump(role))
