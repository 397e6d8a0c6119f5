"""Secrets as SOPS documents: written by the real daemon, decrypted by the real program, applied again."""

from __future__ import annotations

import base64
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.cli import check
from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.setting import Setting
from tests.e2e.sops import AgeKey, program

VALUES = {
    "plain": b"hunter2",
    "lines": b"first\nsecond\n",
    "bytes": bytes(range(256)),
    "empty": b"",
    "odd-looking": b"true",
    "käse".encode().hex(): "käse 😀".encode(),
}


@pytest.fixture
def key(tmp_path: Path) -> AgeKey:
    """Somebody's age key."""
    return AgeKey(tmp_path / "age.txt")


def encrypting(setting: Setting, *keys: AgeKey, **sops: Any) -> dict[str, Any]:
    """The destination's table."""
    recipients = {"age": [key.recipient for key in keys]}
    table = {"program": program("sops"), **recipients, **sops}
    return {"name": "live", "url": setting.remote.url, "secrets": "encrypt", "sops": table}


def make(setting: Setting, name: str, values: dict[str, bytes], **more: Any) -> None:
    data = {each: base64.b64encode(value).decode() for each, value in values.items()}
    place = f"/api/v1/namespaces/{setting.namespace}/secrets"
    setting.plane.create(place, {"metadata": {"name": name}, "data": data, **more})


def patch(setting: Setting, name: str, body: str, kind: str = "secret") -> None:
    setting.plane.kubectl("-n", setting.namespace, "patch", kind, name, "--type=merge", "-p", body)


def path(setting: Setting, name: str) -> str:
    return f"{setting.namespace}/secrets/{name}.yaml"


def running(setting: Setting, *keys: AgeKey, **changes: Any) -> None:
    setting.daemon.write(destinations=[encrypting(setting, *keys)], **changes)
    setting.daemon.start().ready()


def test_a_decrypted_file_gives_the_secret_back(setting: Setting, key: AgeKey) -> None:
    """`sops -d` of the file, applied in another namespace, makes a Secret with the same data."""
    labels = {"app": "shop", "data": "a-label-called-like-the-field"}
    make(setting, "db", VALUES, type="example.com/odd", immutable=True)
    make(setting, "labelled", {"k": b"v"}, metadata={"name": "labelled", "labels": labels})
    make(setting, "without-values", {})
    running(setting, key)
    setting.daemon_idle()

    setting.plane.create("/api/v1/namespaces", {"metadata": {"name": f"{setting.namespace}-b"}})
    for name in ("db", "labelled", "without-values"):
        file = setting.remote.show(path(setting, name))
        assert f"name: {name}\n  namespace: {setting.namespace}\n" in file
        clear = key.opened(file) if "\nsops:\n" in file else file
        elsewhere = clear.replace(f"namespace: {setting.namespace}", f"namespace: {setting.namespace}-b")
        setting.plane.kubectl("apply", "-f", "-", input=elsewhere)
        one, other = (
            setting.plane.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")
            for namespace in (setting.namespace, f"{setting.namespace}-b")
        )
        for field in ("data", "type", "immutable"):
            assert one.get(field) == other.get(field)
        assert one["metadata"].get("labels") == other["metadata"].get("labels")
    file = setting.remote.show(path(setting, "db"))
    assert "encrypted_regex: ^(data|stringData)$" in file.replace('"', "")
    assert "type: example.com/odd" in file
    assert "plain: ENC[AES256_GCM," in file.replace('"', "")
    assert "sops:" not in setting.remote.show(path(setting, "without-values"))


