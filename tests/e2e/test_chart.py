"""The Helm chart on a real API server: values of all kinds, installing, upgrading, testing, uninstalling."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.seed_shapes import SEED_CRDS, shape
from tests.e2e.servers import ASSETS, ControlPlane
from tests.helm import CHART, NAMESPACE, RELEASE, Object, helm, require_helm
from tests.tools.crds import FOLDER, definition

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
SERVED = "configbutler.ai/v1alpha1"
RESTRICTED = {f"pod-security.kubernetes.io/{mode}": "restricted" for mode in ("enforce", "warn", "audit")}
FOREIGN = {
    "cert-manager.io/v1": ["Issuer", "ClusterIssuer", "Certificate"],
    "monitoring.coreos.com/v1": ["ServiceMonitor", "PrometheusRule"],
}


@pytest.fixture(scope="module")
def plane(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane of its own: charts install what a whole cluster has once."""
    require_helm(with_servers=True)
    with ControlPlane.start(tmp_path_factory.mktemp("chart")) as running:
        running.create("/api/v1/namespaces", {"metadata": {"name": NAMESPACE, "labels": RESTRICTED}})
        yield running


@pytest.fixture
def home(plane: ControlPlane, tmp_path: Path) -> Path:
    """Helm's home, with the admin's kubeconfig."""
    (tmp_path / "kubeconfig").write_text(plane.kubeconfig().read_text())
    return tmp_path


@pytest.fixture
def release(plane: ControlPlane, home: Path) -> Iterator[Path]:
    """The chart is installed with its default values; afterwards nothing of it is there."""
    # The CRDs may be somebody else's from an earlier test.
    run(home, "install", RELEASE, CHART, "--namespace", NAMESPACE, "--take-ownership")
    yield home
    helm("uninstall", RELEASE, "--namespace", NAMESPACE, home=home)
    remove_crds(plane)


def run(home: Path, *arguments: str | Path, values: Object | None = None) -> str:
    """Run helm, which succeeds; its output."""
    done = helm(*arguments, values=values, home=home)
    assert done.returncode == 0, done.stderr
    return done.stdout


def remove_crds(plane: ControlPlane) -> None:
    """Delete our CRDs and wait until they have ended."""
    plane.kubectl("delete", "-k", str(FOLDER), "--ignore-not-found", "--timeout=60s")


def wait_established(plane: ControlPlane) -> None:
    """Wait until the API server serves what CRDs define."""
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def foreign(group_version: str, kind: str) -> Object:
    """A CRD of somebody else that takes everything."""
    group, _, version = group_version.partition("/")
    plural = f"{kind.lower()}s"
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    served = {"name": version, "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {
            "group": group,
            "scope": "Cluster" if kind.startswith("Cluster") else "Namespaced",
            "names": {"kind": kind, "plural": plural, "singular": kind.lower()},
            "versions": [served],
        },
    }


@pytest.fixture(scope="module")
def foreign_kinds(plane: ControlPlane) -> None:
    """Kinds of cert-manager and of the Prometheus operator, and our own."""
    documents = [foreign(group, kind) for group, kinds in FOREIGN.items() for kind in kinds]
    # A dry run of a pod looks up its service account.
    for name in (RELEASE, "mirror", "mine"):
        account = {"apiVersion": "v1", "kind": "ServiceAccount"}
        documents.append(account | {"metadata": {"name": name, "namespace": NAMESPACE}})
    plane.kubectl("apply", "-f", "-", input=yaml.safe_dump_all(documents))
    plane.kubectl("apply", "-k", str(FOLDER))
    wait_established(plane)


