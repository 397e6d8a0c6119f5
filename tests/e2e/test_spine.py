"""The main job, on a real API server and a real Git remote: the daemon as a user runs it."""

from __future__ import annotations

import json
import signal
from pathlib import Path

from reverser.model.destination import Destination
from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.expected import difference, expected_files
from tests.e2e.load import CRD, WIDGETS, Load
from tests.e2e.remote import git
from tests.e2e.setting import Setting

PLAIN = ("ConfigMap", "Role", "Service", "ServiceAccount", "NetworkPolicy", "CronJob")


def test_mirror_of_a_thousand_objects(setting: Setting, widgets: None) -> None:
    """1,000 objects land in one commit, 200 changes in one each, and the clone is the cluster."""
    load = Load(setting.plane, setting.namespace, seed=7)
    for _ in range(1000):
        load.create()
    setting.daemon.start().ready()
    wait_for("the snapshot", setting.remote.head, 60)
    assert len(setting.remote.commits()) == 1
    assert setting.remote.subjects()[0].startswith("Snapshot of default: ")

    snapshot = setting.remote.head()
    for number in range(200):
        load.step(kubectl=number % 2 == 0)
    setting.mirrored()

    live = [subject for subject in setting.remote.subjects(snapshot) if "/marker-" not in subject]
    assert len(live) == 200
    assert all(subject.startswith(("[CREATE] ", "[UPDATE] ", "[DELETE] ")) for subject in live)


def test_restart_with_nothing_changed(setting: Setting) -> None:
    """A restart with nothing changed makes no commit."""
    Load(setting.plane, setting.namespace, 1, PLAIN).create(("ConfigMap",))
    setting.daemon.start().ready()
    setting.mirrored()
    assert setting.daemon.stop() == 0
    before = setting.remote.head()

    setting.daemon.start().ready()
    setting.daemon_idle()

    assert len(setting.remote.commits(before)) == 1  # the marker


def test_restart_after_changes(setting: Setting) -> None:
    """Changes and deletions during a stop are found at the next start: exactly those."""
    load = Load(setting.plane, setting.namespace, 2, PLAIN)
    for _ in range(20):
        load.create(("ConfigMap", "Role"))
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    before = setting.remote.head()

    for _ in range(10):
        load.step()
    setting.daemon.start().ready()
    setting.mirrored()

    changed = [s for s in setting.remote.subjects(before) if "/marker-" not in s]
    assert len(changed) == 10


def test_changes_while_the_position_expires(setting: Setting) -> None:
    """An expired position means a new list: one snapshot and one sweep, nothing lost."""
    load = Load(setting.plane, setting.namespace, 3, PLAIN)
    for _ in range(20):
        load.create(("ConfigMap", "Role"))
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    before = setting.remote.head()
    for _ in range(5):
        load.create(("ConfigMap",))
        load.delete()

    setting.plane.compact()
    setting.plane.restart_apiserver()
    setting.daemon.start().ready()
    setting.mirrored()

    subjects = setting.remote.subjects(before)
    assert any(subject.startswith("Snapshot of default: ") for subject in subjects)
    assert any(subject.startswith("Sweep of default: ") for subject in subjects)


def test_api_server_restarts(setting: Setting) -> None:
    """An API server that goes away and comes back costs nothing: no lost and no invented change."""
    load = Load(setting.plane, setting.namespace, 4, PLAIN)
    setting.daemon.start().ready()
    for _ in range(10):
        load.create(("ConfigMap", "Role"))
    setting.mirrored()
    before = setting.remote.head()

    setting.plane.restart_apiserver()
    load.create(("ConfigMap",))
    setting.mirrored()

    assert len([s for s in setting.remote.subjects(before) if "/marker-" not in s]) == 1


def test_crd_deleted_and_created_again(setting: Setting, widgets: None) -> None:
    """Deleting a CRD deletes its objects' files; objects of its second life come back."""
    load = Load(setting.plane, setting.namespace, 5, PLAIN)
    setting.daemon.start().ready()
    for _ in range(3):
        load.create(("Widget",))
    setting.mirrored()

    setting.plane.kubectl("delete", "crd", WIDGETS)
    wait_for("no widget", lambda: not any("widgets" in path for path in setting.remote.paths()))
    setting.plane.kubectl("apply", "-f", "-", input=json.dumps(CRD))
    setting.plane.kubectl("wait", "--for=condition=Established", f"crd/{WIDGETS}")
    wait_for("widgets", lambda: setting.plane.http.get("/apis/example.com/v1/widgets").is_success)
    load.create(("Widget",))

    setting.mirrored()


