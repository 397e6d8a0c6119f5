"""Files of the branch that carry our trailers and are odd: each is left out alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from reverser.journal.sqlite import open_journal
from reverser.manifest import editor
from reverser.model.resource import ResourceType
from reverser.writer.other_manifests import OtherManifests
from reverser.writer.recovery import Recovery
from tests.writing import context

MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True)
GOOD = b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: good\n  namespace: shop\n"
ODD = {
    "name": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {a: 1}\n  namespace: shop\n",
    "namespace": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  namespace: [shop]\n",
    "kind": b"apiVersion: v1\nkind: {a: b}\nmetadata:\n  name: a\n  namespace: shop\n",
    "apiVersion": b"apiVersion: 1\nkind: ConfigMap\nmetadata:\n  name: a\n",
    "metadata": b"apiVersion: v1\nkind: ConfigMap\nmetadata: text\n",
    "number": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: 5\n  namespace: 2026-01-02\n",
    "key": b"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  ? {a: b}\n  : c\n",
    "nothing": b"",
}


class Repository:
    """A branch of files."""

    def __init__(self, files: dict[str, bytes]) -> None:
        self._files = files

    async def tree(self, _commit: str) -> dict[str, tuple[str, str]]:
        return {path: ("100644", path) for path in self._files}

    async def sizes(self, ids: Sequence[str]) -> dict[str, int]:
        return {each: len(self._files[each]) for each in ids}

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        return {each: self._files[each] for each in ids}


async def recorded(folder: Path, files: dict[str, bytes]) -> list[str]:
    """Paths of the records that are rebuilt from a branch of these files."""
    async with open_journal(folder) as journal:
        repository = Repository(files)
        recovery = Recovery(context(journal, resolve_type=lambda *_: MAPS), repository)
        await recovery.rebuild_records("1" * 40, dict.fromkeys(files, "default"), [], trusted=True)
        return [record.path for record in await journal.some_records("live", None, 100_000)]


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD)
async def test_an_odd_file_leaves_out_itself_alone(tmp_path: Path, odd: bytes) -> None:
    """Whoever may push may write any file with our trailers: those of objects are taken over, it is not."""
    files = {"shop/configmaps/a.yaml": odd, "shop/configmaps/good.yaml": GOOD}

    assert "shop/configmaps/good.yaml" in await recorded(tmp_path, files)


async def test_a_file_that_cannot_be_parsed_leaves_out_itself_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same where it is our own mistake."""
    real = editor.parse

    def faulty(content: bytes) -> object:
        if b"bad" in content:
            raise KeyError("canary-hunter2")
        return real(content)

    monkeypatch.setattr(editor, "parse", faulty)
    files = {"bad.yaml": GOOD.replace(b"good", b"bad"), "good.yaml": GOOD}

    assert await recorded(tmp_path, files) == ["good.yaml"]


class Measured(Repository):
    """A branch that remembers how much is read of it at a time."""

    def __init__(self, files: dict[str, bytes]) -> None:
        super().__init__(files)
        self.files: list[int] = []
        self.bytes: list[int] = []

    async def blobs(self, ids: Sequence[str]) -> dict[str, bytes]:
        found = await super().blobs(ids)
        self.files.append(len(ids))
        self.bytes.append(sum(map(len, found.values())))
        return found


def files(count: int, padding: int) -> dict[str, bytes]:
    """Files of ConfigMaps, so many, with a comment of so many bytes."""
    comment = b"# " + b"x" * padding + b"\n"
    named = {str(number): GOOD.replace(b"good", b"n%d" % number) for number in range(count)}
    return {f"{name}.yaml": content + comment for name, content in named.items()}


@pytest.mark.parametrize(("count", "padding"), [(1200, 10), (30, 1024 * 1024)], ids=["many", "large"])
async def test_our_files_are_read_a_part_at_a_time(tmp_path: Path, count: int, padding: int) -> None:
    """However many and large they are, 500 and 16 MiB are in memory; each becomes a record, and those that
    differ from theirs after a history was rewritten are found.
    """
    branch = Measured(files(count, padding))
    async with open_journal(tmp_path) as journal:
        live = context(journal, resolve_type=lambda *_: MAPS)
        recovery = Recovery(live, branch)
        written = dict.fromkeys(branch._files, "default")
        await recovery.rebuild_records("1" * 40, written, [], trusted=True)
        assert len(await journal.some_records("live", None, 100_000)) == count

        branch._files["7.yaml"] = b"another"
        await recovery.restore_files("2" * 40, [], live.identity, {}, 1.0)
        restored = await journal.pending("live")

    assert [each.edit.path for each in restored] == ["7.yaml"]
    assert max(branch.files) <= 500
    assert max(branch.bytes) <= 16 * 1024 * 1024


async def test_manifests_of_others_are_read_a_part_at_a_time() -> None:
    """A branch with large manifests costs 16 MiB at a time, and every object in them is known."""
    branch = Measured(files(30, 1024 * 1024))
    others = OtherManifests(branch, "")  # type: ignore[arg-type]
    await others.move("1" * 40, ())

    assert len(others.described_objects()) == 30
    assert max(branch.bytes) <= 16 * 1024 * 1024
