"""The image in containers that are confined as the manifests confine the pod; `make test-image` builds it.

The root is read-only, there are no capabilities and no new privileges, seccomp is the runtime's default,
memory is 256 MiB, processes are 128, and /tmp is a tmpfs from which nothing can be executed. The network is
the machine's, since the API server and the remotes of the tests are on its loopback. podman adds no entry to
/etc/passwd, as containerd adds none.
"""

from __future__ import annotations

import itertools
import json
import os
import shutil
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.daemon import ROOT, Daemon
from tests.e2e.servers import ControlPlane

USERS = ("65532:65532", "1000660000:0")
"""The image's own, and one as OpenShift chooses it: any number, with group 0."""
ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
DATA_DIR = "/var/lib/reverser"
BUILD = ROOT / "tests/servers/image/build"
CONFINED = (
    *("--network", "host", "--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges"),
    *("--memory", "256m", "--pids-limit", "128", "--tmpfs", "/tmp:rw,noexec,nosuid,nodev,mode=1777"),
    *("--ulimit", "nofile=1024:4096", "--ulimit", "nproc=4096:4096", "--passwd=false"),
)
_numbers = itertools.count(1)


def podman(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run podman."""
    command = ["podman", "--cgroup-manager", "cgroupfs", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@cache
def image() -> str:
    """The name of the image; skips without it, and fails where nothing may skip."""
    if reason := _missing():
        if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
            pytest.fail(reason)
        pytest.skip(reason)
    return _name()


def derived(folder: Path, containerfile: str) -> str:
    """Build an image from the text of a Containerfile and the files of a folder; its id."""
    (folder / "Containerfile").write_text(containerfile)
    built = podman("build", "--quiet", "--isolation", "chroot", folder)
    assert built.returncode == 0, built.stderr
    return built.stdout.strip()


def run(name: str, user: str, *command: str, options: tuple[str, ...] = ()) -> str:
    """What a command of the image prints; it must succeed."""
    done = podman("run", "--runtime", "runc", "--rm", *CONFINED, "--user", user, *options, name, *command)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


class Container(Daemon):
    """`reverser run` in a container: the folder is /etc/reverser there, and its data is in a volume."""

    def __init__(self, folder: Path, name: str, user: str, options: tuple[str, ...], **tables: Any) -> None:
        super().__init__(folder, folder / "none", "", data_dir=DATA_DIR, **tables)
        self.name = f"reverser-test-{os.getpid()}-{next(_numbers)}"
        self.image, self.user = name, user
        data = folder.parent / "data"
        data.mkdir()
        self._mounts = ("-v", f"{folder}:/etc/reverser:ro", "-v", f"{data}:{DATA_DIR}", *options)
        for path in (data, *folder.rglob("*")):
            os.chown(path, *map(int, user.split(":")))

    def command(self) -> list[str]:
        words = ("podman", "--cgroup-manager", "cgroupfs", "run", "--runtime", "runc", "--rm")
        return [*words, "--name", self.name, *CONFINED, "--user", self.user, *self._mounts, self.image]

    def checked(self) -> dict[str, Any]:
        """What `reverser check` says in another container of this kind."""
        words = ("check", "--config", "/etc/reverser/reverser.toml", "--output", "json")
        answer: dict[str, Any] = json.loads(run(self.image, self.user, *words, options=self._mounts))
        return answer

    def status(self) -> dict[str, str]:
        """What the kernel says of the container's first process."""
        found = podman("inspect", "--format", "{{.State.Pid}}", self.name).stdout.strip()
        lines = Path(f"/proc/{found}/status").read_text().splitlines()
        return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}

    def kill(self) -> None:
        podman("rm", "--force", "--time", "0", self.name)
        super().kill()


def service_account(plane: ControlPlane, namespace: str, folder: Path) -> tuple[str, ...]:
    """A ServiceAccount that may read everything, as a pod has it: the options for podman."""
    plane.kubectl("-n", namespace, "create", "serviceaccount", "reverser")
    account = f"{namespace}:reverser"
    plane.kubectl("create", "clusterrole", namespace, "--verb=get,list,watch", "--resource=*.*")
    plane.kubectl(
        "create", "clusterrolebinding", namespace, f"--clusterrole={namespace}", f"--serviceaccount={account}"
    )
    folder.mkdir()
    (folder / "token").write_text(plane.kubectl("-n", namespace, "create", "token", "reverser").strip())
    (folder / "namespace").write_text(namespace)
    shutil.copy(plane.folder / "ca.crt", folder)
    _, _, address = plane.url.partition("//")
    host, _, port = address.partition(":")
    variables = (f"KUBERNETES_SERVICE_HOST={host}", f"KUBERNETES_SERVICE_PORT={port}")
    return ("-v", f"{folder}:{ACCOUNT}:ro", *(word for each in variables for word in ("--env", each)))


def _missing() -> str:
    if sys.platform != "linux" or os.geteuid() != 0:
        return "make test-image needs root on Linux, and its tests give files to the image's users"
    if not (shutil.which("podman") and shutil.which("runc")):
        return "make test-image needs podman and runc"
    if podman("image", "exists", _name()).returncode:
        return "image not built: run make test-image"
    return ""


@cache
def _name() -> str:
    return subprocess.run([BUILD, "--name"], check=True, capture_output=True, text=True).stdout.strip()
