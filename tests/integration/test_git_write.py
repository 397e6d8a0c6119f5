"""What is written is what arrives: trees, paths, messages, ids, and how a killed child is survived."""

from __future__ import annotations

import os
import random
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
import pytest
import trio
import trio.testing

from reverser.errors import StalledError
from reverser.git import fastimport
from reverser.git.repository import open_repository
from reverser.model.commit import Commit
from reverser.model.repository import Repository
from tests.integration.gitserver import GitServer, git, serving
from tests.integration.gitsupport import children, commit, commit_of, destination


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture
async def repository(tmp_path: Path, server: GitServer) -> AsyncIterator[Repository]:
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        yield repository


async def land(
    repository: Repository, *commits: Commit, parent: str = "", at: str | None = None
) -> list[str]:
    """`at`: where the remote is, if not at `parent`."""
    ids = await repository.write(commits, parent)
    result = await repository.push(ids[-1], parent if at is None else at)
    assert result.landed, result
    return ids


async def test_a_commit_arrives_as_it_was_given(server: GitServer, repository: Repository) -> None:
    """Author, committer, both dates and the message arrive byte for byte."""
    [head] = await land(repository, commit("subject\n\nbody — ünïcode", entry="j/1", a="1"))

    raw = git(server.clone(), "cat-file", "commit", head).split("\n", 1)[1]
    assert raw == (
        "author Alice <alice@example.com> 1700000000 +0000\n"
        "committer Reverser <reverser@localhost> 1700000060 +0000\n"
        "\nsubject\n\nbody — ünïcode\n\nReverser-Entry: j/1"
    )


async def test_batch_is_a_chain(server: GitServer, repository: Repository) -> None:
    """Commits of one write follow each other in their order."""
    ids = await land(repository, *(commit(f"c{number}", a=str(number)) for number in range(20)))

    assert server.log("%H") == ids
    assert server.log() == [f"c{number}" for number in range(20)]


async def test_no_ops_are_left_out(server: GitServer, repository: Repository) -> None:
    """A commit that changes nothing is left out, and stands for its parent."""
    ids = await land(
        repository,
        commit("made", a="1"),
        commit("same", a="1"),
        commit("gone already", b=None),
        commit("changed", a="2"),
        commit("same again", a="2"),
    )

    assert ids[0] == ids[1] == ids[2]
    assert ids[3] == ids[4]
    assert server.log() == ["made", "changed"]


@pytest.mark.parametrize("made", [True, False])
async def test_a_no_op_can_be_kept(server: GitServer, repository: Repository, made: bool) -> None:
    """A commit that must be there is written though it changes nothing, also as the first of a branch."""
    kept = msgspec.structs.replace(commit("kept", entry="j/2", a="1" if made else None), allow_empty=True)
    before = [commit("made", a="1")] if made else []

    ids = await land(repository, *before, kept, commit("same", a="1" if made else None))

    assert ids[-1] == ids[-2] not in ids[:-2]
    assert server.log() == [*(each.message.strip() for each in before), "kept"]
    assert [(each.commit, each.entries, each.paths) for each in await repository.landed("", ids[-1])][
        -1:
    ] == [(ids[-1], ("j/2",), ())]


async def test_no_ops_on_a_foreign_parent_are_left_out(server: GitServer, repository: Repository) -> None:
    """What somebody else has committed already is no change."""
    theirs = server.commit({"shop/a": "1"})
    assert await repository.fetch() == theirs

    ids = await repository.write([commit_of({"shop/a": b"1"}), commit_of({"shop/b": None})], theirs)

    assert ids == [theirs, theirs]


async def test_nothing_on_nothing(repository: Repository) -> None:
    """A no-op on an empty branch has no id."""
    assert await repository.write([commit(a=None)], "") == [""]


async def test_executable_bit_of_others_is_taken_back(server: GitServer, repository: Repository) -> None:
    """Writing a file always ends in an ordinary file, whatever mode it had."""
    server.commit({"a": "1"})
    clone = server.clone()
    git(clone, "update-index", "--chmod=+x", "a")
    git(clone, "commit", "--quiet", "--message", "mode")
    git(clone, "push", "--quiet")
    head = await repository.fetch()

    ids = await land(repository, commit(a="1"), parent=head)

    assert (await repository.tree(ids[0]))["a"][0] == "100644"


async def test_last_edit_of_a_path_wins(server: GitServer, repository: Repository) -> None:
    """Edits apply in order; the last edit of a path wins."""
    first = commit(a="1")
    twice = Commit("A <a@b>", "A <a@b>", 0, 0, "m", (*commit(a="2").edits, *commit(a="3").edits))
    await land(repository, first, twice)

    assert server.files() == {"a": b"3"}


