"""Files with secrets that are not there are told before anything connects."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import structlog

from reverser.cli import run as daemon
from reverser.config import load
from reverser.config.secretfiles import unreadable

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

    told = [str(each) for each in unreadable(config.destinations)]
    (tmp_path / "token").write_text("s3cret")
    (later,) = unreadable(config.destinations)

    assert [each.partition(" (")[0] for each in told] == [
        f"{TOKEN}: {tmp_path}/token is empty",
        f"{KEY}: {tmp_path}/key cannot be read: no text",
    ]
    assert later.path == KEY
    assert "s3cret" not in "".join(told)


def test_the_daemon_warns_of_a_file_and_starts(tmp_path: Path) -> None:
    """A file may be mounted after the start, so that its absence ends nothing."""
    with structlog.testing.capture_logs() as lines:
        daemon.warn(load(file(tmp_path), {}))

    assert [line["problem"].partition(":")[0] for line in lines] == [TOKEN, KEY]