DESTINATION = {
    "destinations": [
        {
            "name": "live",
            "url": "https://git.example.com/a.git",
            "credentials": {"username": "a", "password": {"file": "/run/secrets/git/token"}},
        }
    ],
    "rules": [{"name": "all", "destination": "live", "resources": ["*"]}],
}
VALUES: dict[str, Object] = {
    "nothing said": {},
    "one replica": {"replicaCount": 1},
    "one replica with a volume": {"replicaCount": 1, "persistence": {"existingClaim": "journal"}},
    "no leader": {"replicaCount": 1, "controllerManager": {"leaderElection": False}},
    "cert-manager": {"certificates": {"certManager": {"enabled": True}}},
    "cert-manager with the platform's issuer": {
        "certificates": {
            "certManager": {
                "enabled": True,
                "issuer": {"create": False, "name": "platform", "kind": "ClusterIssuer"},
            }
        }
    },
    "no webhook": {"webhook": {"enabled": False}},
    "webhook with selectors": {
        "webhook": {
            "server": {"port": 10250},
            "validating": {
                "timeoutSeconds": 1,
                "namespaceSelector": {"matchLabels": {"audited": "yes"}},
                "objectSelector": {
                    "matchExpressions": [{"key": "configbutler.ai/ignore", "operator": "DoesNotExist"}]
                },
            },
        }
    },
    "everything may be read": {"rbac": {"readAll": True, "readView": False, "readSecrets": False}},
    "an account that exists": {
        "serviceAccount": {"create": False, "name": "mine"},
        "rbac": {"create": False, "userRoles": False},
    },
    "all of monitoring": {
        "monitoring": {
            "serviceMonitor": {"enabled": True, "namespace": "default", "labels": {"release": "prometheus"}},
            "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
        },
        "networkPolicy": {"enabled": True},
        "podDisruptionBudget": {"minAvailable": "50%"},
    },
    "a destination in the file": {
        "config": DESTINATION,
        "volumes": [{"name": "git", "secret": {"secretName": "git-token"}}],
        "volumeMounts": [{"name": "git", "mountPath": "/run/secrets/git", "readOnly": True}],
        "env": [{"name": "HTTPS_PROXY", "value": "http://proxy:3128"}],
    },
    "a whole file": {"configToml": (ROOT / "config/manager/reverser.toml").read_text()},
    "pods as the platform wants them": {
        "replicaCount": 3,
        "image": {"digest": f"sha256:{'0' * 64}", "pullPolicy": "Always"},
        "imagePullSecrets": [{"name": "registry"}],
        "podLabels": {"team": "a"},
        "podAnnotations": {"example.com/a": "b"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [],
        "priorityClassName": "system-cluster-critical",
        "topologySpreadConstraints": [
            {
                "maxSkew": 1,
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
            }
        ],
        "affinity": {"nodeAffinity": {}},
        "resources": {},
        "podSecurityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "terminationGracePeriodSeconds": 60,
        "fullnameOverride": "mirror",
        "global": {"commonLabels": {"cost": "12"}},
    },
    "examples and objects of one's own": {
        "examples": {"create": True},
        "extraObjects": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "known-hosts"}}],
    },
}


@pytest.mark.usefixtures("foreign_kinds")
@pytest.mark.parametrize("values", VALUES.values(), ids=VALUES)
def test_the_api_server_takes_what_the_chart_makes(plane: ControlPlane, home: Path, values: Object) -> None:
    """Every object passes a server-side dry run without a warning, under Pod Security restricted."""
    command = ("template", RELEASE, CHART, "--namespace", NAMESPACE, "--api-versions", SERVED)
    # The CRDs are the same each time, and take most of it.
    made = run(home, *command, values=values | ({"crds": {"enabled": False}} if values else {}))

    strict = ("--dry-run=server", "--validate=strict", "--warnings-as-errors")
    plane.kubectl("apply", *strict, "-f", "-", input=made)


def registrations(plane: ControlPlane) -> list[str]:
    """Names of the webhooks' registrations."""
    return [each["metadata"]["name"] for each in plane.get(REGISTRATIONS)["items"]]


def write_something(plane: ControlPlane, name: str) -> None:
    """A write that a registered webhook would be asked about; it is accepted."""
    plane.create("/api/v1/namespaces/default/configmaps", {"metadata": {"name": name}})


def test_uninstalling_keeps_crds_and_objects_and_takes_the_webhook_away(
    plane: ControlPlane, release: Path
) -> None:
    """After `helm uninstall` the objects are there, no webhook is called, and a new install works."""
    wait_established(plane)
    plane.kubectl("apply", "-f", "-", input=shape("gitrepoconfig", name="mine", namespace="default", url="x"))
    uid = plane.kubectl("get", "gitrepoconfig", "mine", "-o", "jsonpath={.metadata.uid}")
    assert registrations(plane) == [RELEASE]
    write_something(plane, "while-nobody-listens")

    said = run(release, "uninstall", RELEASE, "--namespace", NAMESPACE)

    assert registrations(plane) == []
    assert plane.kubectl("get", "gitrepoconfig", "mine", "-o", "jsonpath={.metadata.uid}") == uid
    assert "[CustomResourceDefinition] gitrepoconfigs.configbutler.ai" in said
    for kind in ("deployments", "services", "roles", "rolebindings", "configmaps", "poddisruptionbudgets"):
        left = plane.kubectl("get", kind, "-n", NAMESPACE, "-o", "name")
        assert RELEASE not in left
    assert RELEASE not in plane.kubectl("get", "clusterroles,clusterrolebindings", "-o", "name")
    write_something(plane, "after-uninstall")

    run(release, "install", RELEASE, CHART, "--namespace", NAMESPACE)
    assert plane.kubectl("get", "gitrepoconfig", "mine", "-o", "jsonpath={.metadata.uid}") == uid


def test_an_upgrade_leaves_alone_what_the_daemon_has_written(plane: ControlPlane, release: Path) -> None:
    """The authority in the registration stays over `helm upgrade`; replicas and file are the new ones."""
    bundle = base64.b64encode(_certificate(plane)).decode()
    patch = [{"op": "add", "path": "/webhooks/0/clientConfig/caBundle", "value": bundle}]
    name = ("validatingwebhookconfiguration", RELEASE)
    plane.kubectl("patch", *name, "--type=json", "-p", json.dumps(patch))

    values = {"replicaCount": 3, "webhook": {"validating": {"timeoutSeconds": 1}}, "config": DESTINATION}
    run(release, "upgrade", RELEASE, CHART, "--namespace", NAMESPACE, values=values)

    (webhook,) = plane.get(f"{REGISTRATIONS}/{RELEASE}")["webhooks"]
    assert (webhook["clientConfig"]["caBundle"], webhook["timeoutSeconds"]) == (bundle, 1)
    deployment = json.loads(plane.kubectl("get", "deployment", RELEASE, "-n", NAMESPACE, "-o", "json"))
    assert deployment["spec"]["replicas"] == 3
    assert "git.example.com" in plane.kubectl("get", "cm", f"{RELEASE}-config", "-n", NAMESPACE, "-o", "yaml")

    run(release, "upgrade", RELEASE, CHART, "--namespace", NAMESPACE, values={"webhook": {"enabled": False}})
    assert registrations(plane) == []

    run(release, "rollback", RELEASE, "1", "--namespace", NAMESPACE)
    assert registrations(plane) == [RELEASE]


