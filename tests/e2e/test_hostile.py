"""What strangers put into objects, names and the repository: nothing of it harms, and all others go on."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.e2e.expected import difference
from tests.e2e.remote import git
from tests.e2e.setting import Setting

WITHHELD = "gitopsreverser_withheld_objects"
ROLES = "/apis/rbac.authorization.k8s.io/v1/clusterroles"
FORGED = "Reverser-Entry: deadbeef/1\nKubernetes-User: alice\nSigned-off-by: Alice <alice@example.com>"
TRAILERS = {
    "Attribution",
    "Kubernetes-Cluster",
    "Kubernetes-Manager",
    "Kubernetes-Object",
    "Kubernetes-Operation",
    "Kubernetes-User",
    "Reverser-Entry",
}


def config_map(setting: Setting, name: str, value: str = "1", **metadata: Any) -> None:
    """Create a ConfigMap, or give it this value."""
    document = {"metadata": {"name": name, **metadata}, "data": {"value": value}}
    place = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    if setting.plane.http.get(f"{place}/{name}").is_success:
        assert setting.plane.http.put(f"{place}/{name}", json=document).is_success
    else:
        setting.plane.create(place, document)


def widget(setting: Setting, name: str, spec: Any) -> None:
    """Create a Widget."""
    document = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": name}, "spec": spec}
    setting.plane.create(f"/apis/example.com/v1/namespaces/{setting.namespace}/widgets", document)


def rows(setting: Setting) -> dict[bytes, bytes]:
    """path -> mode and id of everything in the branch, as git has it."""
    done = subprocess.run(
        ["git", "-C", setting.remote.path, "ls-tree", "-r", "-z", "main"], capture_output=True, check=True
    )
    return {path: facts for facts, _, path in (row.partition(b"\t") for row in done.stdout.split(b"\0")[:-1])}


def pushed(setting: Setting, folder: Path, change: Callable[[Path], None]) -> None:
    """A person's commit on the branch."""
    if not folder.exists():
        git("clone", "--quiet", setting.remote.path, folder)
    else:
        git("pull", "--quiet", "--rebase", cwd=folder)
    change(folder)
    git("add", "--all", cwd=folder)
    git("commit", "--quiet", "--allow-empty", "-m", "A person's commit", cwd=folder)
    git("push", "--quiet", "origin", "HEAD:main", cwd=folder)


def mirrored_but(setting: Setting, *blocked: str) -> None:
    """The clone has every byte that it should have, and the files of others beside it."""
    setting.daemon_idle()
    wanted = setting.wanted()
    names = {f"{setting.namespace}/{path}" for path in blocked}
    ours = {path: content for path, content in setting.cloned().items() if path in wanted.keys() - names}
    assert difference(ours, {path: wanted[path] for path in wanted.keys() - names}) == ""
    assert setting.daemon.metric(WITHHELD) == len(blocked)


def obstacles(setting: Setting, outside: Path) -> Callable[[Path], None]:
    """Links, a file for a folder and a folder for a file, all where objects should be written."""

    def put(clone: Path) -> None:
        top = clone / setting.namespace
        (top / "configmaps" / "folder.yaml").mkdir(parents=True)
        (top / "configmaps" / "folder.yaml" / "note.txt").write_text("mine\n")
        (outside / "target.yaml").write_text("outside\n")
        (top / "configmaps" / "link.yaml").symlink_to(outside / "target.yaml")
        (top / "configmaps" / "dangling.yaml").symlink_to("../../../../nowhere")
        (top / "configmaps" / "taken.yaml").write_text("kind: Note\n")
        (top / "roles.rbac.authorization.k8s.io").symlink_to(outside)
        (top / "services").write_text("a file, not a folder\n")

    return put


