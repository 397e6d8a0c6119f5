"""Notes at commits that are pushed already, on a real remote."""

from __future__ import annotations

from pathlib import Path

from reverser.git.repository import open_repository
from reverser.model.commit import PushOutcome
from reverser.model.repository import Repository
from tests.e2e.remote import Remote, git, install_hook
from tests.integration.gitsupport import commit, destination

COMMITTER = "Reverser <reverser@localhost>"


def shown(remote: Remote, name: str) -> str:
    """The note of a commit, as a person's log shows it."""
    return git("-C", remote.path, "log", "-1", "--format=%N", "--notes=reverser", name).strip()


async def pushed(repository: Repository, parent: str, *commits: str) -> list[str]:
    """The ids of such commits, pushed."""
    ids = await repository.write([commit(name, **{name: "1"}) for name in commits], parent)
    assert (await repository.push(ids[-1], parent)).landed
    return ids


async def test_notes_are_pushed(tmp_path: Path) -> None:
    """A log shows them; a later one takes an earlier one's place; commits stay as they are."""
    remote = Remote(tmp_path / "remote.git")
    async with open_repository(tmp_path / "ours", destination(remote.url)) as repository:
        one, two = await pushed(repository, "", "one", "two")
        first = await repository.annotate({one: "Kubernetes-User: alice\n", two: "x\n"}, COMMITTER, 1.0)
        second = await repository.annotate({two: "Kubernetes-User: bob «ä»\n"}, COMMITTER, 2.0)

    assert (first.outcome, second.outcome) == (PushOutcome.PUSHED, PushOutcome.PUSHED)
    assert shown(remote, one) == "Kubernetes-User: alice"
    assert shown(remote, two) == "Kubernetes-User: bob «ä»"
    assert remote.commits() == [one, two]
    git("-C", remote.path, "fsck", "--strict")


async def test_notes_of_others_stay(tmp_path: Path) -> None:
    """Two daemons, each with a repository of its own, add to the same notes."""
    remote = Remote(tmp_path / "remote.git")
    async with (
        open_repository(tmp_path / "ours", destination(remote.url)) as ours,
        open_repository(tmp_path / "theirs", destination(remote.url)) as theirs,
    ):
        one, two = await pushed(ours, "", "one", "two")
        await theirs.fetch()
        await ours.annotate({one: "ours\n"}, COMMITTER, 1.0)
        await theirs.annotate({two: "theirs\n"}, COMMITTER, 1.0)
        await ours.annotate({one: "ours again\n"}, COMMITTER, 2.0)

    assert (shown(remote, one), shown(remote, two)) == ("ours again", "theirs")


async def test_a_refusal_is_a_value(tmp_path: Path) -> None:
    """A remote whose policy takes no notes says so; the branch goes on."""
    remote = Remote(tmp_path / "remote.git")
    script = 'case "$1" in refs/notes/*) echo "no notes here" >&2; exit 1;; esac'
    install_hook(remote.path, "update", script)
    async with open_repository(tmp_path / "ours", destination(remote.url)) as repository:
        (one,) = await pushed(repository, "", "one")
        result = await repository.annotate({one: "x\n"}, COMMITTER, 1.0)
        await pushed(repository, one, "two")

    assert result.outcome is PushOutcome.REFUSED
    assert "no notes here" in result.message
    assert len(remote.commits()) == 2
