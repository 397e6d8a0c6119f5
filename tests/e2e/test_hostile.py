"""What strangers put into objects, names and the repository: nothing of it harms, and all others go on."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
import yaml
from ruamel.yaml import YAML

from reverser.model.destination import Destination
from tests.e2e.daemon import wait_for
from tests.e2e.expected import difference, expected_files
from tests.e2e.load import CRD
from tests.e2e.remote import git
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting
from tests.property.hostile import HOSTILE

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
        ["git", "-C", setting.remote.path, "ls-tree", "-r", "-z", "main"], capture_output=True, check=False
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


def idle(setting: Setting) -> None:
    """Wait until a marker made now is in the branch, whose paths may be any bytes."""
    name = f"idle-{len(setting.remote.commits())}"
    config_map(setting, name)
    path = f"{setting.namespace}/configmaps/{name}.yaml".encode()
    wait_for("the marker", lambda: setting.daemon.alive() and path in rows(setting), 90)


def mirrored_but(setting: Setting, *blocked: str) -> None:
    """The clone has every byte that it should have, and the files of others beside it."""
    idle(setting)
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
    b"blank-line.yaml": b" " * 200_000 + b"x\n",
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


UNEDITABLE = {
    "deep": "data: " + "[" * 5000 + "]" * 5000,
    "number": "data:\n  value: !!int ''",
    "truth": "data:\n  value: !!bool maybe",
    "unknown": "data: !strange {value: '2'}",
    "list": "data: [1, 2",
    "twice": "data:\n  value: '1'\n  value: '2'",
    "map-key": "data:\n  ? {a: b}\n  : c",
}


def test_manifests_that_nobody_can_read(setting: Setting, tmp_path: Path) -> None:
    """Where a person's file describes an object in a way that cannot be edited, that object alone waits."""

    def put(clone: Path) -> None:
        for name, rest in UNEDITABLE.items():
            metadata = f"metadata:\n  name: {name}\n  namespace: {setting.namespace}\n"
            (clone / f"{name}.yaml").write_text(f"apiVersion: v1\nkind: ConfigMap\n{metadata}{rest}\n")

    pushed(setting, tmp_path / "theirs", put)
    before = rows(setting)
    for name in (*UNEDITABLE, "free"):
        config_map(setting, name)

    setting.daemon.start().ready()
    mirrored_but(setting, *(f"configmaps/{name}.yaml" for name in UNEDITABLE))

    assert {path: facts for path, facts in rows(setting).items() if path in before} == before
    assert {line["reason"] for line in setting.daemon.logged("object withheld")} == {"UneditableFile"}


KEPT_BY_GIT = (".git", ".GIT", "git~1", ".git ", ".g\u200cit", "a\\.git", ".git::$INDEX_ALLOCATION")
CONTROLS = (
    "a\nb",
    "a\n\nReverser-Entry: deadbeef:1\nKubernetes-User: alice",
    "a\tb",
    "a\0b",
    "a\x7f",
    "a\u0085b",
)
ODD = (
    *("git", ".gitignore", "system:node:reader", "a b ", " a", "-a", "~", "A", "a", "'\"", "...", "#", "*"),
    *(
        "$(x)",
        "CON",
        "e\u0301",
        "\u00e9",
        "a\u2028Reverser-Entry: deadbeef:1",
        "\ufeff",
        "\u202eabc",
        "😀" * 80,
    ),
)


@pytest.fixture
def roles(setting: Setting) -> Iterator[dict[str, str]]:
    """The label of cluster roles that are gone afterwards: other tests look at all of the cluster."""
    yield {"test": setting.namespace}
    assert setting.plane.http.delete(ROLES, params={"labelSelector": f"test={setting.namespace}"}).is_success