def test_remote_away_for_the_whole_run(setting: Setting) -> None:
    """With the remote away everything waits in the journal, and arrives in order when it is back."""
    hidden = setting.remote.path.with_name("hidden.git")
    setting.remote.path.rename(hidden)
    load = Load(setting.plane, setting.namespace, 6, PLAIN)
    setting.daemon.start().ready().settled()
    for _ in range(20):
        load.step()
    wait_for("20 entries", lambda: setting.daemon.metric("gitopsreverser_git_commit_queue_size") >= 20)
    setting.daemon.stop()

    hidden.rename(setting.remote.path)
    setting.daemon.start().ready()
    setting.mirrored()

    live = [s for s in setting.remote.subjects() if "-" in s and s.startswith("[") and "/marker-" not in s]
    assert len(live) == 20
    assert setting.remote.entries() == sorted(setting.remote.entries())


def test_somebody_else_pushes(setting: Setting, tmp_path: Path) -> None:
    """Commits and files of others stay, whenever they come."""
    load = Load(setting.plane, setting.namespace, 8, PLAIN)
    load.create(("ConfigMap",))
    setting.daemon.start().ready()
    setting.mirrored()
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    (theirs / "README.md").write_text("ours\n")
    git("add", "README.md", cwd=theirs)
    git("commit", "--quiet", "-m", "A person's commit", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)

    load.create(("ConfigMap",))
    setting.daemon_idle()

    assert "A person's commit" in setting.remote.subjects()
    assert setting.remote.show("README.md") == "ours\n"
    wanted = setting.wanted() | {"README.md": b"ours\n"}
    assert difference(setting.cloned(), wanted) == ""


def test_file_of_somebody_else_in_our_place(setting: Setting, tmp_path: Path) -> None:
    """A file in our place is left alone, the object is withheld and counted, others go on."""
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    place = theirs / setting.namespace / "configmaps"
    place.mkdir(parents=True)
    (place / "taken.yaml").write_text("notes: mine\n")
    (theirs / setting.namespace / "roles.rbac.authorization.k8s.io").symlink_to("/tmp")
    git("add", ".", cwd=theirs)
    git("commit", "--quiet", "-m", "Mine", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "taken", "--from-literal=a=b")
    setting.plane.kubectl("-n", setting.namespace, "create", "role", "r", "--verb=get", "--resource=pods")

    setting.daemon.start().ready()
    setting.daemon_idle()

    assert setting.remote.show(f"{setting.namespace}/configmaps/taken.yaml") == "notes: mine\n"
    listing = git(
        "-C", setting.remote.path, "ls-tree", "main", f"{setting.namespace}/roles.rbac.authorization.k8s.io"
    )
    assert listing.startswith("120000 ")
    wait_for("both to be counted", lambda: setting.daemon.metric("gitopsreverser_withheld_objects") == 2)