def test_a_file_stays_while_the_secret_does(setting: Setting, key: AgeKey) -> None:
    """A restart, a new list, a no-op apply and a kill -9 leave every byte; a changed key is one commit."""
    make(setting, "db", {"user": b"shop", "password": b"hunter2"})
    make(setting, "other", {"k": b"v"})
    running(setting, key)
    setting.daemon_idle()
    before, files = setting.remote.head(), setting.cloned()

    patch(setting, "db", '{"metadata": {"annotations": {"deployment.kubernetes.io/revision": "7"}}}')
    setting.daemon.stop()
    setting.daemon.start().ready()
    setting.daemon_idle()
    setting.daemon.kill()
    (rule,) = setting.daemon.tables["rules"]
    setting.daemon.write(rules=[{**rule, "exclude_namespaces": ["another-selection-lists-again"]}])
    setting.daemon.start().ready().settled()
    setting.daemon_idle()

    after = setting.cloned()
    assert {name: after[name] for name in files} == files
    assert all("marker" in line for line in setting.remote.subjects(before))

    head = setting.remote.head()
    patch(setting, "db", '{"stringData": {"password": "rotated"}}')
    wait_for("the commit", lambda: setting.remote.head() != head)
    (commit,) = setting.remote.commits(head)
    assert git("-C", setting.remote.path, "show", "--format=", "--name-only", commit).split() == [
        path(setting, "db")
    ]
    message = setting.remote.message(commit)
    assert "data.password: changed" in message
    assert "data.user" not in message
    assert "hmac" not in message
    assert "ENC[" not in message
    assert "password: cm90YXRlZA==" in key.opened(setting.remote.show(path(setting, "db")))


def test_other_recipients_make_other_files(setting: Setting, key: AgeKey, tmp_path: Path) -> None:
    """Adding a recipient encrypts Secrets anew, so that the new one reads them too; nothing else changes."""
    make(setting, "db", {"k": b"v"})
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "plain")
    running(setting, key)
    setting.daemon_idle()
    head, plain = setting.remote.head(), setting.remote.show(f"{setting.namespace}/configmaps/plain.yaml")
    other = AgeKey(tmp_path / "other.txt")
    assert other.decrypted(setting.remote.show(path(setting, "db"))).returncode != 0

    setting.daemon.stop()
    running(setting, key, other)

    wait_for("the commit", lambda: setting.remote.head() != head)
    file = setting.remote.show(path(setting, "db"))
    assert key.opened(file) == other.opened(file)
    assert setting.remote.show(f"{setting.namespace}/configmaps/plain.yaml") == plain


def test_a_file_that_only_moves_is_not_encrypted_again(setting: Setting, key: AgeKey) -> None:
    """Another layout moves the encrypted file, byte for byte."""
    make(setting, "db", {"k": b"v"})
    running(setting, key)
    setting.daemon_idle()
    file = setting.remote.show(path(setting, "db"))

    setting.daemon.stop()
    setting.daemon.write(destinations=[{**encrypting(setting, key), "layout": "rest"}])
    setting.daemon.start().ready()

    moved = f"v1/secrets/{setting.namespace}/db.yaml"
    wait_for("the move", lambda: moved in setting.remote.paths())
    assert setting.remote.show(moved) == file
    assert path(setting, "db") not in setting.remote.paths()


def test_without_the_program_only_secrets_wait(setting: Setting, key: AgeKey, tmp_path: Path) -> None:
    """Without `sops` Secrets are withheld and a condition says so; all else goes on; then they come."""
    absent = tmp_path / "sops"
    make(setting, "db", {"k": b"v"})
    setting.daemon.write(destinations=[encrypting(setting, key, program=str(absent))])
    admin = setting.plane.kubeconfig()
    found = check(setting.daemon.config, admin)["destinations"][0]
    assert f"{absent} cannot be started" in found["encryption_error"]
    assert "destinations.live.sops.program" in found["encryption_error"]

    setting.daemon.start().ready()
    setting.stalled("SopsMissing")
    setting.daemon_idle()
    make(setting, "late", {"k": b"v"})
    setting.daemon_idle()
    assert not [each for each in setting.remote.paths() if "/secrets/" in each]

    shutil.copy(program("sops"), absent)
    assert check(setting.daemon.config, admin)["destinations"][0]["encrypts"]
    both = {path(setting, "db"), path(setting, "late")}
    wait_for("the Secrets", lambda: both <= setting.remote.paths(), 60)
    wait_for("recovery", lambda: "SopsMissing" not in httpx.get(f"{setting.daemon.url}/readyz").text)
    assert "k: dg==" in key.opened(setting.remote.show(path(setting, "late")))


