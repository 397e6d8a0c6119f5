"""Which types count as served, and how they are looked up."""

from __future__ import annotations

import itertools

import pytest

from reverser.errors import TransientError
from reverser.kube.type_catalog import GRACE_SECONDS, STEADY_SECONDS, ServedTypes, TypeCatalog
from reverser.model.resource import ResourceType

PODS = ResourceType("", "v1", "pods", "Pod", namespaced=True)
OLD = ResourceType("example.com", "v1beta1", "widgets", "Widget", namespaced=True)
NEW = ResourceType("example.com", "v1", "widgets", "Widget", namespaced=True)


def test_additions_count_at_once() -> None:
    """A type is served as soon as one answer has it."""
    served = ServedTypes()

    served.learn([PODS], now=0)
    served.learn([PODS, NEW], now=1)

    assert served.types == (PODS, NEW)


def test_removals_wait() -> None:
    """A type that is missing stays for the grace, and is known to be missing."""
    served = ServedTypes()
    served.learn([PODS, NEW], now=0)

    served.learn([PODS], now=GRACE_SECONDS)

    assert served.types == (PODS, NEW)
    assert served.missing == {NEW}
    served.learn([PODS], now=GRACE_SECONDS + 1)
    assert served.types == (PODS,)
    assert served.missing == frozenset()


def test_a_type_that_blinks_starts_a_new_grace() -> None:
    """Coming back once is enough to be served for another grace."""
    served = ServedTypes()
    served.learn([PODS, NEW], now=0)
    served.learn([PODS], now=50)
    served.learn([PODS, NEW], now=55)

    served.learn([PODS], now=100)

    assert served.types == (PODS, NEW)


def test_another_preferred_version_replaces_the_type() -> None:
    """One version a type: the newest answer's."""
    served = ServedTypes()
    served.learn([OLD], now=0)

    served.learn([NEW], now=1)

    assert served.types == (NEW,)


def versions(served: ServedTypes) -> list[str]:
    return [type_.version for type_ in served.types]


@pytest.mark.parametrize(
    ("one", "other"),
    [([OLD], [NEW, OLD]), ([NEW, OLD], [OLD, NEW]), ([NEW, OLD], [OLD])],
    ids=["older-release", "other-order", "newer-first"],
)
def test_two_releases_behind_one_address_do_not_flip_a_type(
    one: list[ResourceType], other: list[ResourceType]
) -> None:
    """Answers that differ each time move a type once at most, to what both of them serve."""
    served = ServedTypes()

    used = []
    for number in range(200):
        served.learn([one, other][number % 2], now=30.0 * number)
        used += versions(served)

    assert used[-150:] == [used[-1]] * 150
    assert sum(a != b for a, b in itertools.pairwise(used)) <= 1


def test_releases_without_a_common_version_do_not_flip_a_type() -> None:
    """Even then the version changes every few minutes at most, not with each answer."""
    served = ServedTypes()

    used = []
    for number in range(100):
        served.learn([OLD if number % 2 else NEW], now=30.0 * number)
        used += versions(served)

    assert sum(a != b for a, b in itertools.pairwise(used)) <= 100 * 30 / STEADY_SECONDS + 1


def test_a_version_that_stays_preferred_is_taken() -> None:
    """After an upgrade the type moves once every answer has preferred the new version for a while."""
    served = ServedTypes()
    served.learn([OLD], now=0)

    served.learn([NEW, OLD], now=30)
    served.learn([NEW, OLD], now=30 + STEADY_SECONDS - 1)
    assert versions(served) == [OLD.version]

    served.learn([NEW, OLD], now=30 + STEADY_SECONDS)
    assert versions(served) == [NEW.version]


def test_a_version_that_is_no_longer_served_is_left_at_once() -> None:
    """A stream cannot go on at a version that answers 404."""
    served = ServedTypes()
    served.learn([NEW, OLD], now=0)

    served.learn([OLD], now=30)

    assert served.types == (OLD,)


def test_what_gets_an_author_is_selected_or_deletes_others() -> None:
    """Webhooks look up the types of rules, and those whose deletion is the cause of other deletions."""
    namespaces = ResourceType("", "v1", "namespaces", "Namespace", namespaced=False)
    served = ServedTypes(wants=lambda type_: type_ == NEW)

    assert served.may_need_author("", "pods")
    served.learn([PODS, NEW, namespaces], now=0)

    assert served.with_author("example.com", "widgets") == NEW
    assert served.with_author("", "namespaces") == namespaces
    assert served.with_author("", "pods") is None
    assert not served.may_need_author("", "pods")


def test_the_catalog_follows_the_configuration() -> None:
    """What an earlier one selected is not what this one does; a cluster that stays keeps its types."""
    wanted = {PODS}
    served, catalog = ServedTypes(wanted.__contains__), TypeCatalog()
    catalog.observe({"east": lambda: served})
    served.learn([PODS], now=0)
    assert catalog.of_kind("east", "", "Pod") == PODS
    assert catalog.of_kind("east", "", "Node") is None

    assert catalog.of("east").with_author("", "pods") == PODS

    wanted.clear()
    catalog.observe({"east": ServedTypes, "west": ServedTypes})

    assert catalog.of("east").with_author("", "pods") is None
    assert catalog.of_kind("east", "", "Pod") == PODS

    catalog.observe({"west": ServedTypes})

    with pytest.raises(TransientError):
        catalog.of_kind("east", "", "Pod")


def test_another_cluster_under_the_same_name_begins_without_types() -> None:
    """What the former one served does not count for a while longer, and its versions are not clung to."""
    catalog = TypeCatalog()
    catalog.observe({"default": ServedTypes})
    catalog.of("default").learn([OLD], now=0)

    catalog.forget("default")
    catalog.observe({"default": ServedTypes})

    assert catalog.of("default").types == ()
