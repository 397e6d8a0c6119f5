"""The size of a list's pages."""

from __future__ import annotations

from reverser.kube.lists import AIM_BYTES, FIRST, GROWTH, MOST, Pages


def test_pages_of_small_objects_grow_to_the_most() -> None:
    """A step at a time, and no page is refused for more."""
    pages, limits = Pages(), list[int]()
    for _ in range(4):
        limits.append(pages.limit)
        pages.took([1000] * pages.limit)

    assert limits == [FIRST, FIRST * GROWTH, FIRST * GROWTH**2, MOST]


def test_a_page_of_heavy_objects_is_within_the_aim() -> None:
    """Also one object that is larger than a page should be comes, alone."""
    pages = Pages()
    pages.took([1_500_000] * FIRST)
    assert pages.limit * 1_500_000 <= AIM_BYTES

    pages.took([2 * AIM_BYTES])
    assert pages.limit == 1
    pages.took([100])
    assert pages.limit == GROWTH


def test_an_empty_page_says_nothing() -> None:
    """Of the weight of those that follow."""
    pages = Pages()
    pages.took([])

    assert pages.limit == FIRST


def test_a_page_of_the_first_size_that_is_refused_is_not_tried_again() -> None:
    """Only another size may be what the server does not like."""
    pages = Pages()
    assert not pages.refused()

    pages = Pages()
    pages.took([1])
    assert pages.refused()
    assert not pages.refused()
    pages.took([1])
    assert pages.limit == FIRST
