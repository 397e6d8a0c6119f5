"""Which GitRepoConfigs must wait for another one's folder."""

from __future__ import annotations

from collections.abc import Collection

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reverser.config.destination_checks import folders_overlap
from reverser.custom_resources import remote_urls
from reverser.custom_resources.model import ObjectName
from reverser.custom_resources.overlap import FolderClaim, refused

URLS = [
    "https://git.example.com/a/b",
    "https://git.example.com:3000/a/b",
    "https://git.example.com:80/a/b",
    "http://git.example.com/a/b",
    "ssh://git@git.example.com/a/b",
    "ssh://git@git.example.com:2222/a/b",
    "https://git.example.com/a/c",
]
PATHS = ["", "a", "a/", "a/b", "a/b/c", "ab", "b"]
CLAIMS = st.lists(
    st.builds(
        FolderClaim,
        st.builds(ObjectName, st.sampled_from(["x", "y"]), st.sampled_from("abcdefgh")),
        st.sampled_from(URLS).map(remote_urls.read),
        st.sampled_from(["main", "other"]),
        st.sampled_from(PATHS),
        st.sampled_from(["2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z"]),
        st.booleans(),
    ),
    max_size=8,
    unique_by=lambda claim: claim.config,
)


def collide(one: FolderClaim, other: FolderClaim) -> bool:
    """The plain reading."""
    same = one.branch == other.branch and one.repository.may_equal(other.repository)
    return same and folders_overlap(one.path, other.path)


def order(claim: FolderClaim, proven: Collection[ObjectName]) -> tuple[bool, bool]:
    """Who may try goes before who cannot log in, and among these who has pushed."""
    return not claim.able, claim.config not in proven


def test_who_has_pushed_and_can_push_no_more_gives_way() -> None:
    """Another one may try where the first is refused, cannot log in or is suspended."""
    first, second = (
        FolderClaim(
            ObjectName(name, "x"), remote_urls.read(URLS[0]), "main", "", f"{year}-01-01T00:00:00Z", able=True
        )
        for name, year in (("a", 2025), ("b", 2026))
    )
    pushed = [first.config]
    assert [*refused([first, second], pushed, ())] == [second.config]
    assert [*refused([first, second], pushed, [first.config])] == [first.config]
    locked_out = msgspec.structs.replace(first, able=False)
    assert [*refused([locked_out, second], pushed, ())] == [first.config]


@given(CLAIMS, st.data())
def test_winners_share_nothing_and_losers_have_a_winner_against_them(
    claims: list[FolderClaim], data: st.DataObject
) -> None:
    """No two that write overlap, whoever waits overlaps with one that writes, and order does not matter."""
    proven = (
        data.draw(st.frozensets(st.sampled_from([each.config for each in claims]))) if claims else frozenset()
    )
    losers = refused(claims, proven, ())

    winners = [each for each in claims if each.config not in losers]
    assert not any(collide(one, other) for one in winners for other in winners if one is not other)
    for loser in (each for each in claims if each.config in losers):
        against = [each for each in winners if collide(each, loser)]
        assert against
        better = [each for each in against if order(each, proven) <= order(loser, proven)]
        assert better
    assert refused(claims[::-1], proven, ()) == losers
