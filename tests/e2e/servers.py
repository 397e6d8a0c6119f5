"""A real control plane: etcd, kube-apiserver and kube-controller-manager on loopback.

Usable without pytest: `with ControlPlane.start(folder) as plane: plane.kubectl("get", "ns")`. The
processes die with the one that started them, however it ends.
"""

from __future__ import annotations

import base64
import ctypes
import json
import os
import shutil
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
from cryptography.hazmat.primitives.asymmetric import rsa

from tests.e2e.certificates import Authority, private_pem
from tests.ports import free_ports

ASSETS = Path(os.environ.get("KUBEBUILDER_ASSETS") or Path(__file__).parents[1] / "servers" / "bin")
PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kubectl")
READY_SECONDS = 90
PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None)


def built() -> bool:
    """Whether all programs are there."""
    return all((ASSETS / name).is_file() for name in PROGRAMS)


class ControlPlane:
    """One API server with its etcd, and the controllers if asked for."""

    def __init__(
        self, folder: Path, *, controllers: bool, watch_cache: bool, flags: Sequence[str] = ()
    ) -> None:
        self.folder = folder
        self._flags = tuple(flags)
        self._controllers = controllers
        self._watch_cache = watch_cache
        self._running: dict[str, subprocess.Popen[bytes]] = {}
        self._ports = free_ports(4)
        self.url = f"https://127.0.0.1:{self._ports[2]}"
        self._authority = Authority(folder)
        self._http: httpx.Client | None = None

    @classmethod
    @contextmanager
    def start(
        cls,
        folder: Path,
        *,
        controllers: bool = True,
        watch_cache: bool = True,
        flags: Sequence[str] = (),
    ) -> Iterator[ControlPlane]:
        """A control plane that is ready, for as long as the context lasts; `flags` are the API server's."""
        folder.mkdir(parents=True, exist_ok=True)
        plane = cls(folder, controllers=controllers, watch_cache=watch_cache, flags=flags)
        try:
            plane._start_all()
            yield plane
        finally:
            plane.stop()

    def stop(self) -> None:
        """End everything, in reverse order."""
        for name in reversed(list(self._running)):
            self._end(name)
        if self._http is not None:
            self._http.close()

    def kubeconfig(self, user: str = "admin", groups: tuple[str, ...] = ()) -> Path:
        """A kubeconfig for a user with a client certificate; `admin` is in system:masters."""
        path = self.folder / f"{user.replace(':', '-')}.kubeconfig"
        if path.exists():
            return path
        if user == "admin":
            groups = ("system:masters",)
        certificate, key = self._authority.client(user, groups)
        cluster = {"server": self.url, "certificate-authority-data": _base64(self._authority.path)}
        login = {"client-certificate-data": _base64(certificate), "client-key-data": _base64(key)}
        document = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "test",
            "clusters": [{"name": "test", "cluster": cluster}],
            "users": [{"name": user, "user": login}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": user}}],
        }
        path.write_text(json.dumps(document))
        return path

    def kubectl(self, *arguments: str, input: str = "", user: str = "admin", check: bool = True) -> str:  # noqa: A002
        """Run kubectl as a user; its standard output."""
        command = [str(ASSETS / "kubectl"), "--kubeconfig", str(self.kubeconfig(user)), *arguments]
        done = subprocess.run(command, input=input, capture_output=True, text=True, check=False)
        assert done.returncode == 0 or not check, done.stderr
        return done.stdout

    @property
    def http(self) -> httpx.Client:
        """An HTTP client with the admin's certificate."""
        if self._http is None:
            self._http = self.client({})
        return self._http

    def client(self, headers: dict[str, str]) -> httpx.Client:
        """Another one, which sends these headers with every request."""
        self.kubeconfig("admin")
        context = ssl.create_default_context(cafile=str(self._authority.path))
        context.load_cert_chain(self.folder / "admin.crt", self.folder / "admin.key")
        return httpx.Client(base_url=self.url, verify=context, timeout=30, headers=headers)

    def wait_for_account(self, namespace: str) -> None:
        """Return when the controllers have made the namespace's service account: pods need it."""
        deadline = time.monotonic() + READY_SECONDS
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default"
        while not self.http.get(path).is_success:
            assert time.monotonic() < deadline, f"no service account in {namespace}"
            time.sleep(0.05)

    def get(self, path: str, accept: str = "application/json") -> Any:
        """A JSON document of the API."""
        response = self.http.get(path, headers={"Accept": accept})
        while response.status_code == 429:  # a restarted API server asks for patience
            time.sleep(0.2)
            response = self.http.get(path, headers={"Accept": accept})
        response.raise_for_status()
        return response.json()

    def create(self, path: str, document: dict[str, Any]) -> Any:
        """POST an object."""
        response = self.http.post(path, json=document)
        assert response.is_success, response.text
        return response.json()

    def restart_apiserver(self) -> None:
        """End the API server and start it again on the same address."""
        if self._controllers:
            self._end("kube-controller-manager")
        self._end("kube-apiserver")
        self._start_apiserver()
        self._wait_ready()
        if self._controllers:
            self._start_controllers()

    def copy_etcd(self, name: str = "etcd-copy") -> Path:
        """Copy what etcd holds now; etcd stops for the moment that this takes."""
        copy = self.folder / name
        self._end("etcd")
        shutil.copytree(self.folder / "etcd", copy)
        self._start_etcd()
        self._wait_ready()
        return copy

    def restore_etcd(self, copy: Path) -> None:
        """Put an older copy in etcd's place, as a restored backup is: everything stops and starts again."""
        for name in reversed(list(self._running)):
            self._end(name)
        shutil.rmtree(self.folder / "etcd")
        shutil.copytree(copy, self.folder / "etcd")
        self._start_all()

    def compact(self) -> None:
        """Compact etcd to its newest revision, which makes older positions unreadable."""
        etcd = f"http://127.0.0.1:{self._ports[0]}/v3/kv"
        answer = httpx.post(f"{etcd}/range", json={"key": "AA==", "limit": "1"}).json()
        wanted = {"revision": answer["header"]["revision"], "physical": True}
        done = httpx.post(f"{etcd}/compaction", json=wanted)
        assert done.is_success or "has been compacted" in done.text, done.text

    @property
    def pids(self) -> dict[str, int]:
        """The process id of each program that was started."""
        return {name: process.pid for name, process in self._running.items()}

    def resident_mib(self) -> dict[str, int]:
        """Resident memory of each process."""
        sizes = {}
        for name, pid in self.pids.items():
            pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
            sizes[name] = pages * os.sysconf("SC_PAGE_SIZE") // 2**20
        return sizes

    def _start_all(self) -> None:
        self._start_etcd()
        self._start_apiserver()
        self._wait_ready()
        if self._controllers:
            self._start_controllers()

    def _start_etcd(self) -> None:
        client, peer = (f"http://127.0.0.1:{port}" for port in self._ports[:2])
        self._spawn(
            "etcd",
            f"--data-dir={self.folder / 'etcd'}",
            f"--listen-client-urls={client}",
            f"--advertise-client-urls={client}",
            f"--listen-peer-urls={peer}",
            f"--initial-advertise-peer-urls={peer}",
            f"--initial-cluster=default={peer}",
            "--unsafe-no-fsync",
            "--log-level=warn",
        )

    def _start_apiserver(self) -> None:
        certificate, key = self._authority.server("apiserver")
        account = self.folder / "service-account.key"
        if not account.exists():
            account.write_bytes(private_pem(rsa.generate_private_key(65537, 2048)))  # type: ignore[arg-type]
        self._spawn(
            "kube-apiserver",
            f"--etcd-servers=http://127.0.0.1:{self._ports[0]}",
            f"--secure-port={self._ports[2]}",
            "--bind-address=127.0.0.1",
            "--advertise-address=127.0.0.1",
            f"--client-ca-file={self._authority.path}",
            f"--tls-cert-file={certificate}",
            f"--tls-private-key-file={key}",
            f"--service-account-key-file={account}",
            f"--service-account-signing-key-file={account}",
            "--service-account-issuer=https://kubernetes.default.svc",
            "--service-cluster-ip-range=10.0.0.0/16",
            "--authorization-mode=RBAC",
            "--allow-privileged=true",
            "--endpoint-reconciler-type=none",
            f"--watch-cache={str(self._watch_cache).lower()}",
            *self._flags,
        )

    def _start_controllers(self) -> None:
        kubeconfig = self.kubeconfig("system:kube-controller-manager")
        self._spawn(
            "kube-controller-manager",
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            f"--service-account-private-key-file={self.folder / 'service-account.key'}",
            f"--root-ca-file={self._authority.path}",
            "--use-service-account-credentials=true",
            "--leader-elect=false",
            "--kube-api-qps=500",
            "--kube-api-burst=1000",
            "--bind-address=127.0.0.1",
            f"--secure-port={self._ports[3]}",
        )

    def _spawn(self, name: str, *arguments: str) -> None:
        with (self.folder / f"{name}.log").open("ab") as log:
            self._running[name] = subprocess.Popen(
                [ASSETS / name, *arguments],
                stdout=log,
                stderr=log,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                preexec_fn=_die_with_parent,
            )

    def _end(self, name: str) -> None:
        process = self._running.pop(name)
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait(20)

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not self._ready():
            dead = [name for name, process in self._running.items() if process.poll() is not None]
            assert not dead, f"{dead} ended; see the logs in {self.folder}"
            assert time.monotonic() < deadline, f"no answer from {self.url}; see the logs in {self.folder}"
            time.sleep(0.1)

    def _ready(self) -> bool:
        try:
            return self.http.get("/readyz").status_code == 200
        except httpx.HTTPError:
            return False


def _die_with_parent() -> None:
    if sys.platform == "linux":
        _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _base64(path: Path) -> str:
    return base64.b64encode(path.read_bytes()).decode()
