"""Fetch and push go on for as long as they make progress, and end when they make none."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import trio

from reverser.errors import TransientError
from reverser.git import process
from reverser.git.process import without_progress
from reverser.git.repository import open_repository
from reverser.model.commit import PushOutcome
from tests.e2e.remote import install_hook
from tests.integration.gitserver import GitServer
from tests.integration.gitsupport import commit, commit_of, destination, gone

SILENT_SECONDS = 1.0
ALL_SECONDS = 3.0
"""How long each command takes here: several times as long as it may be silent."""
FILES = 100
FILE_BYTES = 40_000

SLOW_PROGRAM = f"""#!{sys.executable}
import os, subprocess, sys, time
child = subprocess.Popen(["git", {{service!r}}, *sys.argv[1:]], {{end}}=subprocess.PIPE)
source, sink = {{pipes}}
while data := os.read(source, {FILES * FILE_BYTES // 60}):
    while data:
        data = data[os.write(sink, data):]
    time.sleep({ALL_SECONDS} / 60)
child.stdin and child.stdin.close()
sys.exit(child.wait())
"""
UPLOAD = SLOW_PROGRAM.format(service="receive-pack", end="stdin", pipes="0, child.stdin.fileno()")
DOWNLOAD = SLOW_PROGRAM.format(service="upload-pack", end="stdout", pipes="child.stdout.fileno(), 1")


def slow(folder: Path, monkeypatch: pytest.MonkeyPatch, key: str, program: str) -> None:
    """Have git speak to remotes through a program that passes a little on at a time."""
    path = folder / "slow"
    path.write_text(program)
    path.chmod(0o755)
    monkeypatch.setattr(process, "SETTINGS", (*process.SETTINGS, (f"remote.origin.{key}", str(path))))


def large() -> dict[str, bytes | None]:
    return {f"f{number}": os.urandom(FILE_BYTES) for number in range(FILES)}


async def test_a_slow_upload_lands(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A push that takes several times as long as it may be silent, and is sent all the time."""
    server = GitServer(tmp_path)
    slow(tmp_path, monkeypatch, "receivepack", UPLOAD)
    async with open_repository(
        tmp_path / "ours", destination(server.file_url), silent_seconds=SILENT_SECONDS
    ) as repository:
        [head] = await repository.write([commit_of(large())], "")
        result = await repository.push(head, "")
    assert result.outcome is PushOutcome.PUSHED, result
    assert server.head == head


async def test_a_slow_download_is_fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """So does a fetch, which would begin again from nothing."""
    server = GitServer(tmp_path)
    async with open_repository(tmp_path / "theirs", destination(server.file_url)) as theirs:
        [head] = await theirs.write([commit_of(large())], "")
        await theirs.push(head, "")
    slow(tmp_path, monkeypatch, "uploadpack", DOWNLOAD)
    async with open_repository(
        tmp_path / "ours", destination(server.file_url), silent_seconds=SILENT_SECONDS
    ) as repository:
        assert await repository.fetch() == head


async def test_a_slow_hook_that_tells_what_it_does(tmp_path: Path) -> None:
    """Its words are progress, and come back when it refuses; those of git's own progress do not."""
    server = GitServer(tmp_path)
    told = "for step in $(seq 12); do echo step $step >&2; sleep 0.25; done"
    install_hook(server.bare, "pre-receive", told)
    async with open_repository(
        tmp_path / "ours", destination(server.file_url), silent_seconds=SILENT_SECONDS
    ) as repository:
        [head] = await repository.write([commit_of(large())], "")
        assert (await repository.push(head, "")).landed
        install_hook(server.bare, "pre-receive", "echo Policy violations: 3 >&2; exit 1")
        [later] = await repository.write([commit(f0="1")], head)
        result = await repository.push(later, head)
    assert result.outcome is PushOutcome.REFUSED
    assert result.message == "[remote rejected] (pre-receive hook declined); Policy violations: 3"


async def test_a_hook_that_hangs(tmp_path: Path) -> None:
    """A push that makes no progress is ended, with all that it started, and tells for how long."""
    server = GitServer(tmp_path)
    install_hook(server.bare, "pre-receive", "exec sleep 60")
    async with open_repository(
        tmp_path / "ours", destination(server.file_url), silent_seconds=SILENT_SECONDS
    ) as repository:
        [head] = await repository.write([commit(a="1")], "")
        with trio.fail_after(20):
            result = await repository.push(head, "")
    assert result.outcome is PushOutcome.UNREACHABLE
    assert "made no progress for 1 s" in result.message
    await gone(str(server.bare))


async def test_a_command_that_prints_for_long(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A local command, too, may take longer than it may be silent."""
    program = tmp_path / "bin" / "git"
    program.parent.mkdir()
    program.write_text("#!/bin/sh\nfor step in 1 2 3 4 5 6; do echo $step; sleep 0.3; done\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{program.parent}:{os.environ['PATH']}")
    done = await process.Git(tmp_path).run("log", silent_seconds=SILENT_SECONDS)
    assert done.stdout.split() == [b"1", b"2", b"3", b"4", b"5", b"6"]
    program.write_text("#!/bin/sh\nexec sleep 60\n")
    with trio.fail_after(20), pytest.raises(TransientError, match=r"git log .*no progress for 1 s"):
        await process.Git(tmp_path).run("log", silent_seconds=SILENT_SECONDS)


def test_progress_is_nobodys_words() -> None:
    """What git printed of its progress, and what it overwrote, is taken out; words of the remote stay."""
    told = (
        "Enumerating objects: 5, done.\nCounting objects:  20% (1/5)\rCounting objects: 100% (5/5), done.\n"
        "Delta compression using up to 2 threads\nWriting objects: 100% (3/3), 271 bytes | 1 KiB/s, done.\n"
        "Total 3 (delta 0), reused 0 (delta 0), pack-reused 0\n"
        "remote: Resolving deltas: 100% (1/1)        \rremote: Resolving deltas: 100% (1/1), done.        \n"
        "remote: Policy violations: 3        \nerror: failed to push some refs\n"
    )
    assert without_progress(told) == "remote: Policy violations: 3\nerror: failed to push some refs\n"
