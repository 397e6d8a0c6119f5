"""What becomes of an observer's reports: conditions, once a change of state."""

from __future__ import annotations

import pytest

from reverser.app.cluster_reports import FAILURES_TOLD, ClusterReports
from reverser.config import parse
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.health import Health
from reverser.kube.errors import ApiError, Forbidden, Garbled, Rejected, Silent, Stuck, Unreachable
from reverser.metrics import Metrics
from reverser.model.change import Stream
from reverser.model.condition import Condition
from reverser.model.resource import ResourceType

TEXT = """
destinations = [{name = "live", url = "file:///x"}]
rules = [{name = "all", destination = "live"}]
clusters = [{name = "default"}]
"""
METRICS = Metrics()
MAPS = Stream("default", ResourceType("", "v1", "configmaps", "ConfigMap", True))
PODS = Stream("default", ResourceType("", "v1", "pods", "Pod", True))


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def reports(health: Health) -> ClusterReports:
    return ClusterReports(parse(TEXT, {}), "default", METRICS, health)


def stalled(health: Health) -> dict[str, str]:
    return {each.subject: each.reason for each in health.conditions if each.type == "Stalled" and each.status}


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (Garbled("an event cannot be read"), "Garbled"),
        (ApiError(500, "InternalError", "no"), "ApiError"),
        (StalledError("LoginTimedOut", "the credential plugin took too long"), "LoginTimedOut"),
        (TransientError("the streaming list does not end"), "TransientError"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_any_error_in_a_row_becomes_a_condition(
    reports: ClusterReports, health: Health, error: ReverserError, reason: str
) -> None:
    """Whatever it is that keeps a type from being observed, somebody hears of it."""
    for _ in range(FAILURES_TOLD - 1):
        reports.failed(MAPS, error)
    assert stalled(health) == {}

    reports.failed(MAPS, error)

    assert stalled(health) == {"type/default/configmaps/": reason}
    reports.recovered(MAPS)
    assert stalled(health) == {}


@pytest.mark.parametrize(
    "error", [Forbidden(403, "Forbidden", "no"), Rejected("rubbish"), Stuck("nothing comes")]
)
def test_what_does_not_pass_by_itself_is_told_at_once(
    reports: ClusterReports, health: Health, error: ReverserError
) -> None:
    """A permission that is missing, and a watch that brings nothing."""
    reports.failed(MAPS, error)

    assert stalled(health) == {"type/default/configmaps/": type(error).__name__}


@pytest.mark.parametrize("error", [Unreachable("refused"), Silent("no answer")])
def test_one_type_without_a_connection(
    reports: ClusterReports, health: Health, error: ReverserError, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Discovery answers all along and one type's connections do not: that is the type's condition."""
    monkeypatch.setattr("reverser.app.cluster_reports.UNPROVEN_SECONDS", 0.0)
    reports.discovered([MAPS.type, PODS.type], {})
    for _ in range(FAILURES_TOLD):
        reports.failed(MAPS, error)
    reports.failed(PODS, error)
    assert stalled(health) == {}

    reports.discovered([MAPS.type, PODS.type], {})

    assert stalled(health) == {"type/default/configmaps/": type(error).__name__}


def test_an_outage_is_one_condition(
    reports: ClusterReports, health: Health, monkeypatch: pytest.MonkeyPatch
) -> None:
    """When the API server is away, it is told of and not of each of its types, also once it is back."""
    monkeypatch.setattr("reverser.app.cluster_reports.UNPROVEN_SECONDS", 0.0)
    for stream in (MAPS, PODS) * FAILURES_TOLD:
        reports.failed(stream, Unreachable("refused"))
    reports.unreachable(Unreachable("refused"))
    assert stalled(health) == {"cluster/default": "ApiServerUnreachable"}

    reports.discovered([MAPS.type, PODS.type], {})

    assert stalled(health) == {}


def test_a_short_interruption_is_no_condition(reports: ClusterReports, health: Health) -> None:
    """An API server that restarts between two rounds of discovery is not told of type by type."""
    for _ in range(FAILURES_TOLD):
        reports.failed(MAPS, Unreachable("refused"))

    reports.discovered([MAPS.type], {})

    assert stalled(health) == {}


def test_a_server_that_started_over_is_told_once(reports: ClusterReports, health: Health) -> None:
    """One condition for all types that meet it; a second restore is told again."""
    told = []
    health._on_change = told.append

    reports.started_over(MAPS, "it is at version 5, and 900 was read before")
    reports.started_over(PODS, "it is at version 5, and 901 was read before")
    for stream in (MAPS, PODS):
        reports.listed(stream, 0)
    assert [(each.subject, each.reason, each.status) for each in told] == [
        ("cluster/default", "ServerStartedOver", True)
    ]
    assert "900" in told[0].message

    reports.started_over(PODS, "it is at version 4, and 30 was read before")
    assert len(told) == 2
    assert stalled(health) == {}


def test_a_server_that_answers_who_it_is_and_no_more_stays_stalled(
    reports: ClusterReports, health: Health
) -> None:
    """While etcd is away `/version` answers each time, which is no recovery."""
    told: list[Condition] = []
    health._on_change = told.append
    for _ in range(3):
        reports.connected("https://x", "v1.34")
        reports.unreachable(ApiError(500, "InternalError", "etcd is away"))
    assert [each.reason for each in told] == ["ApiServerUnreachable"]

    reports.discovered([MAPS.type], {})

    assert [each.reason for each in told] == ["ApiServerUnreachable", "Recovered"]
