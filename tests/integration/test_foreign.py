"""Where an object's change goes beside what others have in the branch."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from reverser.errors import WithheldError
from reverser.manifest.emitter import render
from reverser.model.change import Operation, Origin
from reverser.model.entry import Edit, Entry
from reverser.model.repository import Repository
from reverser.model.resource import ObjectKey
from reverser.writer.other_manifests import OtherManifests
from reverser.writer.repository_files import ExistingFiles

KEY = ObjectKey("default", "", "configmaps", "shop", "web")
OWN = "shop/configmaps/web.yaml"
OBJECT = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "web", "namespace": "shop"},
    "data": {"a": "2"},
}
CHANGED = render(OBJECT)
THEIRS = b"""\
# ours
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  namespace: shop
data:
  a: '1' # why
"""
PATCH = THEIRS.replace(b"\ndata:", b"\n$patch: merge\ndata:")


class Tree:
    """A branch with these files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    async def tree(self, commit: str) -> dict[str, tuple[str, str]]:
        del commit
        return {path: ("100644", path) for path in self._files}

    async def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        return {blob: len(self._files[blob]) for blob in ids}

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        return {blob: self._files[blob] for blob in ids}


def entry(content: bytes | None = CHANGED, kind: str = "ConfigMap") -> Entry:
    operation = Operation.UPDATE if content else Operation.DELETE
    return Entry("live", KEY, "v1", kind, operation, Origin.LIVE, Edit(OWN, content), 0.0)


async def edits(
    files: dict[str, bytes], *, ours: set[str] | None = None, changes: Sequence[bytes | None] = (CHANGED,)
) -> list[tuple[str, bytes | None]]:
    """What becomes of these changes, one after the other."""
    repository: Repository = Tree(files)  # type: ignore[assignment]
    others = OtherManifests(repository, "")
    await others.move("head", ours or set())
    foreign = ExistingFiles(repository, others, {})
    placed = [await foreign.place_entry(entry(content)) for content in changes]
    return [(edit.path, edit.content) for each in placed for edit in each.edits]


async def refused(files: dict[str, bytes], content: bytes | None = CHANGED) -> tuple[str, str]:
    with pytest.raises(WithheldError) as caught:
        await edits(files, changes=[content])
    return caught.value.reason, caught.value.message


async def test_the_one_file_that_describes_an_object_is_edited() -> None:
    """Its comments stay, whatever it is called; a change after that, and the deletion, go there too."""
    again = CHANGED.replace(b"2", b"3")

    made = await edits({"misc/x.yml": THEIRS}, changes=[CHANGED, again, None, CHANGED])

    assert made == [
        ("misc/x.yml", THEIRS.replace(b"'1'", b"'2'")),
        ("misc/x.yml", THEIRS.replace(b"'1'", b"'3'")),
        ("misc/x.yml", None),
        (OWN, CHANGED),
    ]


async def test_an_object_with_a_file_of_ours_keeps_it() -> None:
    """A patch or a copy that a person adds later takes nothing over; our file is neither stale nor left."""
    files = {OWN: CHANGED, "overlays/dev/web-patch.yaml": PATCH, "prod/web.yaml": THEIRS}

    made = await edits(files, ours={OWN}, changes=[CHANGED.replace(b"2", b"3"), None])

    assert made == [(OWN, CHANGED.replace(b"2", b"3")), (OWN, None)]


async def test_a_patch_is_not_adopted() -> None:
    """Neither one that a kustomization lists, nor one that says by itself that it is one."""
    listed = b"patches:\n- path: web-patch.yaml\n"

    assert await edits({"dev/kustomization.yaml": listed, "dev/web-patch.yaml": THEIRS}) == [(OWN, CHANGED)]
    assert await edits({"dev/web-patch.yaml": PATCH}) == [(OWN, CHANGED)]


