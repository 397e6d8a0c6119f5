"""install.yaml and install-cert-manager.yaml are what config/ says. `make check` runs this."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverser import __version__
from tests.tools.manifests import BUILDS, KUSTOMIZE, REGISTRATION, ROOT, files, shipped_registration

OWN_KINDS = {"GitRepoConfig", "WatchRule", "ClusterWatchRule"}
BUILT_IN = {
    "CustomResourceDefinition",
    "Namespace",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ClusterRole",
    "ClusterRoleBinding",
    "ConfigMap",
    "Service",
    "Deployment",
    "PodDisruptionBudget",
    "ValidatingWebhookConfiguration",
}


def objects(name: str) -> list[dict[str, Any]]:
    """The objects of one of the two files."""
    return [*yaml.safe_load_all((ROOT / name).read_text())]


def test_the_files_are_what_config_says() -> None:
    """Nobody edits the two files by hand: they hold what `make manifests` writes."""
    if not KUSTOMIZE.is_file():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail("no kustomize: run make test-kustomize")
        pytest.skip("no kustomize: run make test-kustomize")
    for name, content in files().items():
        assert (ROOT / name).read_bytes() == content, f"{name}: run make manifests"


def test_the_registration_is_that_of_custom_resources() -> None:
    """The shipped registration is what the program itself would print, and never blocks a write."""
    assert REGISTRATION.read_bytes() == shipped_registration(), "run make manifests"
    (webhook,) = yaml.safe_load(shipped_registration())["webhooks"]
    assert webhook["failurePolicy"] == "Ignore"
    assert webhook["timeoutSeconds"] <= 2
    assert "caBundle" not in webhook["clientConfig"]


def test_one_apply_suffices() -> None:
    """Nothing in install.yaml waits for a CRD: no foreign kinds, and no objects of our own."""
    assert {each["kind"] for each in objects("install.yaml")} == BUILT_IN
    foreign = {each["kind"] for each in objects("install-cert-manager.yaml")} - BUILT_IN
    assert foreign == {"Certificate", "Issuer"}


@pytest.mark.parametrize("name", BUILDS)
def test_the_image_is_this_release(name: str) -> None:
    """The Deployment runs the version that the manifests came with."""
    (deployment,) = [each for each in objects(name) if each["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    assert container["image"] == f"ghcr.io/configbutler/gitops-reverser:{__version__}"


@pytest.mark.parametrize("name", BUILDS)
def test_the_configuration_is_one(name: str, tmp_path: Path) -> None:
    """The program takes the file that the ConfigMap holds."""
    (config,) = [each for each in objects(name) if each["kind"] == "ConfigMap"]
    text = config["data"]["reverser.toml"].replace("/var/lib/reverser", str(tmp_path / "data"))
    # Files of the certificate are mounted in the pod.
    text = text.replace("/etc/reverser-tls", str(tmp_path))
    for file in ("tls.crt", "tls.key"):
        (tmp_path / file).touch()
    (tmp_path / "reverser.toml").write_text(text)

    command = [sys.executable, "-m", "reverser", "check", "--offline", "--config"]
    done = subprocess.run(
        [*command, str(tmp_path / "reverser.toml")], capture_output=True, text=True, check=False
    )

    assert "all is well" in done.stdout, done.stderr


@pytest.mark.parametrize("name", BUILDS)
def test_client_side_apply_takes_every_object(name: str) -> None:
    """No object is too large for the annotation that `kubectl apply` keeps."""
    for each in objects(name):
        assert len(yaml.safe_dump(each)) < 262_144


def test_each_way_of_certificates_has_its_secret() -> None:
    """What cert-manager writes is no Secret of self-managed TLS, so that one file can replace the other."""
    documents = list(yaml.safe_load_all((ROOT / "install-cert-manager.yaml").read_text()))
    (written,) = [each["spec"]["secretName"] for each in documents if each["kind"] == "Certificate"]
    (deployment,) = [each for each in documents if each["kind"] == "Deployment"]
    volumes = deployment["spec"]["template"]["spec"]["volumes"]

    assert written in [each["secret"]["secretName"] for each in volumes if "secret" in each]
    assert written not in (ROOT / "install.yaml").read_text()
