"""What `reverser check` tells of how much a first start would write."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from rich.console import Console

from reverser.app.assembly import Assembly
from reverser.cli import check_tables
from reverser.cli.check_connections import ClusterFinding, Findings, look_at_cluster
from reverser.config import Cluster, Config
from reverser.kube.client import Client
from reverser.kube.cluster_info import count_objects
from reverser.model.destination import Destination
from reverser.model.rule import Rule
from reverser.plugins import Host
from reverser.sandbox import Sandbox
from tests.integration.branches import config_map
from tests.integration.observing import STREAM, connected, scripted
from tests.integration.scripted import Answer, document, page, status


async def looked_at(folder: Path, *namespaces: str) -> ClusterFinding:
    async with Sandbox.open() as sandbox:
        for namespace in ("shop", "team"):
            await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}})
            for number in range(3):
                await sandbox.apply(config_map(f"c{number}", "a", namespace))
        cluster = Cluster(name="default", kubeconfig=str(sandbox.kubeconfig(folder / "kubeconfig")))
        rule = Rule(name="some", destination="live", resources=("configmaps",), namespaces=namespaces)
        config = Config(
            data_dir=str(folder),
            clusters=(cluster,),
            destinations=(Destination("live", "file:///nowhere"),),
            rules=(rule,),
        )
        return await look_at_cluster(cluster, Assembly(config, b"", Host()))


async def test_the_objects_of_each_type_are_counted(tmp_path: Path) -> None:
    """Their number is told for each type, in the namespaces that rules select, and for all together."""
    found = await looked_at(tmp_path, "shop")
    assert [(each.type, each.objects) for each in found.types] == [("configmaps", 3)]
    found = await looked_at(tmp_path, "shop", "team")
    assert [(each.type, each.objects) for each in found.types] == [("configmaps", 6)]

    console = Console(width=120, record=True)
    check_tables.show(Findings((found,)), console)
    assert "a first start looks at 6 objects: reverser snapshot --to DIR shows their files" in (
        console.export_text()
    )


@pytest.mark.parametrize(
    ("answer", "objects"),
    [
        (document(page("a")), 1),
        (document({"items": [], "metadata": {}}), 0),
        (document({"items": [{}], "metadata": {"continue": "x", "remainingItemCount": 41}}), 42),
        (document(page("a", token="more")), None),
        (status(503, "ServiceUnavailable"), None),
        (document([]), None),
    ],
    ids=["one", "none", "more", "not-told", "refused", "garbled"],
)
async def test_what_cannot_be_counted_is_not_guessed(
    nursery: trio.Nursery, tmp_path: Path, answer: Answer, objects: int | None
) -> None:
    """One object is asked for; a server that does not say how many remain leaves the number open."""
    api = await scripted(nursery)
    api.check = answer
    async with connected(api, tmp_path) as client:
        assert isinstance(client, Client)
        assert await count_objects(client, [STREAM]) == [objects]
    assert [each.query["limit"] for each in api.checks] == ["1"]
