"""Signed commits of the real daemon, verified as docs/signing.md says."""

from __future__ import annotations

from tests.cli import reverser
from tests.e2e.daemon import wait_for
from tests.e2e.load import Load
from tests.e2e.remote import git
from tests.e2e.setting import Setting
from tests.openpgp import keyring, needed


def test_every_commit_is_signed(setting: Setting) -> None:
    """Snapshot, changes, a sweep: a key made and told by the commands verifies all of them."""
    load = Load(setting.plane, setting.namespace, 31, ("ConfigMap", "Role"))
    for _ in range(10):
        load.create()
    key, admin = setting.folder / "signing", setting.plane.kubeconfig()
    assert reverser("keys", "new", key, kubeconfig=admin).returncode == 0
    destination = {"name": "live", "url": setting.remote.url, "signing": {"key": {"file": str(key)}}}
    setting.daemon.write(destinations=[destination])
    setting.daemon.start().ready()
    for _ in range(20):
        load.step()
    setting.mirrored()
    setting.daemon.stop()
    load.delete()
    setting.daemon.start().ready()
    setting.mirrored()

    told = reverser("keys", "signers", "--config", setting.daemon.config, kubeconfig=admin)
    assert told.returncode == 0, told.stderr
    checked = reverser("check", "--config", setting.daemon.config, kubeconfig=admin)
    assert f"signs with {told.stdout.split(' ', 2)[2].strip()}" in checked.stdout
    allowed = setting.folder / "allowed_signers"
    allowed.write_text(told.stdout)
    git("-C", setting.remote.path, "config", "gpg.ssh.allowedSignersFile", allowed)
    git("-C", setting.remote.path, "verify-commit", *setting.remote.commits())
    shown = git("-C", setting.remote.path, "log", "--format=%G?", "main").split()
    assert set(shown) == {"G"}
    assert len(shown) == len(setting.remote.commits())
    subjects = setting.remote.subjects()
    assert {subject.split(" ")[0].strip("[]") for subject in subjects} >= {"Snapshot", "CREATE", "DELETE"}


def test_nothing_is_pushed_unsigned(setting: Setting) -> None:
    """A key that cannot be used stalls the destination and says so; with a good one all arrives."""
    key, admin = setting.folder / "signing", setting.plane.kubeconfig()
    key.write_text("not a key\n")
    destination = {"name": "live", "url": setting.remote.url, "signing": {"key": {"file": str(key)}}}
    setting.daemon.write(destinations=[destination])
    told = reverser("keys", "signers", "--config", setting.daemon.config, kubeconfig=admin)
    assert told.returncode == 78
    assert "destinations.live.signing.key: the signing key is not a private key" in told.stderr
    checked = reverser("check", "--config", setting.daemon.config, kubeconfig=admin)
    assert checked.returncode == 69
    assert "the signing key is not a private key" in checked.stdout
    path = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    setting.plane.create(path, {"metadata": {"name": "a"}})

    setting.daemon.start().ready()
    setting.stalled("SigningKeyUnusable")

    assert setting.remote.head() == ""
    key.unlink()
    assert reverser("keys", "new", key, kubeconfig=admin).returncode == 0
    wait_for("the file", lambda: len(setting.remote.paths()) > 0, 60)
    assert "gpgsig" in git("-C", setting.remote.path, "cat-file", "commit", "main")


def test_openpgp_signs_as_told(setting: Setting) -> None:
    """What `keys signers` prints goes into gpg, and verifies all; a wrong passphrase stalls until mended."""
    needed()
    key, word, admin = setting.folder / "key.asc", setting.folder / "passphrase", setting.plane.kubeconfig()
    word.write_text("wrong\n")
    with keyring() as owner:
        key.write_text(owner.make("signer", passphrase="right"))
    table = {"key": {"file": str(key)}, "passphrase": {"file": str(word)}}
    setting.daemon.write(destinations=[{"name": "live", "url": setting.remote.url, "signing": table}])
    checked = reverser("check", "--config", setting.daemon.config, kubeconfig=admin)
    assert checked.returncode == 69
    assert "Bad passphrase" in checked.stdout
    path = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    setting.plane.create(path, {"metadata": {"name": "a"}})
    setting.daemon.start().ready()
    setting.stalled("SigningKeyUnusable")
    assert setting.remote.head() == ""

    word.write_text("right\n")
    setting.mirrored(90)

    checked = reverser("check", "--config", setting.daemon.config, kubeconfig=admin)
    assert "signs with OpenPGP " in checked.stdout
    told = reverser(
        "keys", "signers", "--type", "openpgp", "--config", setting.daemon.config, kubeconfig=admin
    )
    with keyring() as stranger:
        stranger.gpg("--import", stdin=told.stdout)
        stranger.verify(setting.remote)