def test_manifest_of_a_person_is_edited_in_place(setting: Setting, tmp_path: Path) -> None:
    """An object that a person's file describes is edited there, with its comments kept."""
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    text = (
        "# our settings\n"
        "apiVersion: v1\n"
        "kind: ConfigMap\n"
        "metadata:\n"
        f"  namespace: {setting.namespace}\n"
        "  name: settings\n"
        "data:\n"
        "  mode: 'fast'   # ask Ann before changing this\n"
    )
    (theirs / "settings.yml").write_text(text)
    git("add", ".", cwd=theirs)
    git("commit", "--quiet", "-m", "Mine", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    setting.plane.kubectl("apply", "-f", str(theirs / "settings.yml"))
    setting.daemon.start().ready()
    setting.daemon_idle()

    setting.plane.kubectl(
        "-n", setting.namespace, "patch", "cm", "settings", "-p", '{"data":{"mode":"slow"}}'
    )
    setting.daemon_idle()

    assert setting.remote.show("settings.yml") == text.replace("'fast'", "'slow'")
    assert f"{setting.namespace}/configmaps/settings.yaml" not in setting.remote.paths()


def test_our_file_edited_by_a_person(setting: Setting, tmp_path: Path) -> None:
    """A person's edit of our file stays until the object changes; then ours goes on top and names theirs."""
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "a", "--from-literal=k=1")
    setting.daemon.start().ready()
    setting.daemon_idle()
    path = f"{setting.namespace}/configmaps/a.yaml"
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    (theirs / path).write_text((theirs / path).read_text() + "# a remark\n")
    git("commit", "--quiet", "-am", "A remark", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    edit = setting.remote.head()

    setting.daemon_idle()
    assert "# a remark" in setting.remote.show(path)
    setting.plane.kubectl("-n", setting.namespace, "patch", "cm", "a", "-p", '{"data":{"k":"2"}}')
    wait_for("our edit", lambda: "# a remark" not in setting.remote.show(path))

    commit = git("-C", setting.remote.path, "log", "-1", "--format=%H", "main", "--", path).strip()
    assert f"Reverser-Overwrote: {edit}" in setting.remote.message(commit)


def test_lost_journal(setting: Setting) -> None:
    """A lost data directory is rebuilt from the branch: no commit twice, no orphaned file."""
    load = Load(setting.plane, setting.namespace, 9, PLAIN)
    for _ in range(10):
        load.create(("ConfigMap", "Role"))
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    data = setting.daemon.folder / "data"
    data.rename(data.with_name("lost"))
    setting.adopt()
    before = setting.remote.head()
    load.delete()

    setting.daemon.start().ready()
    wait_for("the sweep", lambda: setting.remote.head() != before, 60)
    setting.mirrored()

    subjects = [s for s in setting.remote.subjects(before) if "/marker-" not in s]
    assert len(subjects) == 1
    assert subjects[0].startswith("Sweep of default: 1 object")


def test_another_cluster_on_the_branch(setting: Setting, tmp_path: Path) -> None:
    """A daemon without a journal takes only files of its own cluster for its own: others it never sweeps."""
    second = {"name": "second", "kubeconfig": str(setting.plane.kubeconfig())}
    rule = {"name": "all", "destination": "live", "cluster": "second", "namespaces": [setting.namespace]}
    other = Daemon(tmp_path / "other", setting.plane.kubeconfig(), setting.remote.url)
    other.write(clusters=[second], rules=[rule])
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "theirs", "--from-literal=k=1")
    theirs = f"{setting.namespace}/configmaps/theirs.yaml"
    with other:
        wait_for("their file", lambda: theirs in setting.remote.paths())
        other.stop()
    setting.plane.kubectl("-n", setting.namespace, "delete", "configmap", "theirs")

    setting.daemon.start().ready()
    setting.daemon_idle()
    assert theirs in setting.remote.paths()
    setting.daemon.stop()

    with other:
        wait_for("their sweep", lambda: theirs not in setting.remote.paths())


def test_history_rewritten(setting: Setting) -> None:
    """When somebody empties the branch by force, one commit restores what is ours."""
    load = Load(setting.plane, setting.namespace, 10, PLAIN)
    for _ in range(10):
        load.create(("ConfigMap", "Role"))
    setting.daemon.start().ready()
    setting.mirrored()
    setting.daemon.stop()
    first = setting.remote.commits()[0]
    tree = git("-C", setting.remote.path, "hash-object", "-t", "tree", "-w", "/dev/null").strip()
    other = git("-C", setting.remote.path, "commit-tree", "-m", "Empty", tree).strip()
    git("-C", setting.remote.path, "update-ref", "refs/heads/main", other)

    setting.daemon.start().ready()
    setting.mirrored()

    assert first not in setting.remote.commits()
    assert len([s for s in setting.remote.subjects(other) if "/marker-" not in s]) == 1


def test_layout_changes(setting: Setting) -> None:
    """Another layout moves every file in one commit."""
    load = Load(setting.plane, setting.namespace, 11, PLAIN)
    for _ in range(10):
        load.create(("ConfigMap", "Role"))
    setting.daemon.start().ready()
    setting.mirrored()
    before = setting.remote.head()

    destinations = [{"name": "live", "url": setting.remote.url, "layout": "rest", "path": "clusters/a"}]
    setting.daemon.write(destinations=destinations)
    setting.daemon.signal(signal.SIGHUP)
    wait_for("the move", lambda: setting.remote.head() != before)

    (subject,) = setting.remote.subjects(before)
    assert subject.startswith("Move of default: ")
    destination = Destination(name="live", url=setting.remote.url, layout="rest", path="clusters/a")
    assert difference(setting.cloned(), expected_files(setting.plane, setting.rule, destination)) == ""


