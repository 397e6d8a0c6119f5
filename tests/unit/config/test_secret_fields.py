"""Files with secrets that are not there are told before anything connects."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import structlog

from reverser.app.plugin_setup import configured
from reverser.cli import run as daemon
from reverser.config import load
from reverser.config.secret_fields import unreadable
from reverser.errors import ConfigError
from reverser.plugins import Host

TEXT = """
[[destinations]]
name = "live"
url = "https://example.com/live.git"
credentials.token = { file = "FOLDER/token" }
signing.key = { file = "FOLDER/key" }
[[rules]]
name = "everything"
destination = "live"
"""
TOKEN, KEY = "destinations.live.credentials.token", "destinations.live.signing.key"


def file(folder: Path) -> Path:
    path = folder / "reverser.toml"
    path.write_text(TEXT.replace("FOLDER", str(folder)))
    return path


def test_check_tells_of_every_file_without_connecting(tmp_path: Path) -> None:
    """A token and a signing key that are not there are two problems, together with those of the text."""
    path = file(tmp_path)
    path.write_text(f'data_dirr = "x"\n{path.read_text()}')

    arguments = [sys.executable, "-m", "reverser", "check", "--config", path, "--offline", "--output", "json"]
    done = subprocess.run(arguments, capture_output=True, text=True)

    assert done.returncode == 78
    told = [problem["path"] for problem in json.loads(done.stdout)["problems"]]
    assert told == ["data_dirr", TOKEN, KEY]


def test_what_is_in_a_file_must_be_a_text(tmp_path: Path) -> None:
    """A file that is empty or binary is told by its path; one that can be used is not, nor is its content."""
    (tmp_path / "token").write_bytes(b"")
    (tmp_path / "key").write_bytes(b"s3cret\xff")
    config = load(file(tmp_path), {})

    told = [str(each) for each in unreadable(config.destinations, {})]
    (tmp_path / "token").write_text("s3cret")
    (later,) = unreadable(config.destinations, {})

    assert [each.partition(" (")[0] for each in told] == [
        f"{TOKEN}: {tmp_path}/token is empty",
        f"{KEY}: {tmp_path}/key cannot be read: no text",
    ]
    assert later.path == KEY
    assert "s3cret" not in "".join(told)


def test_the_daemon_warns_of_a_file_and_starts(tmp_path: Path) -> None:
    """A file may be mounted after the start, so that its absence ends nothing."""
    with structlog.testing.capture_logs() as lines:
        daemon.warn(load(file(tmp_path), {}), Host())

    assert [line["problem"].partition(":")[0] for line in lines] == [TOKEN, KEY]


LONG = "0123456789abcdef0123456789abcdef"
PLUGIN = """
from reverser import hookimpl
from reverser.model.secret import SecretRef
import msgspec

class Target(msgspec.Struct):
    name: str
    url: SecretRef

class Settings(msgspec.Struct):
    targets: tuple[Target, ...] = ()

@hookimpl
def reverser_settings():
    return Settings
"""


def command(name: str, *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    line = [sys.executable, "-m", "reverser", name, "--config", *arguments]
    return subprocess.run(line, capture_output=True, text=True, timeout=60)


def webhook(folder: Path, secret: str) -> Path:
    """A configuration that could be started but for the secret of the webhook's path."""
    path = folder / "reverser.toml"
    keys = f'data_dir = "{folder}/data"\noperations.bind = "127.0.0.1:0"\n'
    listener = f'[webhook]\nbind = "127.0.0.1:0"\npath_secret = {secret}\n'
    rest = "\n".join(line for line in TEXT.splitlines() if "file" not in line)
    path.write_text(f"{keys}{rest}\n{listener}")
    return path


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (None, "FILE cannot be read: No such file or directory (the file is read at the start"),
        (b"\xff", "FILE cannot be read: no text (the file is read at the start"),
        (b"\n", "FILE is empty (make one with"),
        (b"canary-short", "what is in FILE must be 32 to 256 letters, digits, - and _ (make one with"),
    ],
)
def test_the_secret_of_the_webhooks_path_is_looked_at(
    tmp_path: Path, content: bytes | None, fault: str
) -> None:
    """A file that the start needs is one problem, by its key, and is not quoted."""
    file = tmp_path / "path-secret"
    config = webhook(tmp_path, f'{{ file = "{file}" }}')
    if content is not None:
        file.write_bytes(content)

    with pytest.raises(ConfigError) as caught:
        configured(str(config), {}, listening=True)

    (told,) = caught.value.problems
    assert str(told).startswith(f"webhook.path_secret: {fault.replace('FILE', str(file))}")
    assert "canary" not in str(told)


def test_check_and_run_need_the_secret_of_the_path(tmp_path: Path) -> None:
    """Both refuse with the same line before anything begins; commands that do not listen go on."""
    config = webhook(tmp_path, f'{{ file = "{tmp_path}/missing" }}')
    told = f"webhook.path_secret: {tmp_path}/missing cannot be read: No such file or directory"

    for done in (command("check", config, "--offline"), command("run", config)):
        assert done.returncode == 78
        assert done.stderr.count(told) == done.stderr.count("webhook.path_secret") == 1
    assert not (tmp_path / "data").exists()
    assert configured(str(config), {})[0].webhook is not None


def test_a_variable_with_the_secret_of_the_path_is_looked_at(tmp_path: Path, monkeypatch: Any) -> None:
    """It is named where it holds too little; one that is long enough is no problem."""
    config = str(webhook(tmp_path, '{ env = "PATH_SECRET" }'))
    monkeypatch.setenv("PATH_SECRET", "canary-short")

    with pytest.raises(ConfigError) as caught:
        configured(config, os.environ, listening=True)
    monkeypatch.setenv("PATH_SECRET", LONG)
    configured(config, os.environ, listening=True)

    (told,) = caught.value.problems
    assert str(told).startswith("webhook.path_secret: what is in PATH_SECRET must be 32 to 256")
    assert "canary" not in str(told)


def test_files_of_plugins_are_looked_at(tmp_path: Path) -> None:
    """A secret in a plugin's table is told by its key, as one of a destination is."""
    (tmp_path / "team.py").write_text(PLUGIN)
    config = webhook(tmp_path, f'"{LONG}"')
    table = f'[plugins]\nenabled = ["team"]\npaths = ["{tmp_path}/team.py"]\n'
    target = f'[[plugins.team.targets]]\nname = "ops"\nurl = {{ file = "{tmp_path}/url" }}\n'
    config.write_text(config.read_text() + table + target)

    with pytest.raises(ConfigError) as caught:
        configured(str(config), {}, files=True)

    (told,) = caught.value.problems
    assert str(told).startswith(f"plugins.team.targets.ops.url: {tmp_path}/url cannot be read")
