"""What service accounts may read is asked in an order, and as often, that serves everybody."""

from __future__ import annotations

from collections import Counter
from typing import Any

import trio
import trio.testing

from reverser.custom_resources.access_reviews import AT_ONCE, AccessReviews
from reverser.custom_resources.model import AccessQuestion
from reverser.kube.errors import Forbidden


class Server:
    """Answers access reviews."""

    def __init__(self, *allowed: str) -> None:
        self.allowed = {*allowed}
        self.refuses = False
        self.asked_of = Counter[str]()

    async def post(self, _path: str, document: dict[str, Any]) -> dict[str, Any]:
        if self.refuses:
            raise Forbidden(403, "Forbidden", "no reviews")
        resource = document["spec"]["resourceAttributes"]["resource"]
        self.asked_of[resource] += 1
        return {"status": {"allowed": resource in self.allowed}}


class Reviews:
    """Access reviews that are under way, on a clock that jumps."""

    def __init__(self) -> None:
        self.server = Server()
        self.changes = 0
        self.errors: list[str] = []
        self.reviews = AccessReviews(self._change, self.errors.append)

    def _change(self) -> None:
        self.changes += 1


def question(resource: str, namespace: str = "shop") -> AccessQuestion:
    return AccessQuestion(namespace, "default", "", resource, namespace)


async def test_a_denial_is_asked_again_after_growing_pauses(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """In an hour some ten times for each type, and at once when somebody asks for a fresh look."""
    made = Reviews()
    made.reviews.ask([question("pods")])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.reviews.run, made.server)
        await trio.sleep(3600)
        assert made.server.asked_of["pods"] < 20
        assert made.reviews.answers == {question("pods"): False}
        made.server.allowed.add("pods")
        made.reviews.refresh("shop")
        await trio.sleep(1)
        assert made.reviews.answers == {question("pods"): True}
        nursery.cancel_scope.cancel()


async def test_answers_are_handed_on_as_they_come(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """Of many questions the first answers count before the last one is asked."""
    made = Reviews()
    made.reviews.ask([question(f"r{number}") for number in range(3 * AT_ONCE)])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.reviews.run, made.server)
        await trio.sleep(5)
        nursery.cancel_scope.cancel()
    assert made.changes == 3


async def test_it_is_said_when_nothing_can_be_asked(
    autojump_clock: trio.testing.MockClock,
) -> None:
    """With the command that allows it, and that it is over once somebody has."""
    made = Reviews()
    made.server.refuses = True
    made.reviews.ask([question("pods")])
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.reviews.run, made.server)
        await trio.sleep(15)
        assert "kubectl create clusterrole" in made.errors[-1]
        made.server.refuses = False
        await trio.sleep(15)
        assert made.errors[-1] == ""
        nursery.cancel_scope.cancel()
