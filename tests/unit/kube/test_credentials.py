"""Credentials from kubeconfigs and from inside a cluster."""

from __future__ import annotations

import base64
import json
import ssl
import tempfile
from pathlib import Path
from typing import Any

import pytest
import trustme

from reverser.errors import StalledError
from reverser.kube.credentials import load


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No kubeconfig, no cluster, and an own folder for temporary files."""
    (tmp_path / "tmp").mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("KUBERNETES_SERVICE_HOST", raising=False)


def _write(path: Path, *, user: dict[str, Any], **cluster: Any) -> Path:
    document = {
        "current-context": "one",
        "clusters": [
            {"name": "one", "cluster": {"server": "https://one.example:6443/"} | cluster},
            {"name": "two", "cluster": {"server": "https://two.example"}},
        ],
        "users": [{"name": "me", "user": user}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": "me"}} for name in ("one", "two")],
    }
    path.write_text(json.dumps(document))
    return path


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


async def test_a_kubeconfig_and_its_contexts(tmp_path: Path) -> None:
    """The current context is used unless another one is named; proxy and TLS name are kept."""
    more = {"proxy-url": "http://proxy.example:3128", "tls-server-name": "kube.example"}
    path = _write(tmp_path / "config", user={"token": "secret"}, **more)

    one, two = await load(str(path), ""), await load(str(path), "two")

    assert (one.server, one.token) == ("https://one.example:6443", "secret")
    assert (one.proxy, one.tls_server_name) == ("http://proxy.example:3128", "kube.example")
    assert (two.server, two.proxy, two.tls_server_name) == ("https://two.example", None, "")


async def test_the_environment_names_the_kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a setting $KUBECONFIG counts, then the home folder."""
    (tmp_path / ".kube").mkdir()
    _write(tmp_path / ".kube" / "config", user={"token": "home"})
    assert (await load("", "")).token == "home"

    monkeypatch.setenv("KUBECONFIG", str(_write(tmp_path / "other", user={"token": "environment"})))

    assert (await load("", "")).token == "environment"


async def test_inside_a_cluster_the_service_account_counts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pod uses its own account, not a kubeconfig that happens to lie in its home; a new token is read."""
    account = tmp_path / "account"
    account.mkdir()
    (account / "token").write_text("pod\n")
    trustme.CA().cert_pem.write_to_path(account / "ca.crt")
    (tmp_path / ".kube").mkdir()
    _write(tmp_path / ".kube" / "config", user={"token": "home"})
    monkeypatch.setattr("reverser.kube.credentials.ACCOUNT", account)
    monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "443")

    found = await load("", "")

    assert (found.server, found.token) == ("https://10.0.0.1:443", "pod")
    (account / "token").write_text("rotated")
    await found.refresh()
    assert found.token == "rotated"


async def test_no_key_is_left_behind(tmp_path: Path) -> None:
    """Keys and certificates that a kubeconfig holds are not left in the temporary folder."""
    authority = trustme.CA()
    certificate = authority.issue_cert("me")
    user = {
        "client-certificate-data": _base64(certificate.cert_chain_pems[0].bytes()),
        "client-key-data": _base64(certificate.private_key_pem.bytes()),
    }
    path = _write(
        tmp_path / "config", user=user, **{"certificate-authority-data": _base64(authority.cert_pem.bytes())}
    )

    found = await load(str(path), "")
    await found.refresh()

    assert isinstance(found.verify, ssl.SSLContext)
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_files_of_the_user_stay(tmp_path: Path) -> None:
    """A key that the kubeconfig names is the user's, even in the temporary folder."""
    certificate = trustme.CA().issue_cert("me")
    key, chain = tmp_path / "tmp" / "tmpkey", tmp_path / "tmp" / "tmpcert"
    certificate.private_key_pem.write_to_path(key)
    certificate.cert_chain_pems[0].write_to_path(chain)
    path = _write(tmp_path / "config", user={"client-key": str(key), "client-certificate": str(chain)})

    found = await load(str(path), "")

    assert isinstance(found.verify, ssl.SSLContext)
    assert found.verify.cert_store_stats()["x509_ca"] > 0, "without an authority the system's count"
    assert key.exists()
    assert chain.exists()


@pytest.mark.parametrize(
    "broken",
    ["", "not: [yaml", "[]", "{}", '{"contexts": []}'],
    ids=["empty", "no-yaml", "list", "bare", "no-context"],
)
async def test_a_broken_kubeconfig_asks_for_a_person(tmp_path: Path, broken: str) -> None:
    """Whatever is wrong with it, the error is ours and has a hint."""
    path = tmp_path / "config"
    path.write_text(broken)

    with pytest.raises(StalledError) as caught:
        await load(str(path), "")

    assert caught.value.reason == "CredentialsUnusable"
    assert caught.value.hint


async def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    """A missing file, a missing context, a plugin that cannot run, and nothing at all."""
    with pytest.raises(StalledError, match="absent"):
        await load(str(tmp_path / "absent"), "")
    with pytest.raises(StalledError, match="three"):
        await load(str(_write(tmp_path / "config", user={"token": "x"})), "three")
    plugin = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(tmp_path / "no-plugin")}
    with pytest.raises(StalledError, match="no-plugin"):
        await load(str(_write(tmp_path / "config", user={"exec": plugin})), "")
    with pytest.raises(StalledError):
        await load("", "")
