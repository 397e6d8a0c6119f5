"""The image as clusters run it: confined, by its own user and by any other, to every kind of remote."""

from __future__ import annotations

import base64
import json
import re
import shutil
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.certificates import Authority
from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.image import USERS, Container, derived, image, podman, run, service_account
from tests.e2e.remote import Remote, git
from tests.e2e.servers import ControlPlane
from tests.e2e.sops import AgeKey
from tests.integration.gitserver import SSHD, GitServer, basic, make_key, serving, serving_ssh
from tests.openpgp import Keyring, keyring, needed

PAGE = (ROOT / "docs/image.md").read_text()
LOOK = (
    "find / -xdev -type f -perm /6000; ls /run/secrets; find / -xdev -name pip.conf -o -xdev -name ca.pem;"
    "python3 -c 'import pip' || python3 -c 'import setuptools' || /opt/reverser/bin/python -c 'import pip'"
    " || cat /usr/share/sbom/reverser.cdx.json"
)


@pytest.mark.parametrize("user", USERS)
def test_version_and_demo(user: str) -> None:
    """Without any settings it says what it is, and plays the demo."""
    assert run(image(), user, "--version").startswith("reverser ")
    assert "[UPDATE] shop/configmaps/settings by alice" in run(image(), user, "demo", "--fast")


def test_what_is_in_it() -> None:
    """No file changes its user, no pip, nothing of the machine that built it; and the SBOM is whole."""
    found = run(image(), USERS[0], "-c", f"({LOOK}) 2>/dev/null", options=("--entrypoint", "sh"))

    assert found.startswith("{"), found[:500]
    pins = re.findall(r"^([a-z0-9._-]+)==(\S+)", (ROOT / "requirements/run.txt").read_text(), re.MULTILINE)
    assert [pin for pin in pins if f"pkg:pypi/{pin[0]}@{pin[1]}" not in found] == []
    assert "pkg:deb/debian/git@" in found
    variables = json.loads(podman("image", "inspect", "--format", "{{json .Config.Env}}", image()).stdout)
    names = {each.partition("=")[0] for each in variables}
    assert names == {"PATH", "HOME", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}


class World:
    """One daemon in a container and its three remotes, each by another protocol."""

    def __init__(
        self, plane: ControlPlane, folder: Path, user: str, namespace: str, stack: ExitStack
    ) -> None:
        self.plane, self.namespace = plane, namespace
        self.files = folder / "etc"
        self.files.mkdir(parents=True)
        self.signing, self.age = self.files / "signing", AgeKey(folder / "age.txt")
        self.keyring: Keyring = stack.enter_context(keyring())
        self.remotes = {"file": Remote(folder / "file.git")}
        destinations = [self._file(), self._https(folder, stack), self._ssh(folder, stack)]
        owner = tuple(map(int, user.split(":")))
        for path in (self.remotes["file"].path, *self.remotes["file"].path.rglob("*")):
            shutil.chown(path, *owner)
        options = (
            *service_account(plane, namespace, folder / "account"),
            *("-v", f"{self.remotes['file'].path}:/srv/live.git"),
            *("--env", "GIT_SSL_CAINFO=/etc/reverser/ca.crt"),
        )
        self.daemon = Container(
            self.files,
            with_plugin(folder / "derived"),
            user,
            options,
            clusters=[{"name": "default"}],
            destinations=destinations,
            rules=[
                {"name": each, "destination": each, "namespaces": [namespace]}
                for each in self.remotes | {"https": 0, "ssh": 0}
            ],
            plugins={"enabled": ["template"]},
        )
        stack.callback(self.daemon.kill)

    def _file(self) -> dict[str, Any]:
        return {"name": "file", "url": "file:///srv/live.git"}

    def _https(self, folder: Path, stack: ExitStack) -> dict[str, Any]:
        """Signed by an SSH key, with encrypted Secrets, and with a password."""
        authority = Authority(self.files)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*authority.server("git"))
        (folder / "https").mkdir()
        server = stack.enter_context(serving(folder / "https", context))
        server.login = basic("git", "s3cr3t")
        self.remotes["https"] = Remote(server.bare)
        (self.files / "password").write_text("s3cr3t\n")
        make_key(self.signing)
        return {
            "name": "https",
            "url": server.url,
            "credentials": {"username": "git", "password": {"file": "/etc/reverser/password"}},
            "signing": {"key": {"file": "/etc/reverser/signing"}},
            "secrets": "encrypt",
            "sops": {"age": [self.age.recipient]},
        }

    def _ssh(self, folder: Path, stack: ExitStack) -> dict[str, Any]:
        """Signed by OpenPGP, and with an SSH key to log in."""
        (folder / "ssh").mkdir()
        server = GitServer(folder / "ssh")
        ssh_server = stack.enter_context(serving_ssh(folder / "ssh" / "sshd", server))
        self.remotes["ssh"] = Remote(server.bare)
        shutil.copy(ssh_server.key, self.files / "id")
        shutil.copy(ssh_server.known_hosts, self.files / "known_hosts")
        (self.files / "openpgp").write_text(self.keyring.make("signer"))
        login = {
            "ssh_key": {"file": "/etc/reverser/id"},
            "known_hosts": {"file": "/etc/reverser/known_hosts"},
        }
        signing = {"key": {"file": "/etc/reverser/openpgp"}}
        return {"name": "ssh", "url": ssh_server.url, "credentials": login, "signing": signing}

    def create(
        self, kind: str, name: str, data: dict[str, str], labels: dict[str, str] | None = None
    ) -> None:
        metadata = {"name": name, "labels": labels or {}}
        self.plane.create(f"/api/v1/namespaces/{self.namespace}/{kind}", {"metadata": metadata, "data": data})

    def has(self, name: str) -> bool:
        """Whether a file of that name has reached every remote."""
        return self.daemon.alive() and all(
            any(path.endswith(f"/{name}.yaml") for path in remote.paths()) for remote in self.remotes.values()
        )


