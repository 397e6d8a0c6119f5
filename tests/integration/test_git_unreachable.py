"""What was written and never landed is dropped; all else is kept."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from reverser.git import housekeeping
from reverser.git.repository import open_repository
from reverser.model.destination import Signing
from reverser.model.secret import SecretRef
from tests.integration.gitserver import GitServer, git
from tests.integration.gitsupport import commit, commit_of, destination
from tests.integration.signing_keys import made

CONTENT_BYTES = 100_000


@pytest.fixture(autouse=True)
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """A few batches that did not land are many."""
    monkeypatch.setattr(housekeeping, "UNREACHABLE_BYTES_MOST", 3 * CONTENT_BYTES)
    monkeypatch.setattr(housekeeping, "LOOSE_EXPIRE", "now")


def size(folder: Path) -> int:
    return sum(file.stat().st_size for file in (folder / "objects").rglob("*") if file.is_file())


def unreached(folder: Path) -> list[str]:
    return git(folder, "fsck", "--full", "--unreachable", "--no-dangling", "--no-progress").splitlines()


@pytest.mark.parametrize("key", ["", "p256"])
async def test_lost_races_take_no_room(tmp_path: Path, key: str) -> None:
    """A branch that somebody always moves first: what was written on the old heads goes, ours still lands."""
    server = GitServer(tmp_path)
    signing = Signing(SecretRef(value=made(key).decode())) if key else None
    target = msgspec.structs.replace(destination(server.file_url), signing=signing)
    folder, sizes = tmp_path / "ours", []
    async with open_repository(folder, target) as repository:
        parent = server.commit({"readme": "0"})
        for number in range(9):
            assert await repository.fetch() == parent
            content = {f"f{n}": os.urandom(CONTENT_BYTES // 10) for n in range(10)}
            [head] = await repository.write([commit_of(content)], parent)
            old, parent = parent, server.commit({"readme": f"moved {number}"})
            assert not (await repository.push(head, old)).landed
            sizes.append(size(folder))
        assert max(sizes) < 6 * CONTENT_BYTES
        await repository.fetch()
        ids = await repository.write([commit(f"c{n}", a=str(n)) for n in range(30)], parent)
        assert (await repository.push(ids[-1], parent)).landed
        await repository.annotate({ids[0]: "note"}, "Reverser <reverser@localhost>", 1.0)
    assert server.files().keys() == {"readme", "a"}
    git(folder, "fsck", "--full", "--strict")


async def test_a_crash_leaves_nothing(tmp_path: Path) -> None:
    """What a process had written when it was killed is dropped by the next one; what landed is not."""
    server = GitServer(tmp_path)
    folder = tmp_path / "ours"
    async with open_repository(folder, destination(server.file_url)) as repository:
        [landed] = await repository.write([commit(a="1")], "")
        assert (await repository.push(landed, "")).landed
        await repository.write([commit(a="2")], landed)
    assert unreached(folder) == []
    async with open_repository(folder, destination(server.file_url)) as repository:
        assert len(unreached(folder)) == 3
        assert await repository.fetch() == landed
        assert unreached(folder) == []
        [head] = await repository.write([commit(a="2")], landed)
        assert (await repository.push(head, landed)).landed
    assert server.files() == {"a": b"2"}