def test_names_as_free_as_they_get(setting: Setting, roles: dict[str, str]) -> None:
    """A name that stands alone in a path has a place of its own there, or is withheld where it could harm."""
    for name in (*KEPT_BY_GIT, *CONTROLS, *ODD):
        setting.plane.create(ROLES, {"metadata": {"name": name, "labels": roles}, "rules": []})
    template = "roles/{name}/{namespace}.{kind}.{group}.yaml"
    live = {"name": "live", "url": setting.remote.url, "layout": "template", "template": template}
    rule = {"name": "roles", "destination": "live", "resources": ["clusterroles"]}
    rule["selector"] = f"test={setting.namespace}"
    setting.daemon.write(destinations=[live], rules=[rule])

    setting.daemon.start().ready()
    wait_for("the snapshot", setting.remote.head)

    found = {path.split("/")[1] for path in setting.remote.paths()}
    assert {name for name in found if "%" not in name} == {name for name in ODD if len(name.encode()) <= 255}
    assert len(found) == len(ODD)
    assert len(setting.cloned()) == len(ODD)
    assert setting.daemon.metric(WITHHELD) == len(KEPT_BY_GIT) + len(CONTROLS)
    assert {line["reason"] for line in setting.daemon.logged("object withheld")} == {"UnsafePath"}
    for name in (ODD[-1], ".git", "a", "a\0b"):
        assert setting.plane.http.delete(f"{ROLES}/{quote(name)}").is_success
    wait_for("their end", lambda: setting.daemon.metric(WITHHELD) == len(KEPT_BY_GIT) + len(CONTROLS) - 2)
    wait_for("their end", lambda: len(setting.remote.paths()) == len(ODD) - 2)


def lookalikes() -> dict[str, Any]:
    """Hostile strings as keys and values, at the top, in maps and in lists; and numbers."""
    keys = {*HOSTILE, "..", ".git", "a/../b", "../../etc", "", "apiVersion", "metadata"}
    numbers = [0, -1, 2**53, 2**63 - 1, -(2**63), 0.1, 1e-7, 1e21, 1.5e300, -0.5]
    return {
        "keys": dict.fromkeys(sorted(keys), "x"),
        "maps": {key: {key: [key, {key: key}]} for key in sorted(keys)},
        "numbers": numbers,
        "empty": [{}, [], "", None, [[]], [{}]],
    }


def read_by_all(content: bytes, plane: ControlPlane) -> Iterator[Any]:
    """What YAML 1.1, YAML 1.2 and kubectl make of a file."""
    yield yaml.safe_load(content)
    yield YAML(typ="safe", pure=True).load(BytesIO(content))
    yield json.loads(
        plane.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", input=content.decode())
    )


def exactly(value: Any) -> str:
    """Equal in the JSON sense, where 1, 1.0 and true are three values."""
    return json.dumps(value, sort_keys=True)


@pytest.mark.usefixtures("widgets")
def test_keys_and_values_that_are_traps(setting: Setting) -> None:
    """A custom resource of nothing but traps reads the same for everybody, and as the API server has it."""
    place = f"/apis/example.com/v1/namespaces/{setting.namespace}/widgets"
    widget(setting, "traps", lookalikes())
    half = '{"apiVersion":"example.com/v1","kind":"Widget","metadata":{"name":"half","annotations":'
    half += r'{"a.b/c":"\ud800 \udfff","d":"\u0000\u2028\u0085\ufeff\u202e\r\n"},'
    half += '"labels":{"yes":"no","n":"1e3"}},'
    half += r'"spec":{"\ud83d":"\ude00x","pair":"\ud83d\ude00","raw":"' + "\u2028\u0085\ufeff\u202e" + '"}}'
    posted = setting.plane.http.post(
        place, content=half.encode(), headers={"Content-Type": "application/json"}
    )
    assert posted.is_success, posted.text

    setting.daemon.start().ready()
    setting.mirrored()

    for name in ("traps", "half"):
        stored = setting.plane.get(f"{place}/{name}")
        file = setting.cloned()[f"{setting.namespace}/widgets.example.com/{name}.yaml"]
        for document in read_by_all(file, setting.plane):
            assert exactly(document["spec"]) == exactly(stored["spec"])
            for field in ("annotations", "labels"):
                found = document["metadata"].get(field, {})
                assert found == stored["metadata"].get(field, {})


def nested(levels: int) -> Any:
    """Text of an object that deep; made without recursion."""
    return '{"a":' * levels + "1" + "}" * levels


