"""The remote as it really is: empty, moved by others, refusing, denying, silent, rewritten."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import msgspec
import pytest
import trio

from reverser.errors import StalledError, TransientError
from reverser.git.remote_check import check_remote
from reverser.git.repository import open_repository
from reverser.model.commit import PushOutcome
from reverser.model.destination import Credentials, Destination
from reverser.model.repository import Landed, Repository
from reverser.model.secret import SecretRef
from tests.e2e.remote import install_hook
from tests.integration.gitserver import GitServer, basic, git, serving
from tests.integration.gitsupport import commit, commit_of, destination, gone, processes


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    with serving(tmp_path) as server:
        yield server


@pytest.fixture(params=["http", "file"])
async def repository(
    tmp_path: Path, server: GitServer, request: pytest.FixtureRequest
) -> AsyncIterator[Repository]:
    url = server.url if request.param == "http" else server.file_url
    async with open_repository(tmp_path / "ours", destination(url)) as repository:
        yield repository


def with_password(server: GitServer, password: SecretRef) -> Destination:
    return destination(server.url, credentials=Credentials(username="git", password=password))


async def test_empty_repository(server: GitServer, repository: Repository) -> None:
    """An empty repository has no head; the first push makes the branch."""
    assert await repository.fetch() == ""

    [head] = await repository.write([commit(a="1")], "")
    result = await repository.push(head, "")
    assert (result.outcome, result.head) == (PushOutcome.PUSHED, head)
    assert await repository.fetch() == head == server.head


async def test_missing_branch(tmp_path: Path, server: GitServer) -> None:
    """A branch that is missing beside others is made by the first push; the others stay."""
    theirs = server.commit({"readme": "hello"})
    async with open_repository(tmp_path / "ours", destination(server.url, "state/live")) as repository:
        assert await repository.fetch() == ""
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).landed

    assert (server.clone("state/live") / "a").read_text() == "1"
    assert server.head == theirs


@pytest.mark.parametrize("kind", ["http", "file"])
async def test_a_branch_that_may_not_be_made(tmp_path: Path, server: GitServer, kind: str) -> None:
    """Missing beside others it is told so, by `check` too; once somebody has pushed it, it is read."""
    theirs = server.commit({"readme": "hello"})
    url = server.url if kind == "http" else server.file_url
    there = msgspec.structs.replace(destination(url, "state/live"), create_branch=False)
    async with open_repository(tmp_path / "ours", there) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
        assert (caught.value.reason, "'state/live'" in caught.value.message) == ("BranchNotFound", True)
        assert "create_branch" in caught.value.hint
        report = await check_remote(there)
        assert (report.reachable, report.head, report.reason) == (True, "", "BranchNotFound")

        git(server.bare, "update-ref", "refs/heads/state/live", theirs)
        assert await repository.fetch() == theirs
        assert (await check_remote(there)).push_allowed


async def test_the_branch_of_an_empty_repository_is_always_made(tmp_path: Path, server: GitServer) -> None:
    """There is nothing that it could have been mistaken for."""
    there = msgspec.structs.replace(destination(server.url), create_branch=False)
    async with open_repository(tmp_path / "ours", there) as repository:
        assert (await check_remote(there)).push_allowed
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        assert (await repository.push(head, "")).landed
    assert server.head == head


async def test_up_to_date(repository: Repository) -> None:
    """Pushing what the remote has is a success."""
    [head] = await repository.write([commit(a="1")], "")
    await repository.push(head, "")

    result = await repository.push(head, "")
    assert (result.outcome, result.head) == (PushOutcome.UP_TO_DATE, head)


async def test_somebody_else_was_faster(server: GitServer, repository: Repository) -> None:
    """A push on an old head is STALE; the fetch then shows theirs, and ours goes on top."""
    server.commit({"readme": "hello"}, "start")
    start = await repository.fetch()
    theirs = server.commit({"theirs/file": "1"}, "their work")
    [head] = await repository.write([commit(a="1")], start)
    assert (await repository.push(head, start)).outcome is PushOutcome.STALE

    assert await repository.fetch() == theirs
    added = ("theirs/file",)
    assert await repository.landed(start, theirs) == [Landed(theirs, (), added, added=added)]
    [head] = await repository.write([commit("ours", a="1")], theirs)
    assert (await repository.push(head, theirs)).landed
    assert server.log() == ["start", "their work", "ours"]
    assert set(server.files()) == {"readme", "theirs/file", "a"}


async def test_moved_in_the_middle_of_a_push(tmp_path: Path, server: GitServer) -> None:
    """A branch that moves between the remote's offer and our update is STALE, not a refusal."""
    start = server.commit({"readme": "hello"}, "start")
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        server.race = lambda: server.commit({"theirs": "1"}, "their work")

        assert (await repository.push(head, start)).outcome is PushOutcome.STALE
    assert server.log() == ["start", "their work"]


