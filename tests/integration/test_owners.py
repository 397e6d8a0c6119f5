"""Several daemons, or destinations, in one branch: none touches another's files, or says why it will not."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from reverser.sandbox import Sandbox
from tests.e2e.load import CRD
from tests.e2e.remote import Remote
from tests.integration.branches import Side, values, wind_back

PLAIN = "{namespace}/{resource}.{group}/{name}.yaml"
BY_CLUSTER = "{cluster}/{namespace}/{resource}.{group}/{name}.yaml"


@pytest.fixture
async def sides(tmp_path: Path) -> AsyncIterator[tuple[Side, Side]]:
    """East and west, each with a cluster of its own, and one repository."""
    remote = Remote(tmp_path / "remote.git")
    async with Sandbox.open() as one, Sandbox.open() as other:
        for sandbox in (one, other):
            await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        yield Side("east", tmp_path, one, remote), Side("west", tmp_path, other, remote)


def placed(side: Side, cluster: str, path: str, template: str) -> None:
    side.cluster = cluster
    side.destinations = [{"name": "live", "path": path, "layout": "template", "template": template}]


def where(side: Side, name: str) -> str:
    """The file of a ConfigMap."""
    destination = side.destinations[0]
    path = destination["template"].format(
        cluster=side.cluster, namespace="shop", resource="configmaps", group="_core", name=name
    )
    return "/".join(filter(None, (destination["path"], path)))


PATHS = [("", ""), ("east", "west"), ("", "west"), ("east", "")]
CLUSTERS = [("default", "default"), ("east", "west")]


@pytest.mark.parametrize("template", [PLAIN, BY_CLUSTER], ids=["plain", "by-cluster"])
@pytest.mark.parametrize("clusters", CLUSTERS, ids=["-".join(each) for each in CLUSTERS])
@pytest.mark.parametrize("paths", PATHS, ids=["-".join(each) for each in PATHS])
async def test_two_daemons_in_one_branch(
    sides: tuple[Side, Side], paths: tuple[str, str], clusters: tuple[str, str], template: str
) -> None:
    """At a first start, after a lost data_dir and a force-push each file is right, or the daemon refuses."""
    east, west = sides
    for side, path, cluster in zip(sides, paths, clusters, strict=True):
        placed(side, cluster, path, template)
    await east.put(web="east", only="east")
    await west.put(web="west", mine="west")
    assert await east.passed() == ""
    easts = {where(east, "web"): "east", where(east, "only"): "east"}
    assert values(east.remote) == easts
    before = east.remote.head()

    told = await west.passed()
    inside = [path for path in easts if path.startswith(paths[1])]
    if clusters[0] == clusters[1] and inside:
        assert told == "UnknownJournal"
        assert "adopt = true" in west.told
        assert east.remote.head() == before, "nothing is written"
        return
    taken = where(east, "web") == where(west, "web")
    assert told == ("PathTaken" if taken else "")
    wests = {where(west, "mine"): "west"} | ({} if taken else {where(west, "web"): "west"})
    assert values(east.remote) == easts | wests

    await _changed(east, west, easts, wests)
    await _lost(east, west, easts, wests)
    await _wound_back(east, west, easts, wests)


async def _changed(east: Side, west: Side, easts: dict[str, str], wests: dict[str, str]) -> None:
    """What goes and changes on one side does so on that side only."""
    await west.put(mine="west 2")
    await west.delete("web")
    wests[where(west, "mine")] = "west 2"
    if where(west, "web") in wests:
        del wests[where(west, "web")]
    await west.passed()
    assert values(east.remote) == easts | wests
    await east.put(only="east 2")
    easts[where(east, "only")] = "east 2"
    await east.passed()
    assert values(east.remote) == easts | wests


async def _lost(east: Side, west: Side, easts: dict[str, str], wests: dict[str, str]) -> None:
    """A daemon that lost its data waits for a word, and then takes over what is its own."""
    for side, files, name in ((west, wests, "mine"), (east, easts, "only")):
        kept, before = side.data.rename(side.data.with_name("kept")), side.remote.head()
        await side.delete(name)
        assert await side.passed() == "UnknownJournal"
        assert side.remote.head() == before, "nothing is swept"
        if side.cluster == "default" and _nested(side, west if side is east else east):
            # `adopt` would be the wrong word, for the other's files are in its folder: the data comes back.
            side.lose_data()
            kept.rename(side.data)
        else:
            shutil.rmtree(kept)
            side.destinations[0]["adopt"] = True
        await side.passed()
        side.destinations[0]["adopt"] = False
        del files[where(side, name)]
        assert values(side.remote) == easts | wests


def _nested(side: Side, other: Side) -> bool:
    return where(other, "x").startswith(side.destinations[0]["path"])


async def _wound_back(east: Side, west: Side, easts: dict[str, str], wests: dict[str, str]) -> None:
    """Somebody forces the branch back: each brings its own files back, and touches nobody else's."""
    before = east.remote.head()
    await west.put(later="west")
    await east.put(later="east")
    await west.passed()
    await east.passed()
    wind_back(east.remote, before)

    taken = where(east, "later") == where(west, "later")
    await east.passed()
    easts[where(east, "later")] = "east"
    assert values(east.remote) == easts | wests
    await west.passed()
    if not taken:
        wests[where(west, "later")] = "west"
    assert values(east.remote) == easts | wests


WIDGET = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"name": "w", "namespace": "shop"}}


@pytest.mark.parametrize("choice", ["keep", "remove"])
async def test_files_of_a_type_that_went_while_we_were_away(sides: tuple[Side, Side], choice: str) -> None:
    """Its CRD's file goes; those of its objects stay, or go where the destination says so. Others stay."""
    east, _ = sides
    east.rule = {"resources": ("configmaps", "widgets", "customresourcedefinitions"), "cluster_scoped": True}
    east.destinations = [{"name": "live", "gone_types": choice}]
    await east.put(web="east")
    await east.sandbox.apply(CRD)
    await east.sandbox.apply(WIDGET)
    assert await east.passed() == ""
    before = east.remote.paths()
    assert "shop/widgets.example.com/w.yaml" in before

    await east.sandbox.delete(CRD["apiVersion"], CRD["kind"], CRD["metadata"]["name"])
    assert await east.passed() == ""

    gone = {
        path
        for path in before
        if "widgets.example.com" in path and ("_cluster" in path or choice == "remove")
    }
    assert gone
    assert east.remote.paths() == before - gone