@pytest.fixture(scope="session")
def programs() -> None:
    """All that the world needs besides a control plane, which takes seconds to start, so it comes after."""
    image()
    needed()
    if not SSHD:
        pytest.skip("needs sshd (openssh-server)")


@pytest.fixture(scope="module", params=USERS)
def world(
    request: pytest.FixtureRequest,
    programs: None,
    plane: ControlPlane,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[World]:
    """Objects that were there, objects that came later, and all of it pushed."""
    namespace = f"image-{request.param.partition(':')[0]}"
    plane.create("/api/v1/namespaces", {"metadata": {"name": namespace}})
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        # The repository belongs to the container's user, and git reads no other user's without this.
        for name, value in (("COUNT", "1"), ("KEY_0", "safe.directory"), ("VALUE_0", "*")):
            patch.setenv(f"GIT_CONFIG_{name}", value)
        made = World(plane, tmp_path_factory.mktemp("image"), request.param, namespace, stack)
        made.create("secrets", "db", {"password": base64.b64encode(b"hunter2").decode()})
        made.create("configmaps", "scratch", {}, {"example.com/scratch": ""})
        made.create("configmaps", "earlier", {})
        assert made.daemon.checked()["ok"]
        made.daemon.start().ready()
        wait_for("the snapshots", lambda: made.has("earlier"), 60)
        made.create("configmaps", "scratch-too", {}, {"example.com/scratch": ""})
        made.create("configmaps", "settings", {"greeting": "hello"})
        wait_for("all remotes", lambda: made.has("settings"), 60)
        yield made
        assert made.daemon.stop() == 0


def with_plugin(folder: Path) -> str:
    """The image that docs/image.md derives, with what `pip install --target plugins` puts into the folder."""
    plugins = folder / "plugins"
    metadata = plugins / "reverser_template-0.1.0.dist-info"
    metadata.mkdir(parents=True)
    shutil.copy(ROOT / "plugins/reverser-template/reverser_template.py", plugins)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: reverser-template\nVersion: 0.1.0\n")
    (metadata / "entry_points.txt").write_text("[reverser]\ntemplate = reverser_template\n")
    (text,) = re.findall(r"```dockerfile\n(ARG REVERSER=.*?)```", PAGE, re.DOTALL)
    assert len(text.splitlines()) == 3
    return derived(folder, re.sub(r"(?<=^ARG REVERSER=).*", image(), text, count=1))


def test_it_pushes_to_every_kind_of_remote(world: World) -> None:
    """By file, https and ssh: what was there in one commit, and what came later in a commit of its own."""
    for remote in world.remotes.values():
        assert remote.subjects()[0].startswith("Snapshot of default: ")
        assert f"[CREATE] {world.namespace}/configmaps/settings" in " ".join(remote.subjects()[1:])


def test_it_signs(world: World) -> None:
    """What went by https is signed by SSH, what went by ssh is signed by OpenPGP, and both verify."""
    https = world.remotes["https"]
    allowed = world.files.parent / "allowed_signers"
    allowed.write_text(f'* namespaces="git" {world.signing.with_suffix(".pub").read_text()}')
    git("-C", https.path, "config", "gpg.ssh.allowedSignersFile", allowed)
    git("-C", https.path, "verify-commit", *https.commits())
    world.keyring.verify(world.remotes["ssh"])


def test_it_encrypts(world: World) -> None:
    """A Secret is in the one remote that asked for it, as a document that its key opens."""
    path = f"{world.namespace}/secrets/db.yaml"
    holders = [name for name, remote in world.remotes.items() if path in remote.paths()]
    assert holders == ["https"]
    clear = world.age.opened(world.remotes["https"].show(path))
    assert base64.b64encode(b"hunter2").decode() in clear


def test_its_plugin_is_called(world: World) -> None:
    """The plugin of the derived image leaves out what it is for."""
    for remote in world.remotes.values():
        assert not [path for path in remote.paths() if "scratch" in path]


def test_it_is_confined(world: World) -> None:
    """All of this by the user that was asked for, without capabilities and privileges, and under seccomp."""
    status = world.daemon.status()

    assert status["Uid"].split() == [world.daemon.user.partition(":")[0]] * 4
    assert {status[name] for name in ("CapEff", "CapPrm", "CapBnd", "CapInh", "CapAmb")} == {"0" * 16}
    assert (status["NoNewPrivs"], status["Seccomp"]) == ("1", "2")
    wrong = subprocess.run(
        ["podman", "exec", world.daemon.name, "touch", "/etc/x", "/opt/reverser/x"],
        check=False,
        capture_output=True,
    )
    assert wrong.stderr.count(b"Read-only file system") == 2
