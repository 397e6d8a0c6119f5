"""What docs/plugins.md shows works as written, in a folder of its own."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from functools import partial
from pathlib import Path

import pytest
import trio

from reverser.sandbox import Sandbox

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs/plugins.md").read_text(encoding="utf-8")
WALK = PAGE.partition("## Write one in ten minutes")[2].partition("\n## ")[0]
KUBECONFIG = "/tmp/reverser-demo-…/kubeconfig"
FOLDER = "/tmp/team"
SERVICE = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "web", "namespace": "shop"}}
NOTED = {"name": "noted", "namespace": "shop", "annotations": {"example.com/note": "canary"}}


def blocks(language: str) -> list[str]:
    """The code of the walk, in this language."""
    return re.findall(rf"```{language}\n(.*?)```", WALK, re.DOTALL)


def run(folder: Path, script: str, **environ: str) -> str:
    """Run lines as a person does; what they print."""
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environ = {**os.environ, "PATH": path, "PYTHONPATH": "", "NO_COLOR": "1", "COLUMNS": "200", **environ}
    command = ["bash", "-ec", script]
    done = subprocess.run(command, cwd=folder, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{script}\n{done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture
async def walk(tmp_path: Path) -> object:
    """Tells the page's own texts with this test's places in them, while a small cluster is there."""
    async with Sandbox.open() as sandbox:
        await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        await sandbox.apply({**SERVICE, "spec": {"ports": [{"port": 80}]}})
        await sandbox.apply({"apiVersion": "v1", "kind": "ConfigMap", "metadata": NOTED})
        kubeconfig = sandbox.kubeconfig(tmp_path / "kubeconfig")
        yield (
            sandbox,
            lambda text: text.replace(KUBECONFIG, str(kubeconfig)).replace(FOLDER, str(tmp_path / "team")),
        )


async def _labelled(sandbox: Sandbox, line: str) -> None:
    """What the page has kubectl do, for machines without one."""
    assert shlex.split(line)[3:] == ["-n", "shop", "label", "service", "web", "example.com/scratch="]
    await sandbox.patch("v1", "Service", "web", "shop", {"metadata": {"labels": {"example.com/scratch": ""}}})


async def test_a_file_becomes_a_plugin_in_ten_minutes(tmp_path: Path, walk: tuple) -> None:
    """Each command does what the page says: checked, tried out, and then in Git."""
    sandbox, placed = walk
    setup, steps, _ = blocks("sh")
    team = tmp_path / "team"
    run(tmp_path, placed(setup))
    (team / "team_rules.py").write_text(blocks("python")[0])
    (team / "reverser.toml").write_text(placed(blocks("toml")[0]))

    told = {}
    for line in steps.splitlines():
        if line.startswith("kubectl") and not shutil.which("kubectl"):
            await _labelled(sandbox, line)
        else:
            told[line] = await trio.to_thread.run_sync(partial(run, team, placed(line)))

    assert told[steps.splitlines()[0]] == "team_rules: keeps the contract\n"
    assert told["ls out/shop/services"] == "web.yaml\n"
    assert "example.com/note: masked" in (team / "out/shop/configmaps/noted.yaml").read_text()
    stat = told["git -C live.git show --stat"]
    assert "shop/configmaps/noted.yaml" in stat
    assert "services/web.yaml" not in stat


async def test_settings_are_added_as_shown(tmp_path: Path, walk: tuple) -> None:
    """The second piece of code goes on where the first ends, and a wrong value is told with its key."""
    _, placed = walk
    run(tmp_path, placed(blocks("sh")[0]))
    team = tmp_path / "team"
    (team / "team_rules.py").write_text("\n\n".join(blocks("python")))
    config = placed(blocks("toml")[0])
    (team / "reverser.toml").write_text(f"{config}\n[plugins.team_rules]\nlabel = 'x'\n")
    command = "reverser plugins check --config reverser.toml"
    assert await trio.to_thread.run_sync(run, team, command) == "team_rules: keeps the contract\n"

    (team / "reverser.toml").write_text(f"{config}\n[plugins.team_rules]\nlabel = 7\n")
    failing = f"{command} 2>&1 | grep team_rules"
    assert "plugins.team_rules.label: must be a text, not 7" in await trio.to_thread.run_sync(
        run, team, failing
    )


async def test_a_distribution_is_found_by_its_entry_point(tmp_path: Path, walk: tuple) -> None:
    """The template's copy, installed as its metadata says, is listed and keeps the contract.

    No package index is asked: what `pip install` makes of the metadata is made by hand.
    """
    _, placed = walk
    copy, _, listing = placed(blocks("sh")[2]).splitlines()
    run(tmp_path, placed(blocks("sh")[0]))
    run(ROOT, copy)
    team = tmp_path / "team"
    project = tomllib.loads((team / "mine/pyproject.toml").read_text())["project"]
    points = project["entry-points"]["reverser"]
    info = tmp_path / "site/reverser_template-0.1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    lines = [f"{name} = {module}" for name, module in points.items()]
    (info / "entry_points.txt").write_text("\n".join(["[reverser]", *lines]))
    for module in points.values():
        shutil.copy(team / "mine" / f"{module}.py", tmp_path / "site")
    config = placed(blocks("toml")[0]).replace('"team_rules"', '"template"').replace('"team_rules.py"', "")
    (team / "mine.toml").write_text(config)

    told = await trio.to_thread.run_sync(partial(run, team, listing, PYTHONPATH=str(tmp_path / "site")))

    assert re.search(r"template +reverser-template 0\.1\.0 +reverser_settings", told)
    assert tomllib.loads(blocks("toml")[1])["project"]["entry-points"]["reverser"] == points


@pytest.mark.parametrize(
    "project", sorted(ROOT.glob("plugins/*/pyproject.toml")), ids=lambda path: path.parent.name
)
def test_no_plugin_asks_an_index_for_reverser(project: Path) -> None:
    """A package index has something else of that name, and pip would put it in our place."""
    needed = tomllib.loads(project.read_text())["project"]["dependencies"]

    assert not [name for name in needed if re.match(r"reverser\b", name)]