async def test_branch_made_in_the_middle_of_a_push(tmp_path: Path, server: GitServer) -> None:
    """A branch that somebody else makes while we are making it is STALE too."""
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        server.race = lambda: server.commit({"theirs": "1"}, "their work")

        assert (await repository.push(head, "")).outcome is PushOutcome.STALE
    assert server.log() == ["their work"]


async def test_refused_by_policy(server: GitServer, repository: Repository) -> None:
    """A hook's refusal comes back in its own words; when it ends, the same commit lands."""
    server.refuse("main is frozen\nask Alice")
    [head] = await repository.write([commit(a="1")], await repository.fetch())

    result = await repository.push(head, "")
    assert result.outcome is PushOutcome.REFUSED
    assert "main is frozen; ask Alice" in result.message
    assert server.head == ""
    server.allow()
    assert (await repository.push(head, "")).outcome is PushOutcome.PUSHED
    assert server.head == head


async def test_rewritten_history(server: GitServer, repository: Repository) -> None:
    """A forced push of somebody else is fetched, told from growth, and read as a whole."""
    [ours] = await repository.write([commit(entry="j/1", a="1")], await repository.fetch())
    await repository.push(ours, "")
    theirs = server.commit({"other": "1"}, "rewritten", force=True)

    assert await repository.fetch() == theirs
    assert not await repository.is_ancestor(ours, theirs)
    assert [each.commit for each in await repository.landed(ours, theirs)] == [theirs]
    [head] = await repository.write([commit(a="1")], theirs)
    assert (await repository.push(head, theirs)).landed
    assert server.log() == ["rewritten", "one"]


async def test_a_rewound_history_is_not_pushed_back(server: GitServer, repository: Repository) -> None:
    """A push on a head that somebody has rewound the branch from is STALE, and changes nothing."""
    start = server.commit({"readme": "hello"}, "start")
    mistake = server.commit({"readme": "password"}, "mistake")
    [head] = await repository.write([commit(a="1")], await repository.fetch())
    git(server.bare, "update-ref", "refs/heads/main", start)

    assert (await repository.push(head, mistake)).outcome is PushOutcome.STALE
    assert server.log() == ["start"]
    git(server.bare, "update-ref", "-d", "refs/heads/main")
    assert (await repository.push(head, mistake)).outcome is PushOutcome.STALE
    assert server.head == ""


async def test_a_remote_that_refuses_forced_pushes(server: GitServer, repository: Repository) -> None:
    """It takes ours, which only ever add to what is there."""
    git(server.bare, "config", "receive.denyNonFastForwards", "true")
    git(server.bare, "config", "receive.denyDeletes", "true")
    parent = ""
    for number in range(2):
        [head] = await repository.write([commit(str(number), a=str(number))], parent)
        assert (await repository.push(head, parent)).outcome is PushOutcome.PUSHED
        parent = head
    assert server.log() == ["0", "1"]


async def test_what_would_replace_a_commit_is_not_pushed(server: GitServer, repository: Repository) -> None:
    """A commit that does not descend from the branch is a mistake of ours, found before it is sent."""
    theirs = server.commit({"readme": "hello"}, "start")
    assert await repository.fetch() == theirs
    [head] = await repository.write([commit(a="1")], "")

    with pytest.raises(ValueError, match="does not descend"):
        await repository.push(head, theirs)
    assert server.log() == ["start"]


async def test_landed_reads_trailers(server: GitServer, repository: Repository) -> None:
    """Entries, audits and paths of each commit come oldest first, since a head or from the beginning."""
    ids = await repository.write(
        [
            commit("one", entry="j/1", a="1"),
            commit("two", entry="j/2-4\nReverser-Entry: j/7", b="1", c="1"),
            commit("three\n\nReverser-Audit: x; y\nReverser-Audit: z", a=None),
        ],
        "",
    )
    await repository.push(ids[-1], "")

    assert await repository.landed("", ids[-1]) == [
        Landed(ids[0], ("j/1",), ("a",), added=("a",)),
        Landed(ids[1], ("j/2-4", "j/7"), ("b", "c"), added=("b", "c")),
        Landed(ids[2], (), ("a",), audits=("x; y", "z"), removed=("a",)),
    ]
    assert [each.commit for each in await repository.landed(ids[1], ids[2])] == ids[2:]
    assert len(await repository.landed("0" * 39 + "1", ids[2])) == 3
    assert await repository.landed(ids[2], ids[2]) == []
    assert await repository.is_ancestor(ids[0], ids[2])
    assert not await repository.is_ancestor("0" * 39 + "1", ids[2])


