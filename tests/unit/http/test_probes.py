"""What the operations listener tells, and whom."""

from __future__ import annotations

import pytest

from reverser.health import Health
from reverser.http.probes import WITHHELD_MOST, Probes, on_loopback
from reverser.metrics import Metrics
from reverser.model.condition import Condition, Withheld
from reverser.model.resource import ObjectKey

OBJECTS = (
    Condition(
        "Suspicious", "destination/live/default/shop/configmaps/web", True, "GithubToken", "data.token"
    ),
    Condition("Suspicious", "destination/live/default/shop/configmaps/api", True, "GithubToken", "data.key"),
    Condition("Stalled", "destination/live", True, "UnsafePath", "shop/configmaps/web.yaml is a link"),
    Condition(
        "Stalled", "type/default/widgets.example.com/shop", True, "Forbidden", "user may not list shop"
    ),
)


async def body(health: Health, *, names: bool) -> str:
    """What `/readyz` answers."""
    sent: list[dict[str, object]] = []

    async def send(message: dict[str, object]) -> None:
        sent.append(message)

    async def nothing() -> dict[str, object]:
        return {}

    async def refresh() -> None:
        pass

    async def withheld() -> list[Withheld]:
        key = ObjectKey("default", "", "configmaps", "shop", "web")
        return [Withheld("live", key, "PathTaken", "somebody's", 0.0)] * (WITHHELD_MOST + 2)

    probes = Probes(health, Metrics(), refresh, withheld, names=names)
    await probes({"type": "http", "method": "GET", "path": "/readyz"}, nothing, send)
    found = sent[-1]["body"]
    assert isinstance(found, bytes)
    return found.decode()


@pytest.fixture
def health() -> Health:
    """Some trouble with objects."""
    found = Health()
    for condition in OBJECTS:
        found.report(condition)
    return found


async def test_readyz_off_loopback_names_no_object_and_no_field(health: Health) -> None:
    """Whoever reaches the page learns parts and reasons; how many there are, and where the rest is told."""
    told = await body(health, names=False)

    assert "destination/live Suspicious=True GithubToken (2 times)\n" in told
    assert "destination/live Stalled=True UnsafePath\n" in told
    assert "type/default/widgets.example.com Stalled=True Forbidden\n" in told
    assert "operations.bind" in told
    assert not [word for word in ("shop", "configmaps", "web", "api ", "data.") if word in told]


async def test_readyz_on_loopback_says_all(health: Health) -> None:
    """A person on the machine reads every condition whole."""
    told = await body(health, names=True)

    assert all(f"{each.subject} {each.type}=True {each.reason}: {each.message}\n" in told for each in OBJECTS)
    assert (
        told.count("destination/live/shop/configmaps/web withheld PathTaken: somebody's\n") == WITHHELD_MOST
    )
    assert "2 more objects are withheld: `reverser withheld` lists all\n" in told


@pytest.mark.parametrize(
    ("bind", "local"),
    [
        ("127.0.0.1:8081", True),
        ("127.3.0.1:0", True),
        ("[::1]:8081", True),
        ("localhost:8081", True),
        ("0.0.0.0:8081", False),
        (":8081", False),
        ("[::]:8081", False),
        ("10.0.0.7:8081", False),
        ("reverser.example:8081", False),
    ],
)
def test_what_counts_as_loopback(bind: str, local: bool) -> None:
    """An address that others may reach, or that cannot be told, is none."""
    assert on_loopback(bind) is local