@pytest.fixture
def place(setting: Setting, widgets: None) -> Iterator[str]:
    """Where Widgets are, of which none is left behind: not everybody can read them."""
    place = f"/apis/example.com/v1/namespaces/{setting.namespace}/widgets"
    yield place
    setting.plane.http.delete(place)


def test_objects_nested_too_deep(setting: Setting, place: str) -> None:
    """An object too deep for anybody's reader is withheld, listed or live, and its type goes on."""

    def create(name: str, levels: int) -> None:
        head = f'{{"apiVersion":"example.com/v1","kind":"Widget","metadata":{{"name":"{name}"}},"spec":'
        body = head + nested(levels) + "}"
        done = setting.plane.http.post(place, content=body, headers={"Content-Type": "application/json"})
        assert done.is_success, done.text[:300]

    create("listed", 3000)
    create("deep", 150)
    setting.daemon.start().ready()
    wait_for("the count", lambda: setting.daemon.metric(WITHHELD) == 1)
    for name, levels in (("live", 3000), ("less", 700), ("rather", 300), ("flat", 1)):
        create(name, levels)

    paths = {f"{setting.namespace}/widgets.example.com/{name}.yaml" for name in ("deep", "flat")}
    wait_for("the files", lambda: {path for path in setting.remote.paths() if "/widgets" in path} == paths)
    wait_for("the count", lambda: setting.daemon.metric(WITHHELD) == 4)
    for name in ("listed", "live", "less", "rather"):
        assert setting.plane.http.delete(f"{place}/{name}").is_success
    wait_for("nothing withheld", lambda: setting.daemon.metric(WITHHELD) == 0)
    idle(setting)


@pytest.mark.usefixtures("widgets")
def test_largest_custom_resource_changes_often(setting: Setting) -> None:
    """A custom resource at etcd's limit is mirrored whole, and each of its changes is a commit."""
    place = f"/apis/example.com/v1/namespaces/{setting.namespace}/widgets"
    items = [{"name": f"item-{number}", "value": f"{number:x}" * 12} for number in range(7_000)]
    widget(setting, "large", {"items": items, "text": "line\n" * 160_000, "turn": 0})
    setting.daemon.start().ready()
    setting.mirrored()
    before = setting.remote.head()

    for turn in range(1, 21):
        items[turn * 7]["value"] = "changed"
        patch = {"spec": {"items": items, "turn": turn}} if turn % 5 == 0 else {"spec": {"turn": turn}}
        headers = {"Content-Type": "application/merge-patch+json"}
        assert setting.plane.http.patch(f"{place}/large", json=patch, headers=headers).is_success
    setting.mirrored()

    large = [subject for subject in setting.remote.subjects(before) if "/large by" in subject]
    assert len(large) == 20


TWINS = (("ConfigMap", "configmaps"), ("Event", "events"), ("Secret", "secrets"), ("Ingress", "ingresses"))


def crd(group: str, plural: str, kind: str) -> dict[str, Any]:
    """A CRD like that of widgets."""
    names = {"kind": kind, "plural": plural, "singular": kind.lower()}
    return {
        **CRD,
        "metadata": {"name": f"{plural}.{group}"},
        "spec": {**CRD["spec"], "group": group, "names": names},
    }


@pytest.fixture
def twins(plane: ControlPlane) -> Iterator[str]:
    """A group whose types are called like well-known ones."""
    group = "v1.example.net"
    for kind, plural in TWINS:
        plane.kubectl("apply", "-f", "-", input=json.dumps(crd(group, plural, kind)))
    for _, plural in TWINS:
        plane.kubectl("wait", "--for=condition=Established", f"crd/{plural}.{group}")
        wait_for(plural, lambda plural=plural: plane.http.get(f"/apis/{group}/v1/{plural}").is_success)
    yield group
    plane.kubectl("delete", "crd", *(f"{plural}.{group}" for _, plural in TWINS))


