"""`reverser webhook` and `reverser audit`: what they refuse, and what they write without a cluster."""

from __future__ import annotations

import base64
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import yaml
from cryptography import x509

from reverser.journal.data_directory import lock

PRINT = ("webhook", "print", "--offline")


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The console script, as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "reverser", *arguments],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200"},
        capture_output=True,
        text=True,
    )


def write(folder: Path, **changes: Any) -> tuple[str, str]:
    """The option that names a configuration whose cluster does not answer."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: dead\n"
        "clusters: [{name: dead, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: dead, user: {token: x}}]\n"
        "contexts: [{name: dead, context: {cluster: dead, user: dead}}]\n"
    )
    tables: dict[str, Any] = {
        "data_dir": str(folder / "data"),
        "webhook": {},
        "clusters": [{"name": "default", "kubeconfig": str(kubeconfig)}],
        "destinations": [{"name": "live", "url": f"file://{folder}/remote.git"}],
        "rules": [{"name": "all", "destination": "live"}],
    }
    path = folder / "reverser.toml"
    path.write_bytes(tomli_w.dumps(tables | changes).encode())
    return "--config", str(path)


def trusted(text: str) -> bytes:
    """The authority in a printed registration."""
    config = yaml.safe_load(text)["webhooks"][0]["clientConfig"]
    return base64.b64decode(config.get("caBundle", ""))


PATH_SECRET = "0123456789abcdef0123456789abcdef"


def test_the_secret_of_the_path_is_in_both_files(tmp_path: Path) -> None:
    """What is printed reaches the listener that wants it; one that is too short is refused by its key."""
    given = write(tmp_path, webhook={"path_secret": PATH_SECRET})
    admission = run(*PRINT, *given, "--url", "https://localhost:9443").stdout
    audit = run("audit", "print-webhook", *given, "--url", "https://localhost:9443").stdout
    short = run(*PRINT, *write(tmp_path, webhook={"path_secret": "hunter2"}), "--url", "https://localhost")

    called = yaml.safe_load(admission)["webhooks"][0]["clientConfig"]["url"]
    assert called == f"https://localhost:9443/{PATH_SECRET}/process-validating-webhook"
    server = yaml.safe_load(audit)["clusters"][0]["cluster"]["server"]
    assert server == f"https://localhost:9443/{PATH_SECRET}/audit"
    assert short.returncode == 78
    assert "webhook.path_secret: must be 32 to 256 letters" in short.stderr
    assert "hunter2" not in short.stderr


def test_each_of_several_clusters_calls_a_path_of_its_own(tmp_path: Path) -> None:
    """A review names no cluster, so the path does."""
    clusters = [{"name": name, "kubeconfig": str(tmp_path / "kubeconfig")} for name in ("one", "two")]
    rules = [{"name": "all", "destination": "live", "cluster": "two"}]
    place = write(tmp_path, clusters=clusters, rules=rules)

    done = run(*PRINT, *place, "--cluster", "two", "--url", "https://localhost:9443")

    assert done.returncode == 0, done.stderr
    url = yaml.safe_load(done.stdout)["webhooks"][0]["clientConfig"]["url"]
    assert url == "https://localhost:9443/process-validating-webhook/two"


def test_an_authority_in_a_secret_is_asked_for_and_not_made_here(tmp_path: Path) -> None:
    """Its cluster does not answer: the command says so and makes none, which nobody would trust."""
    config = write(tmp_path, webhook={"tls": {"secret": "reverser/webhook"}})

    done = run(*PRINT, *config, "--url", "https://localhost:9443")

    assert done.returncode == 69, done.stderr
    assert "127.0.0.1:1" in done.stderr or "reached" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "data").exists()


def test_a_registration_is_printed_with_an_authority(tmp_path: Path) -> None:
    """Also before the first start: the authority is made, and stays the same."""
    config = write(tmp_path)

    first, second = (run(*PRINT, *config, "--url", "https://localhost:9443") for _ in range(2))

    assert first.returncode == 0, first.stderr
    assert x509.load_pem_x509_certificate(trusted(first.stdout))
    assert first.stdout == second.stdout


def test_while_a_daemon_runs_nothing_is_made(tmp_path: Path) -> None:
    """Its data directory is only read; without an authority in it that is told."""
    config = write(tmp_path)
    ask = (*PRINT, *config, "--url", "https://localhost:9443")
    with lock(tmp_path / "data"):
        done = run(*ask)
        assert (done.returncode, done.stdout) == (69, "")
        assert "in use by process" in done.stderr
    assert run(*ask).returncode == 0

    with lock(tmp_path / "data"):
        assert run(*ask).returncode == 0


def test_the_authority_of_files_is_the_one_beside_them(tmp_path: Path) -> None:
    """cert-manager puts ca.crt there; an option names another; with neither the system's are trusted."""
    tls = {"mode": "files", "certificate": str(tmp_path / "tls.crt"), "key": str(tmp_path / "tls.key")}
    ask = (*PRINT, *write(tmp_path, webhook={"tls": tls}), "--service", "ops/reverser")
    assert trusted(run(*ask).stdout) == b""

    (tmp_path / "ca.crt").write_text("BESIDE")
    (tmp_path / "mine.crt").write_text("MINE")

    assert trusted(run(*ask).stdout) == b"BESIDE"
    assert trusted(run(*ask, "--ca-file", str(tmp_path / "mine.crt")).stdout) == b"MINE"
    assert run(*ask, "--ca-file", str(tmp_path / "none.crt")).returncode == 2