async def test_empty_folders_vanish(server: GitServer, repository: Repository) -> None:
    """Removing the last file of a folder removes the folder."""
    await land(
        repository,
        commit_of({"shop/deployments.apps/web.yaml": b"1", "x": b"1"}),
        commit_of({"shop/deployments.apps/web.yaml": None}),
    )

    assert not (server.clone() / "shop").exists()


async def test_files_and_folders_take_each_others_place(server: GitServer, repository: Repository) -> None:
    """A folder may follow a file of the same name, and a file a folder, and back."""
    await land(
        repository,
        commit_of({"a": b"1", "b/x": b"1", "b/c/y": b"1"}),
        commit_of({"a/x": b"2", "b": b"2"}),
        commit_of({"b/c": b"3", "a": b"3"}),
    )

    assert server.files() == {"a": b"3", "b/c": b"3"}


async def test_removing_a_path_that_is_a_folder_now(server: GitServer, repository: Repository) -> None:
    """Removing a file never removes the folder that has taken its place."""
    theirs = server.commit({"a/precious": "1"})
    await repository.fetch()

    assert await repository.write([commit(a=None)], theirs) == [theirs]


PATHS = [
    'quo"te', "back\\slash", "new\nline", "\nleading newline", " blank ", "tab\t", "ünïcode/文件", "a:b",
    "-dash", "#", "$HOME", "\x7f", "☃" * 85, "n" * 255, "/".join("d" * 200 for _ in range(5)), "\udcff.bin",
]  # fmt: skip


async def test_any_path(server: GitServer, repository: Repository) -> None:
    """Every path that Git can hold is written, read, listed, changed and removed as it is."""
    [head] = await land(repository, commit_of(dict.fromkeys(PATHS, b"1"), entry="j/1"))
    assert set(await repository.tree(head)) == set(PATHS)
    assert set((await repository.landed("", head))[0].paths) == set(PATHS)
    assert server.files() == dict.fromkeys(PATHS, b"1")

    assert await repository.write([commit_of(dict.fromkeys(PATHS, b"1"))], head) == [head]
    await land(repository, commit_of({**dict.fromkeys(PATHS, None), "kept": b""}), parent=head)
    assert server.files() == {"kept": b""}


async def test_hostile_people_and_messages(server: GitServer, repository: Repository) -> None:
    """Names that would end a line or a part of it early neither break the stream nor the history."""
    hostile = Commit("a<b>\n\ncommit x <evil<>@x\n>", " <>", -5, 4e9, "m \ud800\n", commit(a="1").edits)
    await land(repository, hostile, commit("next", a="2"))

    assert server.log("%an|%ae|%cn|%at|%s") == [
        "abcommit x evil|@x|unknown|0|m ?",
        "Alice|alice@example.com|Reverser|1700000000|next",
    ]
    server.clone()


async def test_large_commit(server: GitServer, repository: Repository) -> None:
    """One commit of 10,000 files, and a file of 1.5 MB."""
    files = {f"ns{number % 50}/cm/{number}.yaml": b"%d\n" % number for number in range(10_000)}
    await land(repository, commit_of({**files, "large": b"x" * 1_500_000}))

    assert len(server.files()) == 10_001


async def test_many_commits(server: GitServer, repository: Repository) -> None:
    """One write of 5,000 commits makes them all."""
    await land(repository, *(commit(f"c{number}", a=str(number)) for number in range(5_000)))

    assert server.log() == [f"c{number}" for number in range(5_000)]


async def test_second_root(server: GitServer, repository: Repository) -> None:
    """An empty parent starts a history of its own, though others were written before."""
    await repository.write([commit("before", a="1", b="1")], "")
    await land(repository, commit("after", c="1"))

    assert server.log() == ["after"]
    assert server.files() == {"c": b"1"}


async def test_killed_fast_import(server: GitServer, repository: Repository) -> None:
    """`kill -9` of git fast-import between two writes is not noticed."""
    [head] = await repository.write([commit(a="1")], "")
    [child] = children("fast-import")
    os.kill(child, signal.SIGKILL)

    await land(repository, commit("next", a="2"), parent=head, at="")

    assert server.log() == ["one", "next"]


