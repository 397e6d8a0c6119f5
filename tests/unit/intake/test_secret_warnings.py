"""Conditions, gauge and log follow what the files of a destination hold."""

from __future__ import annotations

import structlog

from reverser.health import Health
from reverser.intake.secret_warnings import MOST_SHOWN, SecretWarnings
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Suspicion
from reverser.model.resource import ObjectKey

TOKEN = (Suspicion("data.a", "github-token"),)


def place(name: str) -> tuple[str, ObjectKey]:
    return "live", ObjectKey("default", "", "configmaps", "shop", name)


def test_a_condition_lasts_as_long_as_the_value() -> None:
    """It names field and rule, leaves the daemon ready, is counted, and whoever listens hears of its end."""
    heard: list[Condition] = []
    health, metrics = Health(heard.append), Metrics()
    secret_warnings = SecretWarnings(health, metrics)

    secret_warnings.note(place("a"), TOKEN)
    secret_warnings.show()
    (shown,) = health.conditions
    assert (shown.type, shown.reason) == ("Suspicious", "GithubToken")
    assert shown.subject == "destination/live/default/shop/configmaps/a"
    assert "data.a (github-token)" in shown.message
    assert health.ready
    assert health.stalled_count == 0
    assert b'suspicious_values{destination="live"} 1.0' in metrics.expose()

    secret_warnings.note(place("a"), None)
    secret_warnings.show()
    assert health.conditions == [shown]

    secret_warnings.note(place("a"), ())
    secret_warnings.show()
    assert health.conditions == []
    assert [each.status for each in heard] == [True, False]
    assert b'suspicious_values{destination="live"} 0.0' in metrics.expose()


def test_the_log_tells_once_for_an_object_and_rule() -> None:
    """Not again at each change, nor after a restart."""
    secret_warnings = SecretWarnings(Health(), Metrics())
    with structlog.testing.capture_logs() as lines:
        secret_warnings.note(place("a"), TOKEN)
        secret_warnings.note(place("a"), (*TOKEN, Suspicion("data.b", "github-token")))
        secret_warnings.seed(place("b"), TOKEN)
        secret_warnings.note(place("b"), TOKEN)
    assert [(line["object"], line["rule"]) for line in lines] == [("shop/configmaps/a", "github-token")]


def test_of_very_many_objects_the_first_are_shown_and_the_others_counted() -> None:
    """When one of the first is mended, the next one takes its place; a new session begins with its own."""
    health, metrics = Health(), Metrics()
    secret_warnings = SecretWarnings(health, metrics)
    for number in range(MOST_SHOWN + 2):
        secret_warnings.note(place(f"m-{number:02}"), TOKEN)
    secret_warnings.show()
    assert len(health.conditions) == MOST_SHOWN + 1
    assert any(each.message.startswith("2 more objects") for each in health.conditions)

    secret_warnings.note(place("m-00"), ())
    secret_warnings.note(place("m-01"), ())
    secret_warnings.show()
    assert len(health.conditions) == MOST_SHOWN
    assert not any(each.reason == "MoreObjects" for each in health.conditions)

    SecretWarnings(health, metrics).show("live")
    assert health.conditions == []
