"""A configuration that is read again: what it says of plugins is looked at, and waits for the next start."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverser.app.plugin_setup import reloaded
from reverser.config import parse
from reverser.errors import ConfigError
from reverser.testing import contract
from tests.integration.plugged import BASE, host_of

CODE = """
import pathlib
def note(what):
    with pathlib.Path(__file__ + what).open("a") as file: file.write("x")
@hookimpl
def reverser_settings():
    class Settings(msgspec.Struct):
        most: int = 1
    return Settings
@hookimpl
def reverser_configure(): note(".configured")
@hookimpl
def reverser_select(): pass
note(".loaded")
"""


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (
            'enabled = ["mine"]\npaths = ["MINE"]\n[plugins.mine]\nmost = "x"',
            "plugins.mine.most: must be a whole number",
        ),
        (
            'enabled = ["mine"]\npaths = ["MINE"]\n[plugins.mine]\nmots = 1',
            "plugins.mine.mots: is not a known",
        ),
        ('enabled = ["mine", "mien"]\npaths = ["MINE"]', "no plugin is called 'mien' (did you mean mine?)"),
        (
            'enabled = ["mine", "gone"]\npaths = ["MINE", "gone.py"]',
            "plugins.gone: cannot be loaded: there is no",
        ),
        ('enabled = []\npaths = ["MINE"]', 'is not enabled (add "mine" to plugins.enabled)'),
        ('disabled = ["builtin.layout"]', "no built-in plugin is called 'builtin.layout'"),
        ("[plugins.mine]\nmost = 1", "plugins.mine: is not an enabled plugin"),
    ],
)
def test_a_wrong_table_is_refused(tmp_path: Path, table: str, told: str) -> None:
    """What would refuse the next start is told now."""
    host = host_of(tmp_path, CODE)
    config = parse(f"{BASE}[plugins]\n{table}".replace("MINE", str(tmp_path / "mine.py")), {})

    with pytest.raises(ConfigError) as caught:
        reloaded(config, {}, host)

    [problem] = caught.value.problems
    assert told in str(problem)


def test_nothing_is_loaded_or_configured_again(tmp_path: Path) -> None:
    """A table that is right is taken over at the next start; a plugin that is new is not run."""
    host = host_of(tmp_path, CODE)
    (tmp_path / "other.py").write_text("1/0")
    paths = f'["{tmp_path}/mine.py", "{tmp_path}/other.py"]'
    table = f'enabled = ["mine", "other"]\npaths = {paths}\n[plugins.mine]\nmost = 3\n[plugins.other]\na = 1'

    reloaded(parse(f"{BASE}[plugins]\n{table}", {}), {}, host)

    assert (tmp_path / "mine.py.loaded").read_text() == "x"
    assert (tmp_path / "mine.py.configured").read_text() == "x"


def test_a_layout_that_forgets_the_group_is_found(tmp_path: Path) -> None:
    """Two types of one kind and one plural are among the samples."""
    code = """
@hookimpl
def reverser_layout(key): return f"{key.namespace or '_cluster'}/{key.resource}/{key.name}.yaml"
"""
    found = contract(host_of(tmp_path, code).plugins[0].code)

    assert any("widgets" in each and "into one file" in each for each in found), found