async def test_killed_in_the_middle(server: GitServer, repository: Repository) -> None:
    """`kill -9` of git fast-import in the middle of a write ends in the same commits."""
    [head] = await repository.write([commit(a="1")], "")
    [child] = children("fast-import")
    ids: list[str] = []

    async def write() -> None:
        ids.extend(await repository.write([commit(f"c{n}", a=str(n)) for n in range(3_000)], head))

    async with trio.open_nursery() as nursery:
        nursery.start_soon(write)
        os.kill(child, signal.SIGSTOP)
        await trio.testing.wait_all_tasks_blocked(0.2)
        os.kill(child, signal.SIGKILL)

    assert (await repository.push(ids[-1], "")).landed
    assert server.log() == ["one", *(f"c{n}" for n in range(3_000))]


async def test_random_edits(server: GitServer, repository: Repository) -> None:
    """Whatever is written over whatever, a commit is made exactly when the tree changes."""
    rng = random.Random(11)
    paths = ["a", "a/b", "a/b/c", "a/bc", "b", "b/c", "ab"]
    commits = [commit_of({rng.choice(paths): rng.choice([None, b"1", b"2"])}) for _ in range(600)]
    model: dict[str, bytes] = {}
    states = [dict(model)]
    for each in commits:
        [edit] = each.edits
        if edit.content is None:
            model.pop(edit.path, None)
        else:
            below = [path for path in model if f"{path}/".startswith(f"{edit.path}/")]
            above = [path for path in model if edit.path.startswith(f"{path}/")]
            for path in below + above:
                del model[path]
            model[edit.path] = edit.content
        if model != states[-1]:
            states.append(dict(model))

    await land(repository, *commits)

    assert len(server.log()) == len(states) - 1
    assert server.files() == model


async def test_git_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where git is not installed, the error names git."""
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(StalledError, match="git is not installed"):
        async with open_repository(tmp_path / "ours", destination("file:///x")):
            pass


async def test_cancelled_write(server: GitServer, repository: Repository) -> None:
    """A write that is cancelled leaves a repository that goes on writing."""
    [head] = await repository.write([commit(a="1")], "")
    async with trio.open_nursery() as nursery:
        nursery.start_soon(repository.write, [commit(a=str(n)) for n in range(500)], head)
        await trio.testing.wait_all_tasks_blocked()
        nursery.cancel_scope.cancel()

    await land(repository, commit("next", a="x"), parent=head, at="")
    assert server.files() == {"a": b"x"}


async def test_reopened(tmp_path: Path, server: GitServer) -> None:
    """What a killed process left behind is swept; writing goes on from the remote."""
    folder = tmp_path / "again"
    async with open_repository(folder, destination(server.url)) as repository:
        head = (await land(repository, commit(a="1")))[-1]
    leftovers = [
        folder / "objects/pack/tmp_pack_1",
        folder / "fast_import_crash_1",
        folder / "refs/remotes/origin/branch.lock",
    ]
    for leftover in leftovers:
        leftover.write_text("x")
    (folder / "login-1").mkdir()

    async with open_repository(folder, destination(server.url)) as repository:
        assert await repository.fetch() == head
        assert not any(leftover.exists() for leftover in [*leftovers, folder / "login-1"])
        assert not git(folder, "for-each-ref", "refs/reverser")
        await land(repository, commit(a="2"), parent=head)
    assert server.files() == {"a": b"2"}
    assert not children("git")


async def test_repacks(tmp_path: Path, server: GitServer) -> None:
    """The number of packs stays bounded, and nothing is lost by that."""
    seen = []
    async with open_repository(
        tmp_path / "busy", destination(server.url), observe=lambda *what: seen.append(what)
    ) as repository:
        head = ""
        for number in range(330):
            [head] = await repository.write([commit(f"c{number}", **{f"f{number % 7}": str(number)})], head)
        assert (await repository.push(head, "")).landed

    assert len(list((tmp_path / "busy/objects/pack").glob("*.pack"))) < 200
    assert all(ok for operation, _, ok in seen if operation == "repack")
    assert {"write", "push", "repack"} <= {operation for operation, _, _ in seen}
    assert server.log() == [f"c{number}" for number in range(330)]
    assert len(server.files()) == 7


async def test_many_repositories_share_few_children(
    tmp_path: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A repository that was unused for the longest time loses its child, and writes again all the same."""
    monkeypatch.setattr(fastimport, "MOST_RUNNING", 2)
    async with AsyncExitStack() as stack:
        folders = [tmp_path / f"ours{number}" for number in range(5)]
        repositories = [
            await stack.enter_async_context(open_repository(folder, destination(server.url)))
            for folder in folders
        ]
        heads = [(await each.write([commit("one", a="1")], ""))[0] for each in repositories]
        running = [folder for folder in folders if children(str(folder))]

        assert running == folders[3:]
        [again] = await repositories[0].write([commit("two", a="2")], heads[0])
        assert again != heads[0]
        assert sum(bool(children(str(folder))) for folder in folders) == 2
