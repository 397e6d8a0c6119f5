"""What docs/install.md names is there, and what it shows to copy is valid."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.tools.manifests import KUSTOMIZE, ROOT, built

PAGE = (ROOT / "docs/install.md").read_text()
UNIT = ROOT / "config/podman/gitops-reverser.container"
GENERATORS = ("/usr/libexec/podman/quadlet", "/usr/lib/podman/quadlet")
KEYS = {
    "Unit": {"Description", "Wants", "After"},
    "Container": {
        *("Image", "ContainerName", "Exec", "Volume", "Tmpfs", "ReadOnly", "User", "Group"),
        *("DropCapability", "NoNewPrivileges", "PublishPort"),
    },
    "Service": {"Restart", "RestartSec", "TimeoutStopSec"},
    "Install": {"WantedBy"},
}
"""Those of podman-systemd.unit(5) in Podman 4.6, and of systemd.unit(5), that the unit uses."""


def block(language: str, begins: str) -> str:
    """The block of the page that begins so."""
    found = re.search(rf"```{language}\n({re.escape(begins)}.*?)```", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def unit() -> dict[str, dict[str, list[str]]]:
    """Section -> key -> its values: a key may come again."""
    read: dict[str, dict[str, list[str]]] = {}
    for line in UNIT.read_text().splitlines():
        if line.startswith("["):
            section = read.setdefault(line.strip("[]"), {})
        elif line and not line.startswith("#"):
            key, _, value = line.partition("=")
            section.setdefault(key, []).append(value)
    return read


def test_the_page_shows_the_unit() -> None:
    """What the page prints is the file."""
    assert block("ini", "# For /etc/containers/systemd") == UNIT.read_text()


def test_the_unit_has_known_keys() -> None:
    """It is an ini file, and quadlet 4.6 knows every key."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.read(UNIT)

    assert set(parser.sections()) == KEYS.keys()
    assert {section: keys.keys() - KEYS[section] for section, keys in unit().items()} == {
        section: set() for section in KEYS
    }


def test_the_unit_fits_the_manifests() -> None:
    """It runs the image of the Deployment as strictly, with the same command and time to stop."""
    manifests = list(yaml.safe_load_all((ROOT / "install.yaml").read_text()))
    (deployment,) = [each for each in manifests if each["kind"] == "Deployment"]
    pod = deployment["spec"]["template"]["spec"]
    container, read = pod["containers"][0], unit()["Container"]

    assert read["Image"] == [container["image"]]
    assert read["Exec"] == [" ".join(container["args"])]
    assert read["ReadOnly"] == read["NoNewPrivileges"] == ["true"]
    assert read["DropCapability"] == ["all"]
    assert read["User"] == [str(pod["securityContext"]["runAsUser"])]
    assert unit()["Service"]["TimeoutStopSec"] == [str(pod["terminationGracePeriodSeconds"])]
    mounted = {volume.split(":")[1] for volume in read["Volume"]} | set(read["Tmpfs"])
    assert mounted == {mount["mountPath"] for mount in container["volumeMounts"]}


def test_quadlet_takes_the_unit(tmp_path: Path) -> None:
    """Where Podman's generator is installed it makes a service of the unit, without a complaint."""
    generator = os.environ.get("REVERSER_QUADLET") or next(filter(shutil.which, GENERATORS), "")
    if not generator:
        pytest.skip("no quadlet (Podman 4.6) on this machine")
    shutil.copy(UNIT, tmp_path)

    done = subprocess.run(
        [generator, "-dryrun"],
        env={"QUADLET_UNIT_DIRS": str(tmp_path), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    assert "podman run" in done.stdout
    assert "--read-only" in done.stdout


@pytest.fixture
def kustomize() -> None:
    """Skip where it is not built, or fail where it must be."""
    if not KUSTOMIZE.is_file():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail("no kustomize: run make test-kustomize")
        pytest.skip("no kustomize: run make test-kustomize")


@pytest.mark.usefixtures("kustomize")
def test_the_kustomization_builds(tmp_path: Path) -> None:
    """The example, beside a copy of this repository, is the installation with its components."""
    shutil.copytree(ROOT / "config", tmp_path / "reverser/config")
    (tmp_path / "kustomization.yaml").write_text(block("yaml", "# kustomization.yaml"))
    settings = (ROOT / "config/manager/reverser.toml").read_text().replace("seconds = 20", "seconds = 25")
    (tmp_path / "reverser.toml").write_text(settings)

    documents = list(yaml.safe_load_all(built(tmp_path)))

    kinds = {document["kind"] for document in documents}
    assert {"Deployment", "NetworkPolicy", "ValidatingWebhookConfiguration"} <= kinds
    data = [each["data"] for each in documents if each["kind"] == "ConfigMap"]
    assert data == [{"reverser.toml": settings}]
    images = [
        document["spec"]["template"]["spec"]["containers"][0]["image"]
        for document in documents
        if document["kind"] == "Deployment"
    ]
    assert [image.partition(":")[0] for image in images] == ["registry.example.com/gitops-reverser"]


@pytest.mark.usefixtures("kustomize")
@pytest.mark.parametrize("folder", ["prometheus", "grafana"])
def test_what_is_added_later_builds(folder: str) -> None:
    """`kubectl apply -k` of metrics and dashboard goes to the installation's namespace."""
    documents = list(yaml.safe_load_all(built(f"config/{folder}")))

    assert documents
    assert {each["metadata"]["namespace"] for each in documents} == {"gitops-reverser-system"}


def test_folders_are_of_the_kind_that_the_page_says() -> None:
    """Each folder of the table is there, as a base or as a component."""
    rows = re.findall(r"^\| `(config/[\w-]+)` \| (\w+) \|", PAGE, re.MULTILINE)
    kinds = {"Kustomization": "base", "Component": "component"}
    found = {
        folder: kinds[yaml.safe_load((ROOT / folder / "kustomization.yaml").read_text())["kind"]]
        for folder, _ in rows
    }

    assert len(rows) >= 10
    assert found == dict(rows)