def test_a_recipient_that_nobody_knows_is_told(setting: Setting, key: AgeKey) -> None:
    """`check` and the condition repeat what sops says about a key that it cannot encrypt for."""
    unknown = "0123456789ABCDEF0123456789ABCDEF01234567"
    make(setting, "db", {"k": b"hunter2"})
    setting.daemon.write(destinations=[encrypting(setting, key, pgp=[unknown])])
    found = check(setting.daemon.config, setting.plane.kubeconfig())["destinations"][0]
    assert unknown in found["encryption_error"]

    setting.daemon.start().ready()
    setting.stalled("EncryptionFailed")
    setting.daemon_idle()
    assert not [each for each in setting.remote.paths() if "/secrets/" in each]


def test_sensitive_values_are_encrypted_too(setting: Setting, key: AgeKey) -> None:
    """What `[[sensitive]]` names in other kinds is encrypted in its place, and the rest can be read."""
    data = {"a-token": "hunter2", "free": "to read"}
    place = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    setting.plane.create(place, {"metadata": {"name": "tokens"}, "data": data})
    running(setting, key, sensitive=[{"resources": ["configmaps"], "keys": ["*-token"]}])
    setting.daemon_idle()

    file = setting.remote.show(f"{setting.namespace}/configmaps/tokens.yaml")
    assert "free: to read" in file
    assert "hunter2" not in file
    clear = key.opened(file)
    setting.plane.kubectl("-n", setting.namespace, "delete", "configmap", "tokens")
    setting.plane.kubectl("apply", "-f", "-", input=clear)
    assert setting.plane.get(f"{place}/tokens")["data"] == data


def test_a_lost_journal_encrypts_once_more(setting: Setting, key: AgeKey) -> None:
    """With the data directory gone every Secret is encrypted anew, in one commit; then it stays again."""
    make(setting, "db", {"k": b"v"})
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "plain")
    running(setting, key)
    setting.daemon_idle()
    head, file = setting.remote.head(), setting.remote.show(path(setting, "db"))

    setting.daemon.stop()
    shutil.rmtree(setting.daemon.folder / "data")
    setting.adopt()
    setting.daemon.start().ready()
    wait_for("the new file", lambda: setting.remote.show(path(setting, "db")) != file)
    again = setting.remote.show(path(setting, "db"))
    setting.daemon.stop()
    setting.daemon.start().ready()
    setting.daemon_idle()

    assert setting.remote.show(path(setting, "db")) == again
    assert key.opened(again) == key.opened(file)
    written = git("-C", setting.remote.path, "log", "--format=", "--name-only", f"{head}..main").split()
    assert [each for each in written if "marker" not in each] == [path(setting, "db")]


def test_a_persons_file_becomes_one_that_decrypts(setting: Setting, key: AgeKey) -> None:
    """A file that a person has written for the Secret is replaced in its place, and decrypts."""
    work = setting.folder / "work"
    git("clone", "--quiet", setting.remote.path, work)
    text = "# mine\ndata:\n  k: b2xk\nmetadata:\n  namespace: {}\n  name: db\nkind: Secret\napiVersion: v1\n"
    (work / "mine.yaml").write_text(text.format(setting.namespace))
    git("add", ".", cwd=work)
    git("commit", "--quiet", "--message=mine", cwd=work)
    git("push", "--quiet", "origin", "HEAD:main", cwd=work)
    make(setting, "db", {"k": b"v"})
    running(setting, key)
    setting.daemon_idle()

    assert path(setting, "db") not in setting.remote.paths()
    assert "k: dg==" in key.opened(setting.remote.show("mine.yaml"))


def test_a_file_that_history_lost_comes_back_as_it_was(setting: Setting, key: AgeKey) -> None:
    """When the branch is forced back, the encrypted file returns with every byte, not as digests."""
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "first")
    running(setting, key)
    setting.daemon_idle()
    head = setting.remote.head()
    make(setting, "db", {"k": b"v"})
    wait_for("the file", lambda: path(setting, "db") in setting.remote.paths())
    file = setting.remote.show(path(setting, "db"))

    setting.daemon.stop()
    git("-C", setting.remote.path, "update-ref", "refs/heads/main", head)
    setting.daemon.start().ready()

    wait_for("the file again", lambda: path(setting, "db") in setting.remote.paths())
    setting.daemon_idle()
    assert setting.remote.show(path(setting, "db")) == file
    assert len(git("-C", setting.remote.path, "log", "--format=%H", "--", path(setting, "db")).split()) == 1