def test_a_service_that_the_certificate_is_not_for_is_told(tmp_path: Path) -> None:
    """The key and the missing name are told, before any handshake fails."""
    done = run(*PRINT, *write(tmp_path), "--service", "ops/reverser")

    assert (done.returncode, done.stdout) == (78, "")
    assert "webhook.tls.names: lacks 'reverser.ops.svc'" in done.stderr

    names = {"tls": {"names": ["reverser.ops.svc"]}}
    assert run(*PRINT, *write(tmp_path, webhook=names), "--service", "ops/reverser").returncode == 0


@pytest.mark.parametrize(
    "place",
    [
        (),
        ("--url", "https://localhost", "--service", "ops/reverser"),
        ("--url", "http://localhost"),
        ("--service", "reverser"),
        ("--url", "https://localhost", "--cluster", "none"),
    ],
)
def test_one_good_place_is_needed(tmp_path: Path, place: tuple[str, ...]) -> None:
    """A URL or a Service, and a cluster that there is."""
    done = run(*PRINT, *write(tmp_path), *place)

    assert (done.returncode, done.stdout) == (2, "")


def test_two_places_are_too_many(tmp_path: Path) -> None:
    """Who gives a URL and a Service is not told that one of them is missing."""
    done = run(*PRINT, *write(tmp_path), "--url", "https://localhost", "--service", "ops/reverser")

    assert "give exactly one of --url and --service" in done.stderr


def test_with_several_clusters_one_is_named(tmp_path: Path) -> None:
    """Each has its own rules, and its own path for audit events."""
    config = write(
        tmp_path,
        clusters=[{"name": "one"}, {"name": "two"}],
        destinations=[
            {"name": name, "url": f"file://{tmp_path}/remote.git", "path": name} for name in ("one", "two")
        ],
        rules=[
            {"name": "a", "destination": "one", "cluster": "one", "resources": ["*.apps"]},
            {"name": "b", "destination": "two", "cluster": "two", "resources": ["*.batch"]},
        ],
    )
    url = ("--url", "https://localhost:9443")
    assert run(*PRINT, *config, *url).returncode == 2

    document = yaml.safe_load(run(*PRINT, *config, *url, "--cluster", "two").stdout)
    assert document["webhooks"][0]["rules"][0]["apiGroups"] == ["batch"]
    login = yaml.safe_load(run("audit", "print-webhook", *config, *url, "--cluster", "two").stdout)
    assert login["clusters"][0]["cluster"]["server"] == "https://localhost:9443/audit/two"


def test_what_is_not_excluded_is_told(tmp_path: Path) -> None:
    """Without the built-in exclusions the API server tells of leases and events, too."""
    config = write(tmp_path)
    place = (*config, "--url", "https://localhost:9443")
    files = [(*PRINT, *place), ("audit", "print-policy", "--offline", *config)]
    assert all("coordination.k8s.io" in run(*arguments).stdout for arguments in files)

    path = Path(config[1])
    path.write_text(path.read_text() + '\n[plugins]\ndisabled = ["builtin.exclusions"]\n')

    assert not any("coordination.k8s.io" in run(*arguments).stdout for arguments in files)


def test_without_a_listener_there_is_nothing_to_register(tmp_path: Path) -> None:
    """Without [webhook] the command is refused, and the error names the missing table."""
    path = Path(write(tmp_path)[1])
    path.write_text(path.read_text().replace("[webhook]\n", ""))

    done = run(*PRINT, "--config", str(path), "--url", "https://localhost")

    assert done.returncode == 78
    assert "  webhook: is missing" in done.stderr


@pytest.mark.parametrize(
    "arguments",
    [
        ("webhook", "install", "--url", "https://localhost"),
        ("webhook", "print", "--url", "https://localhost"),
        ("webhook", "uninstall"),
        ("audit", "print-policy"),
    ],
)
def test_a_cluster_that_does_not_answer_exits_with_69(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """And nothing is printed that could be applied."""
    done = run(*arguments, *write(tmp_path))

    assert (done.returncode, done.stdout) == (69, "")
    assert "cannot be reached" in done.stderr


@pytest.mark.parametrize("command", ["webhook", "audit"])
def test_the_help_shows_examples(command: str) -> None:
    """Of the group and of each of its commands."""
    shown = run(command, "--help").stdout

    assert f"  reverser {command} print" in shown
    assert "Examples:" in shown
