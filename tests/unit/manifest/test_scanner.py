"""Promises of reading which objects a file describes."""

from __future__ import annotations

import json

import pytest

from reverser.manifest.scanner import Identity, documents, read

PLAIN = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: win\n  namespace: shop\ndata:\n  a: b\n"
WIN = Identity("", "ConfigMap", "shop", "win")
OBJECT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "win", "namespace": "shop"},
    "data": {"a": "b"},
}


def identities(content: bytes) -> list[Identity | None]:
    """One identity a document, in order."""
    found = {each.index: each.identity for each in read("", content).objects}
    return [found.get(index) for index in range(len(documents(content.decode(errors="replace"))))]


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        PLAIN.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + PLAIN,
        PLAIN + b"  cluster: ${cluster_name}\n",
        PLAIN + b"  values: {{ .Values.all }}\n",
        PLAIN.replace(b"a: b", b"a: &a b\n  c: *a"),
        PLAIN.replace(b"name: win", b"name: &name win").replace(b"a: b", b"a: *name"),
        PLAIN.replace(b"\ndata:", b"\nx: &name win\ndata:").replace(b"name: win", b"name: win # *name"),
        b"x: &name win\n" + PLAIN.replace(b"name: win", b"name: *name"),
        PLAIN.replace(b"  a: b", b"\ta: b"),
        PLAIN.replace(b"kind: ", b"kind:\t"),
        PLAIN.replace(b"name: win", b"name: >-\n    win"),
        PLAIN.replace(b"name: win", b"name:\n    win"),
        PLAIN.replace(b"  name: win", b"  annotations:\n    name: other\n  name: win"),
        PLAIN.replace(b"kind", b'"kind"').replace(b"name:", b"'name':"),
        PLAIN.replace(
            b"metadata:\n  name: win\n  namespace: shop", b"metadata: {name: win, namespace: shop}"
        ),
        b"---\n" + PLAIN + b"...\n",
        PLAIN + b"...\n" + PLAIN.replace(b"win", b"db"),
        b"%YAML 1.1\n---\n" + PLAIN,
        PLAIN.replace(
            b"metadata:\n  name: win\n  namespace: shop", b"metadata: {name: win, namespace: shop} # ours"
        ).replace(b"a: b", b"a: {{ .Values.a }}"),
        PLAIN.replace(b"name: win", b'name: "w\\u0069n"'),
        json.dumps(OBJECT).encode(),
        json.dumps(OBJECT, indent="\t").encode(),
        b"  " + json.dumps(OBJECT, indent=2).replace("\n", "\r\n").encode(),
        b"!!map\n" + PLAIN,
    ],
)
def test_identity_is_read_from_whatever_kubectl_reads(content: bytes) -> None:
    """An object is known from its file also where the file cannot be edited."""
    assert [each for each in identities(content) if each] == [WIN]


def test_every_document_of_a_file_is_read() -> None:
    """One that can be read only whole, or not at all, does not hide the others."""
    content = b"a: [\n---\n" + PLAIN + b"---\n" + json.dumps(OBJECT).encode() + b"\n---\n# nothing\n"

    assert identities(content) == [None, WIN, WIN, None]


def test_the_items_of_a_list_are_described() -> None:
    """A list of objects describes each of them, and none can be edited."""
    content = json.dumps({"apiVersion": "v1", "kind": "List", "items": [OBJECT, {"kind": "x"}]}).encode()

    (found,) = read("a.json", content).objects

    assert (found.identity, found.reason) == (WIN, "UneditableFile")


ITEM = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n  namespace: shop\ndata:\n  a: |\n    - x\n"


def _listed(rest: str, pad: str = "", head: str = "apiVersion: v1\nitems:\n") -> bytes:
    """A list of win and db, as `kubectl get --output yaml` writes it."""
    texts = [ITEM.replace("NAME", name) + rest for name in ("win", "db")]
    items = [pad + "- " + text.rstrip().replace("\n", f"\n{pad}  ") for text in texts]
    return (head + "\n".join(items) + "\nkind: List\nmetadata:\n  resourceVersion: ''\n").encode()


@pytest.mark.parametrize(
    "content",
    [
        _listed(""),
        _listed(f"  b: {'x' * 200_000}\n"),
        _listed(f"  b: {'x' * 200_000}\n", pad="  "),
        _listed("  b: {{ .Values.b }}\n"),
        _listed("  b: {{ .Values.b }}\n", head="# ours\n\nitems: # all\n\n# first\n"),
        _listed("  b: {{ .Values.b }}\n", pad="    ").replace(b"\n", b"\r\n"),
        _listed("").replace(b"kind: List", b"kind: ConfigMapList").replace(b"  kind: ConfigMap\n", b""),
    ],
)
def test_the_items_of_any_list_are_described(content: bytes) -> None:
    """A dump that is too long to be read whole, or a template, hides none of its objects."""
    found = [(each.identity, each.reason) for each in read("a.yaml", content).objects]

    db = Identity("", "ConfigMap", "shop", "db")
    assert found == [(WIN, "UneditableFile"), (db, "UneditableFile")]


@pytest.mark.parametrize("between", ["", "\n", "\r\n  \r\n"])
def test_json_documents_one_behind_the_other_are_described(between: str) -> None:
    """kubectl applies each of them; the file cannot be edited, and none gets a second one."""
    other = json.dumps(OBJECT).replace("win", "db")
    found = read("a.json", (json.dumps(OBJECT, indent=1) + between + other + between).encode()).objects

    assert [(each.identity.name, each.reason) for each in found] == [
        ("win", "UneditableFile"),
        ("db", "UneditableFile"),
    ]


def test_a_sealed_secret_describes_the_secret_too() -> None:
    """What its controller makes of it must not be written beside it."""
    content = (
        b"apiVersion: bitnami.com/v1alpha1\nkind: SealedSecret\nmetadata:\n  name: s\n  namespace: shop\n"
    )

    found = {each.identity: each.reason for each in read("a.yaml", content).objects}

    assert found == {
        Identity("bitnami.com", "SealedSecret", "shop", "s"): "",
        Identity("", "Secret", "shop", "s"): "Encrypted",
    }


@pytest.mark.parametrize(
    "content",
    [
        b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 3\n",
        b"apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  template:\n    spec:\n"
        b"      containers:\n      - name: web\n        image: a\n",
        b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n$patch: delete\n",
        b'{"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "web"}}',
    ],
)
def test_a_patch_is_told_from_a_whole_object(content: bytes) -> None:
    """What the API server would refuse as a new object only changes one that stands elsewhere."""
    assert [each.patch for each in read("a.yaml", content).objects] == [True]
