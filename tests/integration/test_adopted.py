"""A person's file that describes an object of ours is edited where it stands, and stays the person's."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from reverser.sandbox import Sandbox
from tests.e2e.remote import Remote, git
from tests.integration.branches import Side, person, value, values, wind_back

MINE = "apps/web.yaml"
PLACE = "shop/configmaps/web.yaml"
"""Where our file of the object would be."""
BY_CLUSTER = "{cluster}/{namespace}/{resource}.{group}/{name}.yaml"
OTHER = "shop/configmaps/other.yaml"
TEXT = """\
# mine
apiVersion: v1
kind: ConfigMap
metadata:
  name: web
  namespace: shop
data:
  k: "1" # why
"""


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """East and west, each with a cluster and files of its own in one branch."""
    remote = Remote(tmp_path / "remote.git")
    async with Sandbox.open() as one, Sandbox.open() as other:
        made = Side("east", tmp_path, one, remote), Side("west", tmp_path, other, remote)
        for side in made:
            await side.sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield made


@pytest.fixture
async def side(sides: tuple[Side, Side]) -> Side:
    """One daemon, with a file of its own in the branch."""
    await sides[0].put(other="1")
    assert await sides[0].passed() == ""
    return sides[0]


def says(side: Side, path: str, told: str) -> bool:
    """Whether the person's file has this value, and every other byte that the person wrote."""
    return path in side.remote.paths() and side.remote.show(path) == TEXT.replace('"1"', f'"{told}"')


async def loses_data(side: Side) -> None:
    side.lose_data()
    side.destinations[0]["adopt"] = True


async def observes(side: Side) -> None:
    side.destinations[0]["mode"] = "observe"
    assert await side.passed() == ""
    del side.destinations[0]["mode"]


async def is_restored(side: Side) -> None:
    shutil.rmtree(side.data)
    shutil.copytree(side.data.with_name("backup"), side.data)


async def starts_again(_: Side) -> None:
    pass


@pytest.mark.parametrize(
    ("what", "path", "told"),
    [
        (loses_data, MINE, "2"),
        (observes, MINE, "2"),
        (is_restored, MINE, "2"),
        (loses_data, PLACE, "1"),
        (observes, PLACE, "1"),
        (is_restored, PLACE, "2"),
        (starts_again, PLACE, "1"),
        (starts_again, PLACE, "2"),
    ],
)
async def test_it_stays_whatever_becomes_of_the_journal(
    side: Side, tmp_path: Path, what: Callable[[Side], Awaitable[None]], path: str, told: str
) -> None:
    """It is edited where it stands after a loss, an observation, a backup; it goes with its object."""
    person(side.remote, tmp_path, "Mine", **{path: TEXT})
    shutil.copytree(side.data, side.data.with_name("backup"))
    await side.put(web=told)
    assert await side.passed() == ""
    assert says(side, path, told)

    await what(side)
    head = side.remote.head()
    assert await side.passed() == ""
    assert side.remote.head() == head, "nothing has changed"
    await side.put(web="3")
    assert await side.passed() == ""
    assert says(side, path, "3")
    assert values(side.remote).keys() == {OTHER, path}

    await side.delete("web")
    assert await side.passed() == ""
    assert values(side.remote) == {OTHER: "1"}
    await side.put(web="4")
    assert await side.passed() == ""
    assert values(side.remote) == {OTHER: "1", PLACE: "4"}
    assert "why" not in side.remote.show(PLACE)


async def test_a_history_that_was_rewound_to_before_its_object_went(side: Side, tmp_path: Path) -> None:
    """It is back as we had edited it, and goes once more; what a person makes anew stays."""
    person(side.remote, tmp_path, "Mine", **{MINE: TEXT})
    await side.put(web="2")
    assert await side.passed() == ""
    head = side.remote.head()
    await side.delete("web")
    assert await side.passed() == ""
    assert values(side.remote) == {OTHER: "1"}

    wind_back(side.remote, head)
    assert says(side, MINE, "2")
    assert await side.passed() == ""
    assert await side.passed() == ""
    assert values(side.remote) == {OTHER: "1"}

    wind_back(side.remote, head)
    person(side.remote, tmp_path, "Out", **{MINE: None})
    person(side.remote, tmp_path, "Again", **{MINE: TEXT})
    assert await side.passed() == ""
    assert await side.passed() == ""
    assert says(side, MINE, "1")


async def test_one_that_two_daemons_could_edit(sides: tuple[Side, Side], tmp_path: Path) -> None:
    """Whoever edits it first goes on to; the other writes no second file, and removes nothing."""
    east, west = sides
    for each, cluster in ((east, "east"), (west, "west")):
        each.cluster = cluster
        each.destinations = [{"name": "live", "layout": "template", "template": BY_CLUSTER}]
    await east.put(other="1")
    assert await east.passed() == ""
    person(east.remote, tmp_path, "Mine", **{MINE: TEXT})
    await east.put(web="1")
    assert await east.passed() == "", "the file says all of it already"
    await west.put(web="2")
    assert await west.passed() == ""
    assert says(west, MINE, "2")

    await east.put(web="3")
    assert await east.passed() == "PathTaken"
    await west.put(web="4")
    assert await west.passed() == ""
    assert says(west, MINE, "4")
    await east.put(web="4")
    assert await east.passed() == "", "there is nothing to write"
    east.lose_data()
    east.destinations[0]["adopt"] = True
    await east.put(web="5")
    assert await east.passed() == "PathTaken"
    await east.delete("web")
    assert await east.passed() == ""
    assert says(west, MINE, "4")
    assert {each for each in west.remote.paths() if "web" in each} == {MINE}

    await west.delete("web")
    assert await west.passed() == ""
    assert MINE not in west.remote.paths()


async def test_a_squash_does_not_make_a_daemons_file_a_persons(sides: tuple[Side, Side]) -> None:
    """A person who pushes all of the branch as one commit has taken over no file of the other daemon."""
    east, west = sides
    for each, cluster in ((east, "east"), (west, "west")):
        each.cluster = cluster
        each.destinations = [{"name": "live", "layout": "template", "template": BY_CLUSTER}]
    await west.put(web="west")
    assert await west.passed() == ""
    await east.put(other="1")
    assert await east.passed() == ""
    tree = git("-C", east.remote.path, "rev-parse", "main^{tree}").strip()
    squashed = git("-C", east.remote.path, "commit-tree", "-m", "One", tree).strip()
    git("-C", east.remote.path, "update-ref", "refs/heads/main", squashed)

    await east.put(web="east")
    assert await east.passed() == ""

    assert value(east.remote, "west/shop/configmaps._core/web.yaml") == "west"
    assert value(east.remote, "east/shop/configmaps._core/web.yaml") == "east"
