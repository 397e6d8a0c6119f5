"""What a stream has proven, and when it has to list again."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from reverser.kube.watch_position import MOST_REWINDS, REWINDS_SECONDS, WatchPosition


def resumed(position: str = "100") -> WatchPosition:
    progress = WatchPosition(silence_seconds=10)
    progress.begin(position)
    return progress


def test_two_silent_connections_make_a_list_due() -> None:
    """A single connection without proof is routine; two for twice the silence are not."""
    progress = resumed()

    progress.opened(0)
    assert not progress.ended(10)
    progress.opened(11)
    assert progress.ended(21)


def test_connections_that_end_early_need_their_time() -> None:
    """A proxy that closes often is no reason to list more often than a silent server."""
    progress = resumed()

    due = []
    for now in range(0, 40, 2):
        progress.opened(now)
        due.append(progress.ended(now + 1))

    assert due.index(True) == 10


def test_a_bookmark_is_proof() -> None:
    """Whatever ended before, a bookmark, an event or a list starts the count anew."""
    progress = resumed()
    progress.opened(0)
    progress.ended(10)
    progress.opened(11)

    progress.moved("101")

    assert not progress.ended(30)
    assert progress.position == "101"


def test_an_outage_is_no_silence() -> None:
    """Time without an answer does not count: only an answered connection can be silent."""
    progress = resumed()

    assert not progress.ended(1000)
    progress.opened(2000)
    assert not progress.ended(2010)


def test_versions_that_went_back_are_noticed() -> None:
    """Of the server, of an event and of a list; equal ones, other texts and none at all are not."""
    progress = resumed("100")

    assert progress.behind("99", 0)
    assert not any(progress.behind(version, 0) for version in ("100", "101", "", "0", "x", "99x"))
    progress.listed("40")
    assert not progress.behind("40", 0)


def test_versions_without_an_order_are_not_compared_all_day() -> None:
    """A server that numbers each object by itself causes a few lists a day, then none."""
    progress = resumed("100")

    for now in range(MOST_REWINDS):
        assert progress.behind("5", now)
        progress.start_over(now)
        progress.listed("100")

    assert not progress.behind("5", MOST_REWINDS)
    assert not progress.behind("5", REWINDS_SECONDS - 1)


def test_a_server_that_is_restored_after_a_quiet_day_is_noticed() -> None:
    """However often its versions have gone back before in the life of this process."""
    progress = resumed("100")
    for now in range(MOST_REWINDS):
        progress.start_over(now)
        progress.listed("100")

    assert progress.behind("5", REWINDS_SECONDS)


def test_a_list_without_a_version_gives_no_position() -> None:
    """What names no version cannot be gone on from, whatever its events are called."""
    progress = resumed("0")
    assert progress.position == ""

    progress.listed("")
    progress.moved("7")

    assert progress.position == ""


@given(st.lists(st.tuples(st.sampled_from(("open", "end", "move", "list")), st.floats(0, 30))))
def test_a_list_is_due_only_after_the_silence(steps: list[tuple[str, float]]) -> None:
    """Whatever happens, no list is due sooner than twice the silence after the last proof."""
    progress, now, version, proven_at = resumed("1"), 0.0, 1, 0.0
    for step, seconds in steps:
        now, version = now + seconds, version + 1
        if step == "open":
            progress.opened(now)
        elif step == "end" and progress.ended(now):
            assert now - proven_at >= 20
        elif step in ("move", "list"):
            progress.moved(str(version)) if step == "move" else progress.listed(str(version))
            proven_at = now
