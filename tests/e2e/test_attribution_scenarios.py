"""A table of scenarios on a real API server: every commit has the right author, and there is no other.

Each scenario acts in a namespace of its own and says which commits must follow. All scenarios of a
source of evidence share one daemon, and each is held to every commit since the one before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from tests.e2e.daemon import wait_for
from tests.e2e.servers import ControlPlane
from tests.e2e.who.cascades import CASCADES
from tests.e2e.who.crowd import OBJECTS, crowd, signed
from tests.e2e.who.deletions import DELETIONS
from tests.e2e.who.ledger import UNKNOWN, Row
from tests.e2e.who.people import Hands
from tests.e2e.who.programs import PROGRAMS
from tests.e2e.who.refusals import REFUSALS
from tests.e2e.who.stage import SOURCES, Stage
from tests.e2e.who.ways import WAYS
from tests.e2e.who.writes import WRITES

Scenario = Callable[[Hands], list[Row]]
TABLE: tuple[Scenario, ...] = (*WRITES, *WAYS, *DELETIONS, *CASCADES, *REFUSALS, *PROGRAMS)


@pytest.fixture(scope="module", params=SOURCES)
def stage(
    request: pytest.FixtureRequest, plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stage]:
    """A running daemon for each source of evidence."""
    with Stage.open(plane, SOURCES[request.param], tmp_path_factory.mktemp("who")) as opened:
        yield opened


@pytest.mark.parametrize("scenario", TABLE, ids=lambda scenario: scenario.__name__)
def test_every_change_has_the_right_author(stage: Stage, scenario: Scenario) -> None:
    """What people and controllers did is in Git under their names, and nothing besides."""
    hands = stage.enter()

    stage.check(hands, scenario(hands))


def test_a_crowd_that_writes_the_same_objects(stage: Stage) -> None:
    """Each of hundreds of writes that race for few objects has the author that it names in the object."""
    hands = stage.enter()

    written = crowd(hands)

    wait_for("all commits", lambda: stage.commits(hands) >= (written + 1) * len(OBJECTS), 120)
    for name in OBJECTS:
        found = signed(stage, hands, name)
        assert len(found) == written + 1
        right = sum(author == by for by, author in found)
        unknown = sum(author == UNKNOWN for _, author in found)
        print(f"{name}: {right} right, {len(found) - right - unknown} wrong, {unknown} unresolved")
        assert [author for _, author in found] == stage.named([by for by, _ in found])
    stage.forget()
