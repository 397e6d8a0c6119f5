"""Destinations whose names have a slash, beside one whose name is the first part of theirs."""

from __future__ import annotations

import subprocess
from pathlib import Path

import msgspec

from reverser.model.destination import Destination
from reverser.model.rule import Rule
from tests.integration.running import running


def new_remote(path: Path) -> Path:
    """A bare repository."""
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(path)], check=True)
    return path


def files(remote: Path) -> list[str]:
    """Paths in the branch of a bare repository."""
    command = ["git", "-C", str(remote), "ls-tree", "-r", "--name-only", "main"]
    return subprocess.run(command, capture_output=True, check=False, text=True).stdout.split()


async def test_destinations_share_no_folder(tmp_path: Path) -> None:
    """`shop` and `shop/web` each push what is theirs, and go on after a restart."""
    async with running(tmp_path) as run:
        other = new_remote(tmp_path / "other.git")
        run.config = msgspec.structs.replace(
            run.config,
            destinations=(
                Destination(name="shop", url=run.remote.as_uri()),
                Destination(name="shop/web", url=other.as_uri()),
            ),
            rules=(
                Rule(name="one", destination="shop", resources=("configmaps",)),
                Rule(name="shop/web[0]", destination="shop/web", resources=("configmaps",)),
            ),
        )
        await run.apply("a", "1")
        path = "shop/configmaps/a.yaml"
        async with run.daemon():
            await run.until(lambda: path in files(run.remote) and path in files(other), "not in both")
        await run.apply("b", "1")
        path = "shop/configmaps/b.yaml"
        async with run.daemon():
            await run.until(lambda: path in files(run.remote) and path in files(other), "not in both")

    repositories = run.data / "repositories"
    heads = [each.parent.relative_to(repositories).as_posix() for each in repositories.rglob("HEAD")]
    assert sorted(heads) == ["+shop/web", "shop"]
