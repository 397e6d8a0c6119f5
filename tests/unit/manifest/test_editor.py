"""Promises of editing files that people wrote."""

from __future__ import annotations

import pytest
import yaml

from reverser.errors import WithheldError
from reverser.manifest import editor
from reverser.manifest.scanner import Identity, documents, read

FILE = b"""\
# our shop
apiVersion: apps/v1
kind: Deployment
metadata:
    name: "web"   # the front
    namespace: shop
spec:
    replicas: 2 # enough
    template:
        spec:
            containers:
              - name: web
                image: 'a:1'   # pinned
"""


def test_only_what_differs_is_touched() -> None:
    """An edit changes one value and keeps comments, quotes, order and indentation."""
    wanted = yaml.safe_load(FILE)
    wanted["spec"]["replicas"] = 5

    assert editor.edit(FILE, 0, wanted) == FILE.replace(b"replicas: 2", b"replicas: 5")


def test_equal_content_gives_the_same_bytes() -> None:
    """A file that says it already is not touched."""
    assert editor.edit(FILE, 0, yaml.safe_load(FILE)) is FILE


@pytest.mark.parametrize(
    "text", ["yes", "1e3", "0x1f", "12:30", "~", "2024-01-01", "null", "", "a: b", "x\ny\n"]
)
def test_new_strings_stay_strings(text: str) -> None:
    """A new value is read back as the string it is, by a YAML 1.1 reader too."""
    wanted = yaml.safe_load(FILE)
    wanted["metadata"]["annotations"] = {"note": text}

    assert yaml.safe_load(editor.edit(FILE, 0, wanted)) == wanted


def test_other_documents_stay() -> None:
    """Editing or removing one document of a file leaves the others byte for byte."""
    other = b"---\n# two\nkind:   ConfigMap\napiVersion: v1\nmetadata: {name: c}\n"
    wanted = yaml.safe_load(FILE)
    wanted["spec"]["replicas"] = 3

    assert editor.edit(FILE + other, 0, wanted).endswith(other)
    assert editor.remove(FILE + other, 0) == other
    assert editor.remove(FILE, 0) is None


def test_unreadable_file_is_withheld() -> None:
    """A file that is no YAML is withheld, not replaced."""
    with pytest.raises(WithheldError):
        editor.edit(b"a: [", 0, {"a": 1})


def identities(content: bytes) -> list[Identity | None]:
    """One identity a document, in order."""
    found = {each.index: each.identity for each in read("", content).objects}
    return [found.get(index) for index in range(len(documents(content.decode(errors="replace"))))]


def test_identities() -> None:
    """Identity is read from the top level and from metadata only, one a document."""
    text = (
        FILE
        + b"---\nfoo: bar\n---\nkind: Role\napiVersion: rbac.authorization.k8s.io/v1\nmetadata:\n  name: r\n"
    )

    assert identities(text) == [
        Identity("apps", "Deployment", "shop", "web"),
        None,
        Identity("rbac.authorization.k8s.io", "Role", "", "r"),
    ]
    assert "".join(documents(text.decode())) == text.decode()


@pytest.mark.parametrize(
    "content",
    [b"\xff", b"kind: {{ .Kind }}\n", b"a: &x 1\nb: *x\n", b"a: ${var}\n", b"a: 1\r\n", b"%YAML 1.1\n"],
)
def test_files_that_describe_nothing(content: bytes) -> None:
    """What names no object describes none, whatever is in it."""
    assert set(identities(content)) <= {None}
