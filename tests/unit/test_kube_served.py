"""Which types count as served."""

from __future__ import annotations

from reverser.kube.served import GRACE_SECONDS, Served
from reverser.model.resource import ResourceType

PODS = ResourceType("", "v1", "pods", "Pod", namespaced=True)
OLD = ResourceType("example.com", "v1beta1", "widgets", "Widget", namespaced=True)
NEW = ResourceType("example.com", "v1", "widgets", "Widget", namespaced=True)


def test_additions_count_at_once() -> None:
    """A type is served as soon as one answer has it."""
    served = Served()

    served.learn([PODS], now=0)
    served.learn([PODS, NEW], now=1)

    assert served.types == (PODS, NEW)


def test_removals_wait() -> None:
    """A type that is missing stays for the grace, and is known to be missing."""
    served = Served()
    served.learn([PODS, NEW], now=0)

    served.learn([PODS], now=GRACE_SECONDS)

    assert served.types == (PODS, NEW)
    assert served.missing == {NEW}
    served.learn([PODS], now=GRACE_SECONDS + 1)
    assert served.types == (PODS,)
    assert served.missing == frozenset()


def test_a_type_that_blinks_starts_a_new_grace() -> None:
    """Coming back once is enough to be served for another grace."""
    served = Served()
    served.learn([PODS, NEW], now=0)
    served.learn([PODS], now=50)
    served.learn([PODS, NEW], now=55)

    served.learn([PODS], now=100)

    assert served.types == (PODS, NEW)


def test_another_preferred_version_replaces_the_type() -> None:
    """One version a type: the newest answer's."""
    served = Served()
    served.learn([OLD], now=0)

    served.learn([NEW], now=1)

    assert served.types == (NEW,)