async def test_landed_reads_merges(server: GitServer, repository: Repository) -> None:
    """A merge stands for what it alone has changed; empty commits have no paths."""
    server.commit({"base": "1", "both": "1"}, "base")
    clone = server.clone()
    git(clone, "checkout", "--quiet", "-b", "side")
    (clone / "side").write_text("1")
    (clone / "both").write_text("side")
    git(clone, "add", "--all")
    git(clone, "commit", "--quiet", "--message", "side")
    git(clone, "checkout", "--quiet", "main")
    git(clone, "commit", "--quiet", "--allow-empty", "--message", "empty")
    (clone / "both").write_text("main")
    git(clone, "commit", "--quiet", "--all", "--message", "main")
    git(clone, "merge", "--quiet", "--no-commit", "--strategy=ours", "side")
    (clone / "both").write_text("resolved")
    git(clone, "add", "both")
    git(clone, "commit", "--quiet", "--message", "merge")
    git(clone, "push", "--quiet", "origin", "main")

    found = await repository.landed("", await repository.fetch())
    subjects = [git(clone, "log", "-1", "--format=%s", each.commit) for each in found]
    paths = dict(zip(subjects, [each.paths for each in found], strict=True))
    assert paths == {
        "base": ("base", "both"),
        "side": ("both", "side"),
        "empty": (),
        "main": ("both",),
        "merge": ("both",),
    }


async def test_tree_shows_symlinks(server: GitServer, repository: Repository) -> None:
    """A symlink is seen as one; contents of blobs are read exactly, once each."""
    server.commit({"folder/file": "line\n\x00\n", "empty": ""})
    clone = server.clone()
    (clone / "link").symlink_to("folder")
    git(clone, "add", "link")
    git(clone, "commit", "--quiet", "--message", "link")
    git(clone, "push", "--quiet")

    tree = await repository.tree(await repository.fetch())
    assert {path: mode for path, (mode, _) in tree.items()} == {
        "folder/file": "100644",
        "empty": "100644",
        "link": "120000",
    }
    ids = [blob for _, blob in tree.values()]
    contents = await repository.blobs([*ids, *ids])
    assert {path: contents[blob] for path, (_, blob) in tree.items()} == {
        "folder/file": b"line\n\x00\n",
        "empty": b"",
        "link": b"folder",
    }
    assert await repository.blobs([]) == {}
    with pytest.raises(TransientError):
        await repository.blobs(["0" * 39 + "1"])


async def test_password_is_read_at_each_use(tmp_path: Path, server: GitServer) -> None:
    """A password that changes in its file is used without a restart; a wrong one is DENIED."""
    password = tmp_path / "password"
    password.write_text("first\n")
    server.login = basic("git", "second")
    async with open_repository(
        tmp_path / "ours", with_password(server, SecretRef(file=str(password)))
    ) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
        assert caught.value.reason == "AuthenticationFailed"
        [head] = await repository.write([commit(a="1")], "")
        result = await repository.push(head, "")
        assert result.outcome is PushOutcome.DENIED
        assert "first" not in result.message

        password.write_text("second\n")
        assert await repository.fetch() == ""
        assert (await repository.push(head, "")).landed
    assert server.files() == {"a": b"1"}


async def test_bearer_token(tmp_path: Path, server: GitServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """A token goes as a bearer token."""
    monkeypatch.setenv("LIVE_TOKEN", "s3cret")
    server.login = "Bearer s3cret"
    credentials = Credentials(token=SecretRef(env="LIVE_TOKEN"))
    async with open_repository(
        tmp_path / "ours", destination(server.url, credentials=credentials)
    ) as repository:
        [head] = await repository.write([commit_of({"a": b"1" * 2_000_000})], await repository.fetch())
        assert (await repository.push(head, "")).landed
    assert set(server.authorizations) == {"Bearer s3cret"}


async def test_unreadable_password(tmp_path: Path, server: GitServer) -> None:
    """A password file that is missing stalls, and names the file."""
    target = with_password(server, SecretRef(file=str(tmp_path / "none")))
    async with open_repository(tmp_path / "ours", target) as repository:
        with pytest.raises(StalledError, match="none cannot be read") as caught:
            await repository.fetch()
    assert caught.value.reason == "CredentialsUnreadable"


async def test_read_only(tmp_path: Path, server: GitServer) -> None:
    """Credentials that may read and not push are DENIED at the push."""
    server.read_only = True
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        result = await repository.push(head, "")
    assert result.outcome is PushOutcome.DENIED
    assert "403" in result.message


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "AuthenticationFailed"), (403, "AccessDenied"), (404, "RepositoryNotFound")]
)
async def test_denied(tmp_path: Path, server: GitServer, status: int, reason: str) -> None:
    """What a person must mend stalls with its reason and a hint, and a push of it is DENIED."""
    server.status = status
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).outcome is PushOutcome.DENIED
    assert caught.value.reason == reason
    assert caught.value.hint


