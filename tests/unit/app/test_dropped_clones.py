"""The clone of a deleted GitRepoConfig goes, and nothing else."""

from __future__ import annotations

from pathlib import Path

from reverser.app.dropped_clones import remove_clone


def _clones(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name / "objects").mkdir(parents=True)


def _left(folder: Path) -> list[str]:
    return sorted(str(each.relative_to(folder)) for each in folder.rglob("*") if each.name != "objects")


async def test_its_folder_is_removed(tmp_path: Path) -> None:
    """Clones of other GitRepoConfigs stay, also one whose name begins alike and is written."""
    _clones(tmp_path, "+shop/web", "+shop/web2", "shop")

    assert await remove_clone(tmp_path, "shop/web", lambda: ["shop/web2"])

    assert _left(tmp_path) == ["+shop", "+shop/web2", "shop"]


async def test_the_last_one_of_a_namespace_leaves_no_folder(tmp_path: Path) -> None:
    """A namespace that comes and goes leaves nothing, not even after a removal that was interrupted."""
    _clones(tmp_path, "+shop/web", "+shop/.web")

    assert await remove_clone(tmp_path, "shop/web", list)

    assert _left(tmp_path) == []


async def test_one_that_is_written_again_stays(tmp_path: Path) -> None:
    """A GitRepoConfig of the same name was created meanwhile: its writer has the folder open."""
    _clones(tmp_path, "+shop/web")

    assert not await remove_clone(tmp_path, "shop/web", lambda: ["shop/web"])

    assert _left(tmp_path) == ["+shop", "+shop/web"]