def test_ignore_mark(setting: Setting) -> None:
    """Marking an object to be ignored removes its file, and says so; unmarking brings it back."""
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "a", "--from-literal=k=1")
    setting.daemon.start().ready()
    path = f"{setting.namespace}/configmaps/a.yaml"
    wait_for("the file", lambda: path in setting.remote.paths())

    setting.plane.kubectl("-n", setting.namespace, "annotate", "cm", "a", "gitops-reverser.io/ignore=true")
    wait_for("its removal", lambda: path not in setting.remote.paths())
    assert "ignore" in setting.remote.message()

    setting.plane.kubectl("-n", setting.namespace, "annotate", "cm", "a", "gitops-reverser.io/ignore-")
    wait_for("its return", lambda: path in setting.remote.paths())


def test_noise_makes_no_commit(setting: Setting) -> None:
    """Status writes, no-op applies and controller-owned objects never become commits."""
    deployment = setting.plane.kubectl(
        "create", "deployment", "web", "--image=a:1", "--replicas=3", "--dry-run=client", "-o", "yaml"
    )
    apply = ("-n", setting.namespace, "apply", "-f", "-")
    setting.plane.kubectl(*apply, input=deployment)
    setting.daemon.start().ready()
    setting.daemon_idle()
    before = setting.remote.head()

    for _ in range(5):
        setting.plane.kubectl(*apply, input=deployment)
    pods = ("-n", setting.namespace, "delete", "pods", "--all", "--force", "--grace-period=0")
    setting.plane.kubectl(*pods)
    setting.daemon_idle()

    assert len(setting.remote.commits(before)) == 1  # the marker
    assert not any("/pods/" in path or "/replicasets" in path for path in setting.remote.paths())


def test_secrets_are_left_out(setting: Setting) -> None:
    """By default a Secret has no file, and its values are nowhere in the data directory or the log."""
    canary = "canary-5ae1f0c2"
    setting.plane.kubectl(
        "-n", setting.namespace, "create", "secret", "generic", "s", f"--from-literal=p={canary}"
    )
    setting.daemon.start().ready()
    setting.daemon_idle()
    setting.daemon.stop()

    assert not any("secrets" in path for path in setting.remote.paths())
    for file in setting.daemon.folder.rglob("*"):
        if file.is_file():
            content = file.read_bytes()
            assert canary.encode() not in content
            assert b"Y2FuYXJ5LTVhZTFmMGMy" not in content


def test_masked_secret_shows_rotation(setting: Setting) -> None:
    """With `mask` the file shows which key was rotated and no value."""
    destinations = [{"name": "live", "url": setting.remote.url, "secrets": "mask"}]
    setting.daemon.write(destinations=destinations)
    create = ("-n", setting.namespace, "create", "secret", "generic", "s")
    setting.plane.kubectl(*create, "--from-literal=user=ann", "--from-literal=password=one-time")
    setting.daemon.start().ready()
    path = f"{setting.namespace}/secrets/s.yaml"
    wait_for("the file", lambda: path in setting.remote.paths())
    first = setting.remote.show(path)

    setting.plane.kubectl(
        "-n", setting.namespace, "patch", "secret", "s", "-p", '{"stringData":{"password":"two"}}'
    )
    wait_for("the rotation", lambda: setting.remote.show(path) != first)

    second = setting.remote.show(path)
    changed = [line for line in second.splitlines() if line not in first.splitlines()]
    assert len(changed) == 1
    assert "password: hmac:" in changed[0].replace('"', "")
    assert "one-time" not in first + second + setting.remote.message()


def test_second_process_is_refused(setting: Setting) -> None:
    """A data directory serves one process: a second one ends with a clear sentence."""
    setting.daemon.start().ready()
    second = Daemon(setting.folder / "second", setting.plane.kubeconfig(), setting.remote.url)
    second.write(data_dir=str(setting.daemon.folder / "data"))

    second.start()
    assert second.process is not None
    assert second.process.wait(20) != 0

    assert "is in use by process" in second.log.read_text()


def test_bad_reload_keeps_the_old_configuration(setting: Setting) -> None:
    """SIGHUP with a bad file reports its problems, and the daemon goes on with the old one."""
    setting.daemon.start().ready()
    good = setting.daemon.config.read_bytes()
    setting.daemon.config.write_bytes(good + b"\n[nonsense]\n")

    setting.daemon.signal(signal.SIGHUP)
    refused = "new configuration is invalid, the old one stays in force"
    wait_for("the report", lambda: setting.daemon.logged(refused))

    assert "nonsense" in str(setting.daemon.logged(refused))
    setting.daemon_idle()
