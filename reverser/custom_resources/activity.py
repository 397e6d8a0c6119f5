"""What the daemon does for the GitRepoConfigs: failures, reads, pushes and counts of their destinations.

It hears of conditions, of branches that were read and of pushes as they happen, and is asked for an
`Activity` a destination. A destination that changes is looked at anew: what was known of its branch counts
no more, nor does a failure of the settings before. One that writes to another repository, branch or folder
begins without a past.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from reverser.custom_resources.model import Activity
from reverser.model.condition import Condition
from reverser.model.destination import Credentials, Destination, subject_of
from reverser.model.push import Pushed

replace = msgspec.structs.replace


class ActivityTracker:
    """The activity of each destination of a GitRepoConfig."""

    def __init__(self, on_change: Callable[[str], None], clock: Callable[[], float]) -> None:
        """`on_change` gets the name of a destination whose activity changed; `clock` has Unix seconds."""
        self._on_change = on_change
        self._clock = clock
        self._destinations: dict[str, Destination] = {}
        self._by_subject: dict[str, str] = {}
        self._activities: dict[str, Activity] = {}
        self._busy = set[str]()

    def follow(self, destinations: Iterable[Destination]) -> None:
        """From now on these are in force, and no others."""
        before, self._destinations = self._destinations, {each.name: each for each in destinations}
        self._by_subject = {subject_of(name): name for name in self._destinations}
        for name in before.keys() - self._destinations.keys():
            self._activities.pop(name, None)
        for name, destination in self._destinations.items():
            former = before.get(name)
            if former is not None and _location(former) != _location(destination):
                self._set(name, Activity(moved=True))
            elif former != destination:
                self._update(name, read=False, stalled="", message="")

    def of(self, destination: str) -> Activity:
        """What is known of one."""
        return self._activities.get(destination, Activity())

    @property
    def unread(self) -> list[str]:
        """Destinations whose branch was not read yet, and that nothing stands in the way of."""
        activities = ((name, self.of(name)) for name, each in self._destinations.items() if not each.suspend)
        return [name for name, each in activities if not (each.read or each.stalled)]

    def to_retry(self, before: Mapping[str, Credentials], after: Mapping[str, Credentials]) -> Iterator[str]:
        """Destinations that fail and whose login is another one now: it is worth trying again at once.

        One that works takes the new login with its next connection; a push that is under way goes on.
        """
        for name, credentials in after.items():
            if name in before and before[name] != credentials and self.of(name).stalled:
                yield name

    def look_again(self, name: str) -> None:
        """What is known of the branch, and the failure that lasts, do not count until it was read again."""
        if name in self._destinations:
            self._update(name, read=False, stalled="", message="")

    def condition(self, condition: Condition) -> None:
        """A condition of the daemon changed."""
        name = self._by_subject.get(condition.subject)
        if name is not None and condition.type == "Stalled":
            reason, message = (condition.reason, condition.message) if condition.status else ("", "")
            self._update(name, stalled=reason, message=message)

    def read(self, destination: str, head: str) -> None:
        """The branch was read, and points to this commit."""
        if destination in self._destinations:
            # A branch is read once the first snapshot is listed: there is no progress to show any more.
            self._update(destination, read=True, head=head, types_listed=0, types_watched=0)

    def pushed(self, pushed: Pushed) -> None:
        """The remote took a push; one of the writer before, to another branch, is no news of this one."""
        current = self._destinations.get(pushed.destination)
        if current is not None and (pushed.url, pushed.branch) == (current.url, current.branch):
            self._busy.add(pushed.destination)
            self._update(
                pushed.destination,
                read=True,
                head=pushed.head,
                pushed_commit=pushed.head,
                pushed_at=self._clock(),
                commits=self.of(pushed.destination).commits + len(pushed.commits),
            )

    def busy(self) -> set[str]:
        """Destinations that pushed since the last call, or that have something waiting."""
        busy, self._busy = self._busy, set()
        return busy | {name for name, each in self._activities.items() if each.pending}

    def progressed(self, destination: str, listed: int, watched: int) -> None:
        """So many types of the first snapshot are listed, of so many."""
        self._update(destination, types_listed=listed, types_watched=watched)

    def counted(self, destination: str, pending: int, withheld: int) -> None:
        """So many changes wait, and so many objects are withheld."""
        self._update(destination, pending=pending, withheld=withheld)

    def _update(self, name: str, **changes: object) -> None:
        self._set(name, replace(self.of(name), **changes))

    def _set(self, name: str, after: Activity) -> None:
        if after != self.of(name):
            self._activities[name] = after
            self._on_change(name)


def _location(destination: Destination) -> tuple[str, str, str]:
    return destination.url, destination.branch, destination.path