async def test_an_object_that_two_files_describe_is_withheld() -> None:
    """Nobody can tell which to edit: both are named, and neither is touched."""
    reason, message = await refused({"prod/web.yaml": THEIRS, "staging/web.yaml": THEIRS})

    assert reason == "Ambiguous"
    assert "'prod/web.yaml'" in message
    assert "'staging/web.yaml'" in message
    assert (await refused({"prod/web.yaml": THEIRS, "staging/web.yaml": THEIRS}, None))[0] == "Ambiguous"


LEFT_ALONE = [
    ("Templated", THEIRS.replace(b"'1'", b"${cluster_name}")),
    ("Templated", THEIRS.replace(b"'1'", b"{{ .Values.a }}")),
    ("Templated", THEIRS.replace(b"namespace: shop", b"namespace: ${ns}")),
    ("Anchored", THEIRS.replace(b"a: '1'", b"b: &x '1'\n  a: *x")),
    (
        "Anchored",
        THEIRS.replace(b"\ndata:", b"\nx: &x {a: '1'}\ndata:\n  <<: *x").replace(b"  a: '1' # why\n", b""),
    ),
    ("UneditableFile", THEIRS.replace(b"  a:", b"\ta:")),
    (
        "UneditableFile",
        b'{"kind": "List", "apiVersion": "v1", "items": [' + msgspec.json.encode(OBJECT) + b"]}",
    ),
    ("UneditableFile", THEIRS + b"# " + b"x" * 4 * 1024 * 1024),
    ("Encrypted", THEIRS + b"sops:\n  mac: ENC[x]\n  age: []\n"),
    ("Ambiguous", THEIRS.replace(b"  namespace: shop\n", b"")),
]


@pytest.mark.parametrize(("reason", "content"), LEFT_ALONE)
async def test_what_cannot_be_edited_gets_no_second_file(reason: str, content: bytes) -> None:
    """The object is withheld with the reason, and the file is named."""
    told, message = await refused({"misc/x.yaml": content})

    assert told == reason
    assert message.startswith("'misc/x.yaml' describes the object")


async def test_a_secret_that_is_sealed_gets_no_file() -> None:
    """The controller makes the Secret: a second one beside it would undo that."""
    sealed = THEIRS.replace(b"v1", b"bitnami.com/v1alpha1").replace(b"ConfigMap", b"SealedSecret")
    repository: Repository = Tree({"s.yaml": sealed})  # type: ignore[assignment]
    others = OtherManifests(repository, "")
    await others.move("head", ())
    foreign = ExistingFiles(repository, others, {})

    with pytest.raises(WithheldError) as caught:
        await foreign.place_entry(entry(kind="Secret"))

    assert caught.value.reason == "Encrypted"


@pytest.mark.parametrize(
    "existing",
    [
        THEIRS.replace(b"\n", b"\r\n"),
        b"\xef\xbb\xbf" + THEIRS,
        THEIRS.replace(b"\ndata:", b"\nanchored: [&x 1, *x]\ndata:"),
        THEIRS.replace(b"'1' # why", b"'1'\n  literal: ${HOME}"),
        THEIRS + b"...\n",
        b"%YAML 1.1\n---\n" + THEIRS,
        b"x: ${nothing}\n---\n" + THEIRS,
    ],
)
async def test_what_is_odd_elsewhere_is_edited_all_the_same(existing: bytes) -> None:
    """Line ends, a byte order mark, anchors and placeholders beside the edit stay as they are."""
    wanted = OBJECT | ({"anchored": [1, 1]} if b"anchored" in existing else {})
    wanted |= {"data": {"a": "2", "literal": "${HOME}"}} if b"literal" in existing else {}

    made = await edits({"misc/x.yaml": existing}, changes=[render(wanted)])

    assert made == [("misc/x.yaml", existing.replace(b"'1'", b"'2'"))]


async def test_json_is_edited_where_it_stands() -> None:
    """Its brackets, lines and quotes stay."""
    text = b'{\n  "apiVersion": "v1", "kind": "ConfigMap",\n'
    text += b'  "metadata": {"name": "web", "namespace": "shop"},\n  "data": {"a": "1"}\n}\n'

    made = await edits({"misc/x.json": text})

    assert made == [("misc/x.json", text.replace(b'"1"', b'"2"'))]