@pytest.mark.parametrize("layout", ["default", "rest"])
def test_types_with_famous_names(setting: Setting, twins: str, layout: str) -> None:
    """`Secret`, `Event`, `Ingress` of another group are types like any other, with files of their own."""
    for kind, plural in TWINS:
        document = {"apiVersion": f"{twins}/v1", "kind": kind, "metadata": {"name": "same"}}
        place = f"/apis/{twins}/v1/namespaces/{setting.namespace}/{plural}"
        setting.plane.create(place, {**document, "spec": {"open": "word"}})
    config_map(setting, "same")
    setting.plane.kubectl(
        "-n", setting.namespace, "create", "secret", "generic", "same", "--from-literal=p=canary"
    )
    live = {"name": "live", "url": setting.remote.url, "layout": layout}
    setting.daemon.write(destinations=[live])

    setting.daemon.start().ready()
    destination = msgspec.convert(live, Destination)

    def wanted() -> dict[str, bytes]:
        return expected_files(setting.plane, setting.rule, destination)

    wait_for("all paths", lambda: setting.remote.paths() == set(wanted()), 60)
    assert difference(setting.cloned(), wanted()) == ""
    assert len([path for path in setting.remote.paths() if path.endswith("same.yaml")]) == 5
    assert sum(b"open: word" in content for content in wanted().values()) == 4


def forgeries(setting: Setting) -> None:
    """Changes whose names, keys, values, managers and times pretend to be something else."""
    place = f"/apis/example.com/v1/namespaces/{setting.namespace}/widgets"
    entry = {"operation": "Update", "apiVersion": "example.com/v1", "fieldsType": "FieldsV1", "fieldsV1": {}}
    times = ("0001-01-01T00:00:00Z", "1901-01-01T00:00:00Z", "9999-12-31T23:59:59Z")
    managers = ("Kubernetes-User: alice", "Reverser-Entry: deadbeef/1", "---")
    for number, (time, manager) in enumerate(zip(times, managers, strict=True)):
        managed = [{**entry, "manager": manager, "time": time}]
        document = {
            "apiVersion": "example.com/v1",
            "kind": "Widget",
            "metadata": {"name": f"forged-{number}", "managedFields": managed},
            "spec": {"value": "1"},
        }
        made = setting.plane.create(place, document)
        made["metadata"]["managedFields"] = managed
        made["spec"] = {
            FORGED: FORGED,
            "value": f"\n\n{FORGED}\n",
            "---": "---\n",
            "(cherry picked from": "x",
        }
        path, query = f"{place}/forged-{number}", {"fieldManager": manager}
        done = setting.plane.http.put(path, json=made, params=query)
        assert done.is_success, done.text
    for name in (
        "a\u2028Kubernetes-User: alice",
        "a\u2029Reverser-Entry: deadbeef:1",
        "Signed-off-by: x <x@y>",
    ):
        setting.plane.create(ROLES, {"metadata": {"name": f"{setting.namespace} {name}"}, "rules": []})


def parsed(message: str) -> list[tuple[str, str]]:
    """The trailers that git itself finds."""
    done = subprocess.run(
        ["git", "interpret-trailers", "--parse"], input=message.encode(), capture_output=True, check=True
    )
    return [
        (name, value.strip())
        for name, _, value in (row.partition(":") for row in done.stdout.decode().split("\n"))
        if name
    ]


@pytest.mark.usefixtures("widgets")
def test_nothing_forges_a_trailer_or_breaks_a_commit(setting: Setting) -> None:
    """Names, keys, values, managers and times of strangers end up as text: git finds our trailers alone."""
    rule = {"name": "all", "destination": "live", "namespaces": [setting.namespace], "cluster_scoped": True}
    rule["resources"] = ["widgets", "clusterroles", "configmaps"]
    setting.daemon.write(rules=[rule])
    setting.daemon.start().ready()
    setting.daemon_idle()

    forgeries(setting)
    idle(setting)
    setting.cloned()

    messages = [setting.remote.message(commit) for commit in setting.remote.commits()]
    assert sum("/forged-" in message for message in messages) >= 6
    for message in messages:
        trailers = parsed(message)
        assert {name for name, _ in trailers} <= TRAILERS
        assert [value for name, value in trailers if name == "Kubernetes-User"] in ([], ["unknown"])
        assert "deadbeef" not in "".join(value for name, value in trailers if name == "Reverser-Entry")
        assert sum(name == "Reverser-Entry" for name, _ in trailers) == 1
    entries = setting.remote.entries()
    assert entries == sorted(set(entries))
