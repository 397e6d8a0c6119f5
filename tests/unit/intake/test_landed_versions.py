"""Which events are left out after a takeover."""

from __future__ import annotations

from reverser.intake.landed_versions import LandedVersions
from reverser.model.resource import ObjectKey

KEY = ObjectKey("default", "", "pods", "shop", "web")


def landed() -> LandedVersions:
    versions = LandedVersions()
    versions.recall({"landed/live": '{"default shop/pods/web":9}', "landed/bad": "[", "landed/none": ""})
    return versions


def test_older_events_are_left_out_until_the_version_comes() -> None:
    """In the destination whose branch has it; the event of that version is decided, and all after it."""
    versions = landed()
    assert [versions.has("live", KEY, version) for version in ("7", "8", "9", "5")] == [
        True,
        True,
        False,
        False,
    ]
    assert versions.doubtful() == []
    assert not landed().has("other", KEY, "7")
    assert not landed().has("live", KEY, "seven")


def test_a_version_that_never_comes_is_doubtful_once() -> None:
    """Events were left out for it, so the type has to be listed."""
    versions = landed()
    assert versions.doubtful() == []
    assert versions.has("live", KEY, "8")
    assert versions.doubtful() == [KEY]
    assert versions.doubtful() == []
    assert not versions.has("live", KEY, "8")


def test_versions_of_another_history_are_forgotten() -> None:
    """Nothing is left out any more, and the journal is told."""
    versions = landed()
    assert versions.forget() == {"landed/live": ""}
    assert not versions.has("live", KEY, "7")