def _certificate(plane: ControlPlane) -> bytes:
    document = json.loads(plane.kubeconfig().read_text())
    return base64.b64decode(document["clusters"][0]["cluster"]["certificate-authority-data"])


def test_crds_of_the_seed_are_taken_over(plane: ControlPlane, home: Path) -> None:
    """CRDs that another chart has left are upgraded in place with --take-ownership, and keep all objects."""
    remove_crds(plane)
    plane.kubectl("create", "-f", str(SEED_CRDS))
    wait_established(plane)
    plane.kubectl("apply", "-f", "-", input=shape("gitrepoconfig", name="old", namespace="default", url="x"))
    before = json.loads(plane.kubectl("get", "gitrepoconfig", "old", "-o", "json"))
    install = ("install", RELEASE, CHART, "--namespace", NAMESPACE)

    refused = helm(*install, home=home)
    run(home, *install, "--take-ownership")

    assert "invalid ownership metadata" in refused.stderr
    for kind in ("GitRepoConfig", "WatchRule", "ClusterWatchRule"):
        wanted = definition(kind)  # type: ignore[arg-type]
        stored = plane.get(f"{CRDS}/{wanted['metadata']['name']}")
        (ours,), (theirs,) = wanted["spec"]["versions"], stored["spec"]["versions"]
        assert theirs["schema"] == ours["schema"]
        assert theirs["additionalPrinterColumns"][0] == ours["additionalPrinterColumns"][0]
        assert stored["spec"]["names"]["shortNames"] == wanted["spec"]["names"]["shortNames"]
    after = json.loads(plane.kubectl("get", "gitrepoconfig", "old", "-o", "json"))
    assert (after["metadata"]["uid"], after["spec"]) == (before["metadata"]["uid"], before["spec"])
    run(home, "uninstall", RELEASE, "--namespace", NAMESPACE)
    remove_crds(plane)


def test_helm_test_runs_check_with_the_rights_of_the_daemon(plane: ControlPlane, release: Path) -> None:
    """`helm test` makes a pod whose command finds nothing to complain of, right after the installation."""
    plane.wait_for_account(NAMESPACE)
    environ = {"PATH": "/usr/bin:/bin", "HOME": str(release), "KUBECONFIG": str(release / "kubeconfig")}
    command = [ASSETS / "helm", "test", RELEASE, "--namespace", NAMESPACE, "--timeout", "120s"]
    with subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, text=True) as testing:
        pod = f"/api/v1/namespaces/{NAMESPACE}/pods/{RELEASE}-check"
        wait_for("the pod", lambda: plane.http.get(pod).is_success)
        (container,) = plane.get(pod)["spec"]["containers"]
        said = as_the_pod(plane, container["args"], release)
        phase = "Succeeded" if said.returncode == 0 else "Failed"
        patch = json.dumps({"status": {"phase": phase}})
        plane.kubectl(
            "patch",
            "pod",
            f"{RELEASE}-check",
            "-n",
            NAMESPACE,
            "--subresource=status",
            "--type=merge",
            "-p",
            patch,
        )
        shown = testing.communicate()[0]

    assert said.returncode == 0, said.stdout + said.stderr
    assert "Phase:          Succeeded" in shown


def as_the_pod(plane: ControlPlane, arguments: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    """Run what a kubelet would, with the token of the service account and the file of the ConfigMap."""
    token = plane.kubectl("create", "token", RELEASE, "-n", NAMESPACE).strip()
    login: Any = json.loads(plane.kubeconfig().read_text())
    login["users"] = [{"name": "admin", "user": {"token": token}}]
    (folder / "account.kubeconfig").write_text(json.dumps(login))
    path = f"/api/v1/namespaces/{NAMESPACE}/configmaps/{RELEASE}-config"
    text = plane.get(path)["data"]["reverser.toml"].replace("/var/lib/reverser", str(folder / "data"))
    clusters = f'\n[[clusters]]\nkubeconfig = "{folder / "account.kubeconfig"}"\n'
    (folder / "reverser.toml").write_text(text + clusters)
    given = [str(folder / "reverser.toml") if each.endswith(".toml") else each for each in arguments]
    environ = {"PATH": "/usr/bin:/bin", "POD_NAME": "check", "POD_NAMESPACE": NAMESPACE}
    return subprocess.run(
        [sys.executable, "-m", "reverser", *given],
        env=environ,
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