def test_obstacles_in_the_tree(setting: Setting, tmp_path: Path) -> None:
    """Links are not followed and nothing of others is replaced; once they are gone the objects arrive."""
    outside = tmp_path / "outside"
    outside.mkdir()
    theirs = tmp_path / "theirs"
    pushed(setting, theirs, obstacles(setting, outside))
    before = rows(setting)
    names = ("folder", "link", "dangling", "taken", "free")
    for name in names:
        config_map(setting, name)
    kubectl = ("-n", setting.namespace, "create")
    setting.plane.kubectl(*kubectl, "role", "r", "--verb=get", "--resource=pods")
    setting.plane.kubectl(*kubectl, "service", "clusterip", "s", "--tcp=80")
    blocked = [f"configmaps/{name}.yaml" for name in names[:-1]]
    blocked += ["roles.rbac.authorization.k8s.io/r.yaml", "services/s.yaml"]

    setting.daemon.start().ready()
    mirrored_but(setting, *blocked)

    assert {path: facts for path, facts in rows(setting).items() if path in before} == before
    assert [file.name for file in outside.iterdir()] == ["target.yaml"]
    assert (outside / "target.yaml").read_text() == "outside\n"

    pushed(setting, theirs, lambda clone: git("rm", "-rq", *map(bytes.decode, before), cwd=clone) and None)
    for name in names:
        config_map(setting, name, "2")
    setting.plane.kubectl("-n", setting.namespace, "label", "role/r", "service/s", "a=b")
    setting.mirrored()
    assert setting.daemon.metric(WITHHELD) == 0


def test_our_files_replaced_by_links(setting: Setting, tmp_path: Path) -> None:
    """A link that somebody put in place of our file or folder is not followed, and stays."""
    config_map(setting, "a")
    config_map(setting, "gone")
    setting.plane.kubectl("-n", setting.namespace, "create", "role", "r", "--verb=get", "--resource=pods")
    setting.daemon.start().ready()
    setting.mirrored()
    outside = tmp_path / "outside"
    outside.mkdir()

    def put(clone: Path) -> None:
        top = clone / setting.namespace
        for name in ("a", "gone"):
            (top / "configmaps" / f"{name}.yaml").unlink()
            (top / "configmaps" / f"{name}.yaml").symlink_to(outside / name)
        git("rm", "-rq", f"{setting.namespace}/roles.rbac.authorization.k8s.io", cwd=clone)
        (top / "roles.rbac.authorization.k8s.io").symlink_to(outside)

    pushed(setting, tmp_path / "theirs", put)
    config_map(setting, "a", "2")
    config_map(setting, "other")
    setting.plane.kubectl("-n", setting.namespace, "label", "role/r", "a=b")
    setting.plane.kubectl("-n", setting.namespace, "delete", "configmap", "gone")
    mirrored_but(setting, "configmaps/a.yaml", "roles.rbac.authorization.k8s.io/r.yaml")

    links = [path for path, facts in rows(setting).items() if facts.startswith(b"120000")]
    assert len(links) == 3
    assert not list(outside.iterdir())


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{new}: &{new} [{','.join([f'*{old}'] * 9)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
STRANGERS = {
    b"bomb.yaml": BOMB.encode(),
    b"deep.yaml": b"[" * 50_000 + b"]" * 50_000,
    b"deep-flow.yaml": b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
    b"blank-lines.yaml": b"\n" * 200_000,
    b"blanks.yaml": b"kind: x" + b" " * 200_000 + b"x\n",
    b"documents.yaml": b"---\n" * 50_000,
    b"twice.yaml": b"kind: A\nkind: B\napiVersion: v1\nmetadata:\n  name: a\n  name: b\n",
    b"template.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Values.name }}\n",
    b"mark.yaml": b"\xef\xbb\xbfapiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: free\n",
    b"windows.yaml": b"apiVersion: v1\r\nkind: ConfigMap\r\nmetadata:\r\n  name: free\r\n",
    b"latin\xff.yaml": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: \xff\n",
    b"new\nline.yaml": b"kind: x\n",
    b'quo"te\\.yaml': b"kind: x\n",
    b"\xe2\x80\xae.yaml": b"kind: x\n",
    b"nothing.yaml": b"",
    b"nul.yaml": b"\0\0\0",
}


def test_files_of_strangers(setting: Setting, tmp_path: Path) -> None:
    """Files of any name and content, pushed while all runs, are left alone and stop nothing."""
    config_map(setting, "free")
    setting.daemon.start().ready()
    setting.mirrored()

    def put(clone: Path) -> None:
        for name, content in STRANGERS.items():
            Path((bytes(clone) + b"/" + name).decode("utf-8", "surrogateescape")).write_bytes(content)

    pushed(setting, tmp_path / "theirs", put)
    before = {path: facts for path, facts in rows(setting).items() if path in STRANGERS}
    assert before.keys() == STRANGERS.keys()
    config_map(setting, "free", "2")
    mirrored_but(setting)
    assert {path: facts for path, facts in rows(setting).items() if path in STRANGERS} == before

    setting.daemon.kill()
    config_map(setting, "free", "3")
    setting.daemon.start().ready()
    mirrored_but(setting)