@pytest.mark.parametrize("status", [500, 503, 429])
async def test_passing_faults(tmp_path: Path, server: GitServer, status: int) -> None:
    """A remote that is ill is tried again."""
    server.status = status
    async with open_repository(tmp_path / "ours", destination(server.url)) as repository:
        with pytest.raises(TransientError):
            await repository.fetch()
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).outcome is PushOutcome.UNREACHABLE


async def test_unreachable(tmp_path: Path) -> None:
    """A port where nobody listens is tried again."""
    async with open_repository(tmp_path / "ours", destination("http://127.0.0.1:1/live.git")) as repository:
        with pytest.raises(TransientError, match="Failed to connect"):
            await repository.fetch()
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).outcome is PushOutcome.UNREACHABLE


async def test_no_such_file_remote(tmp_path: Path) -> None:
    """A folder that holds no repository is a person's business."""
    async with open_repository(tmp_path / "ours", destination(f"file://{tmp_path}/none.git")) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    assert caught.value.reason == "RepositoryNotFound"


async def test_silence_is_bounded(tmp_path: Path, server: GitServer) -> None:
    """A remote that answers nothing is UNREACHABLE after a bounded time, and leaves no child."""
    server.hanging = True
    async with open_repository(tmp_path / "ours", destination(server.url), silent_seconds=0.3) as repository:
        [head] = await repository.write([commit(a="1")], "")
        with trio.fail_after(20):
            result = await repository.push(head, "")
            with pytest.raises(TransientError):
                await repository.fetch()
    assert result.outcome is PushOutcome.UNREACHABLE
    assert "no answer" in result.message
    await gone(server.url)


async def test_cancelled_push(tmp_path: Path, server: GitServer) -> None:
    """Cancelling a push ends it with all that it started; no command line ever shows the password."""
    server.hanging = True
    target = with_password(server, SecretRef(value="hunter2"))
    async with open_repository(tmp_path / "ours", target) as repository:
        [head] = await repository.write([commit(a="1")], "")
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(repository.push, head, "")
                while not server.authorizations:
                    await trio.sleep(0.01)
                assert processes(server.url)
                assert not processes("hunter2")
                assert not processes(basic("git", "hunter2").split()[1])
                nursery.cancel_scope.cancel()
        await gone(server.url)


async def test_cancelled_push_that_is_nearly_done(tmp_path: Path, server: GitServer) -> None:
    """It ends by itself: one that is killed may leave a lock in the remote, which then takes nothing more."""
    begun = tmp_path / "begun"
    install_hook(server.bare, "update", f': > "{begun}"\nsleep 0.3\necho done >&2')
    async with open_repository(tmp_path / "ours", destination(server.file_url)) as repository:
        [head] = await repository.write([commit(a="1")], "")
        with trio.fail_after(20):
            async with trio.open_nursery() as nursery:
                nursery.start_soon(repository.push, head, "")
                while not begun.exists():
                    await trio.sleep(0.01)
                nursery.cancel_scope.cancel()

        assert server.head == head
        assert [*server.bare.rglob("*.lock")] == []
        assert await repository.fetch() == head


async def test_password_in_url(tmp_path: Path, server: GitServer) -> None:
    """A URL with a password is refused, and its password is not repeated."""
    url = server.url.replace("//", "//me:hunter2@")
    async with open_repository(tmp_path / "ours", destination(url)) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
    assert caught.value.reason == "PasswordInUrl"
    assert "hunter2" not in str(caught.value)


async def test_probe(server: GitServer) -> None:
    """A probe tells what may be done, and changes nothing."""
    theirs = server.commit({"readme": "hello"})
    refs = git(server.bare, "for-each-ref")

    report = await check_remote(destination(server.url))
    assert (report.reachable, report.head, report.push_allowed) == (True, theirs, True)
    assert (await check_remote(destination(server.url, "other"))).head == ""
    server.read_only = True
    report = await check_remote(destination(server.url))
    assert (report.reachable, report.push_allowed, report.reason) == (True, False, "AccessDenied")
    server.status = 401
    report = await check_remote(destination(server.url))
    assert (report.reachable, report.reason) == (False, "AuthenticationFailed")
    report = await check_remote(destination("http://127.0.0.1:1/x.git"))
    assert (report.reachable, report.reason) == (False, "Unreachable")
    assert git(server.bare, "for-each-ref") == refs
