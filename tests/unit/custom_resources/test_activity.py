"""What the daemon does is known per GitRepoConfig, and nothing of other destinations."""

from __future__ import annotations

import msgspec
import pytest

from reverser.custom_resources.activity import ActivityTracker
from reverser.custom_resources.model import Activity
from reverser.model.condition import Condition
from reverser.model.destination import Credentials, Destination
from reverser.model.push import Pushed, PushedCommit

WEB = Destination(name="shop/web", url="https://git.example.com/web.git")
COMMIT = PushedCommit("c" * 40, "A <a@b>", 0.0, "m", ("f",), ())


class Tracked:
    """A tracker of one destination, and the names that it reported."""

    def __init__(self) -> None:
        self.changed: list[str] = []
        self.tracker = ActivityTracker(self.changed.append, lambda: 100.0)
        self.tracker.follow([WEB])

    @property
    def activity(self) -> Activity:
        return self.tracker.of("shop/web")


def stalled(subject: str, *, status: bool = True) -> Condition:
    return Condition("Stalled", subject, status, "AuthenticationFailed", "who are you?")


def test_a_push_is_counted_and_proves_that_the_branch_is_read() -> None:
    """Commits add up, and the head is that of the newest push."""
    tracked = Tracked()

    tracked.tracker.pushed(Pushed("shop/web", "main", "a" * 40, (COMMIT,), WEB.url))
    tracked.tracker.pushed(Pushed("shop/web", "main", "b" * 40, (COMMIT, COMMIT), WEB.url))

    assert tracked.activity == Activity(
        read=True, head="b" * 40, pushed_commit="b" * 40, pushed_at=100.0, commits=3
    )
    assert tracked.changed == ["shop/web"] * 2


def test_a_push_of_the_writer_before_is_not_shown() -> None:
    """What went to another repository or branch, while the spec was changed, is no push of this one."""
    tracked = Tracked()

    tracked.tracker.pushed(Pushed("shop/web", "main", "a" * 40, (COMMIT,), "https://git.example.com/old.git"))
    tracked.tracker.pushed(Pushed("shop/web", "old", "a" * 40, (COMMIT,), WEB.url))

    assert tracked.activity == Activity()


def test_failures_of_others_are_not_ours() -> None:
    """A table of the file called `shop`, and a part of the destination, are other subjects."""
    tracked = Tracked()

    for subject in ("destination/shop", "destination/shop/web", "gitrepoconfig/shop/web/bugs"):
        tracked.tracker.condition(stalled(subject))
    tracked.tracker.pushed(Pushed("shop", "main", "a" * 40, (COMMIT,), WEB.url))

    assert tracked.activity == Activity()
    assert tracked.changed == []


def test_a_failure_lasts_until_it_is_over() -> None:
    """Reason and message are shown from the condition on to its end."""
    tracked = Tracked()
    tracked.tracker.condition(stalled("gitrepoconfig/shop/web"))
    assert tracked.activity.stalled == "AuthenticationFailed"
    tracked.tracker.condition(stalled("gitrepoconfig/shop/web", status=False))

    assert tracked.activity == Activity()


def test_a_destination_that_changes_is_read_again() -> None:
    """A branch that was read says nothing of another branch."""
    tracked = Tracked()
    tracked.tracker.read("shop/web", "a" * 40)
    tracked.tracker.follow([Destination(name="shop/web", url=WEB.url, branch="other")])

    assert not tracked.activity.read
    assert tracked.tracker.unread == ["shop/web"]


def test_a_changed_destination_does_not_have_the_failure_of_the_one_before() -> None:
    """Whoever corrects the spec reads that it is looked at, not that it still fails."""
    tracked = Tracked()
    tracked.tracker.read("shop/web", "a" * 40)
    tracked.tracker.condition(stalled("gitrepoconfig/shop/web"))
    tracked.tracker.follow([Destination(name="shop/web", url=WEB.url, create_branch=False)])

    assert tracked.activity == Activity(head="a" * 40)
    assert tracked.tracker.unread == ["shop/web"]


@pytest.mark.parametrize(
    "changes", [{"url": "https://git.example.com/other.git"}, {"branch": "other"}, {"path": "other"}]
)
def test_what_was_pushed_elsewhere_is_forgotten(changes: dict[str, str]) -> None:
    """Another repository, branch or folder begins without failures, pushes and counts."""
    tracked = Tracked()
    tracked.tracker.pushed(Pushed("shop/web", "main", "a" * 40, (COMMIT,)))
    tracked.tracker.counted("shop/web", 3, 1)
    tracked.tracker.condition(stalled("gitrepoconfig/shop/web"))
    tracked.tracker.follow([msgspec.structs.replace(WEB, **changes)])

    assert tracked.activity == Activity(moved=True)


def test_what_is_deleted_is_forgotten() -> None:
    """Another config of the same name begins without a past."""
    tracked = Tracked()
    tracked.tracker.read("shop/web", "a" * 40)
    tracked.tracker.follow([])
    tracked.tracker.follow([WEB])

    assert tracked.activity == Activity()


def test_a_suspended_destination_is_not_waited_for() -> None:
    """Its branch is not read for as long as it is suspended, so there is no progress to look for."""
    tracked = Tracked()
    tracked.tracker.follow([Destination(name="shop/web", url=WEB.url, suspend=True)])

    assert tracked.tracker.unread == []


def test_a_rotated_login_interrupts_only_what_fails() -> None:
    """A push under way goes on; a destination whose login has failed is tried at once with the new one."""
    tracked = Tracked()
    old, new = {"shop/web": Credentials(username="a")}, {"shop/web": Credentials(username="b")}
    assert list(tracked.tracker.to_retry(old, new)) == []
    tracked.tracker.condition(stalled("gitrepoconfig/shop/web"))

    assert list(tracked.tracker.to_retry(old, new)) == ["shop/web"]
    assert list(tracked.tracker.to_retry(old, old)) == list(tracked.tracker.to_retry({}, new)) == []
