"""Names of destinations: one that has a slash shares nothing with one that is its first part."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from reverser.health import Health
from reverser.intake.secret_warnings import SecretWarnings
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Suspicion
from reverser.model.destination import folder_of, subject_of
from reverser.model.resource import ObjectKey

NAMES = ("shop", "web", "shop/web", "shop/bugs", "web/shop", "shop.web", "shop/web.git")


@pytest.mark.parametrize("one", NAMES)
@pytest.mark.parametrize("other", NAMES)
def test_no_destination_is_inside_another(one: str, other: str) -> None:
    """Neither its folder nor the subject of its conditions."""
    for of in (folder_of, subject_of):
        paths = PurePath(of(one)), PurePath(of(other))
        assert paths[0].is_relative_to(paths[1]) == (one == other)


def test_a_forgotten_destination_takes_only_its_own_conditions_along() -> None:
    """Those of `shop` go, with what is below it; those of `shop/web` stay."""
    health = Health()
    for name in ("shop", "shop/web"):
        health.stalled(subject_of(name), "Unreachable", "no answer")
        health.report(Condition("Bug", f"{subject_of(name)}/bugs", True, "Bug", "one object"))

    health.forget(subject_of("shop"))

    assert {each.subject for each in health.conditions} == {
        "gitrepoconfig/shop/web",
        "gitrepoconfig/shop/web/bugs",
    }
    assert health.is_stalled(subject_of("shop/web"))


def test_warnings_of_secrets_of_one_destination_leave_those_of_another() -> None:
    """When `shop` is shown anew without any, those of `shop/web` are still there."""
    health = Health()
    key = ObjectKey("default", "", "configmaps", "shop", "a")
    warnings = SecretWarnings(health, Metrics())
    warnings.note(("shop/web", key), (Suspicion("data.a", "github-token"),))
    warnings.show()

    warnings.show("shop")

    assert [each.subject for each in health.conditions] == [
        "gitrepoconfig/shop/web/default/shop/configmaps/a"
    ]
