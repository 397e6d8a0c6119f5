"""Plugins in the real daemon: they change what lands, and a bad one harms nothing else."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.daemon import wait_for
from tests.e2e.setting import Setting

TEAM = '''
"""A team's own rules."""
import json
import msgspec
from reverser import MASK, hookimpl


class Settings(msgspec.Struct):
    told: str


@hookimpl
def reverser_settings():
    return Settings


@hookimpl
def reverser_configure(settings):
    globals()["told"] = settings.told


@hookimpl
def reverser_select(key, labels):
    return "it is a scratch object" if "scratch" in labels else None


@hookimpl
def reverser_sanitize(key, content):
    if key.name == "broken":
        raise ValueError(content)
    if key.name == "greedy":
        return {**content, "data": {"k": "more"}}
    if "token" in content.get("data", {}):
        content["data"]["token"] = MASK


@hookimpl
def reverser_layout(key):
    if key.name == "away":
        return "../../outside.yaml"
    if key.name.startswith("twin"):
        return "team/twin.yaml"
    return f"team/{key.name}.yaml" if key.resource == "configmaps" else None


@hookimpl
def reverser_message(message):
    return msgspec.structs.replace(message, subject=f"team: {message.subject}", trailers=(("Team", "shop"),))


@hookimpl
async def reverser_pushed(push):
    with open(told, "a") as file:
        for commit in push.commits:
            file.write(json.dumps([push.destination, commit.id, commit.written]) + "\\n")
'''


def _create(setting: Setting, name: str, **data: str) -> None:
    path = f"/api/v1/namespaces/{setting.namespace}/configmaps"
    labels = {"scratch": ""} if name.startswith("scratch") else {}
    setting.plane.create(path, {"metadata": {"name": name, "labels": labels}, "data": data})


def _settled(setting: Setting) -> None:
    _create(setting, "idle")
    wait_for("the marker", lambda: "team/idle.yaml" in setting.remote.paths())


def test_a_plugin_changes_what_lands_and_harms_nothing(setting: Setting, tmp_path: Path) -> None:
    """Selected, cleaned, placed, worded and told by a plugin; what it breaks is withheld alone."""
    file, told = tmp_path / "team.py", tmp_path / "told.jsonl"
    file.write_text(TEAM)
    setting.daemon.write(plugins={"enabled": ["team"], "paths": [str(file)], "team": {"told": str(told)}})
    _create(setting, "idle-0")
    setting.daemon.start().ready()
    wait_for("the snapshot", setting.remote.head)
    for name in ("web", "scratch", "broken", "greedy", "away", "twin-1", "twin-2"):
        _create(setting, name, token="canary-7f3a", k="v")
    _settled(setting)

    names = {Path(path).name for path in setting.remote.paths() if path.startswith("team/")}
    assert {name for name in names if not name.startswith("idle")} == {*("web.yaml", "twin.yaml")}
    assert "token: masked" in setting.remote.show("team/web.yaml")
    assert "name: twin-1" in setting.remote.show("team/twin.yaml")
    commit = next(each for each in setting.remote.commits() if "/web " in setting.remote.message(each))
    message = setting.remote.message(commit)
    assert message.startswith(f"team: [CREATE] {setting.namespace}/configmaps/web by unknown")
    assert "\nTeam: shop\n" in message
    assert setting.daemon.metric("gitopsreverser_withheld_objects") == 4
    rows = wait_for("what was told", lambda: told.exists() and told.read_text().splitlines())
    wait_for("all commits", lambda: len(told.read_text().splitlines()) == len(setting.remote.commits()))
    assert json.loads(rows[0])[0] == "live"
    everything = setting.daemon.log.read_text()
    assert "canary-7f3a" not in everything
    assert "Traceback" not in everything
    assert setting.daemon.stop() == 0


def test_a_plugin_that_cannot_be_loaded_refuses_the_start(setting: Setting, tmp_path: Path) -> None:
    """Every problem is told, with exit status 78, and nothing is written."""
    file = tmp_path / "team.py"
    file.write_text(TEAM.replace("def reverser_select(", "def reverser_selekt("))
    setting.daemon.write(plugins={"enabled": ["team"], "paths": [str(file)], "team": {"tell": ""}})
    setting.daemon.start()

    assert setting.daemon.process is not None
    assert setting.daemon.process.wait(30) == 78
    told = setting.daemon.log.read_text()
    assert "plugins.team: reverser_selekt: is not a hook (did you mean reverser_select? there are " in told
    assert "plugins.team.tell: is not a known key" in told
    assert "plugins.team.told: is missing" in told
    assert setting.remote.head() == ""
