"""`snapshot --to`: what a branch would hold, in a folder, and nothing else anywhere."""

from __future__ import annotations

import base64
import hashlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reverser.app.snapshot import snapshot
from reverser.config import Config
from reverser.journal.sqlite import open_journal
from reverser.model.change import Operation, Origin
from reverser.model.entry import Append, Edit, Entry, Record, Sealed
from reverser.model.journal import Journal
from reverser.model.resource import ObjectKey
from reverser.model.rule import SensitiveRule
from reverser.plugins import Host
from reverser.sandbox import Sandbox
from reverser.writer.folder_writer import FolderWriter
from tests.e2e.daemon import wait_for
from tests.e2e.remote import Remote
from tests.integration.branches import Side
from tests.writing import context

KEY = ObjectKey("default", "", "configmaps", "shop", "web")


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    (tmp_path / "journal").mkdir()
    async with open_journal(tmp_path / "journal") as opened:
        yield opened


def entry(path: str, content: bytes | None, *, previous: str = "") -> Entry:
    operation = Operation.DELETE if content is None else Operation.CREATE
    fields = ("live", KEY, "v1", "ConfigMap", operation, Origin.LIVE, Edit(path, content), 0.0)
    return Entry(*fields, previous_path=previous)


async def write(journal: Journal, folder: Path, **options: Any) -> None:
    """Write what is journaled, as at the end of a snapshot."""
    known = options.pop("known", lambda _name, _keys: {})
    writer = FolderWriter(context(journal, clock=lambda: 0.0, **options), folder, known)
    writer.drain()
    await writer.run(_at_once)


async def _at_once() -> None:
    pass


def files(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


async def test_an_object_that_went_has_no_file(journal: Journal, tmp_path: Path) -> None:
    """What goes while it is written, or had a file from an earlier run, leaves neither file nor folder."""
    (tmp_path / "out/old").mkdir(parents=True)
    (tmp_path / "out/old/web.yaml").write_text("earlier")
    (tmp_path / "out/mine.txt").write_text("mine")
    await journal.append(Append(entries=[entry("shop/web.yaml", b"a: 1\n")]))
    await journal.append(Append(entries=[entry("shop/web.yaml", None)]))
    await journal.append(Append(entries=[entry("old/web.yaml", None)]))

    await write(journal, tmp_path / "out")

    assert files(tmp_path / "out") == {"mine.txt": b"mine"}
    assert not (tmp_path / "out/shop").exists()


async def test_a_file_that_moved_is_in_one_place(journal: Journal, tmp_path: Path) -> None:
    """A layout that moves a file while a snapshot runs leaves it where the branch has it."""
    await journal.append(Append(entries=[entry("a/web.yaml", b"a: 1\n")]))
    await journal.append(Append(entries=[entry("b/web.yaml", b"a: 1\n", previous="a/web.yaml")]))

    await write(journal, tmp_path / "out")

    assert files(tmp_path / "out") == {"b/web.yaml": b"a: 1\n"}


class Lists:
    """A plugin that keeps a list of the files of each folder."""

    def companions(
        self, _changed: Any, found: Any, _destination: Any, others: Any
    ) -> Mapping[str, str | None]:
        if "shop/list" in others:
            return {}  # somebody keeps it by hand
        return {"shop/list": " ".join(sorted(found)), "../outside": "never", "gone/list": None}


async def test_files_of_plugins_are_written_too(journal: Journal, tmp_path: Path) -> None:
    """They are those of the branch, also where an earlier run has written them."""
    for _ in range(2):
        await journal.append(Append(entries=[entry("shop/web.yaml", b"a: 1\n")]))
        await write(journal, tmp_path / "out", companions=Lists())
        (tmp_path / "out/gone").mkdir(exist_ok=True)
        (tmp_path / "out/gone/list").write_text("stale")

    found = files(tmp_path / "out")
    assert (found["shop/list"], found["shop/web.yaml"]) == (b"shop/web.yaml", b"a: 1\n")
    assert not (tmp_path / "outside").exists()


@pytest.mark.parametrize(("fingerprint", "expected"), [(b"same", b"before\n"), (b"other", b"anew\n")])
async def test_what_was_encrypted_before_is_as_in_the_branch(
    journal: Journal, tmp_path: Path, fingerprint: bytes, expected: bytes
) -> None:
    """Encrypting gives other bytes each time: the daemon's own file stands while the object is the same."""
    record = Record("live", KEY, "a.yaml", b"d", b"{}", sealed=Sealed(b"same", b"anew\n"))
    known = msgspec.structs.replace(record, sealed=Sealed(fingerprint, b"before\n"))
    await journal.append(Append(entries=[entry("a.yaml", b"anew\n")], records=[record]))

    await write(journal, tmp_path / "out", known=lambda _name, _keys: {KEY: known})

    assert files(tmp_path / "out") == {"a.yaml": expected}


def _state(folder: Path) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in files(folder).items()}


@pytest.fixture
async def side(tmp_path: Path) -> AsyncIterator[Side]:
    async with Sandbox.open() as sandbox:
        await sandbox.apply({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}})
        found = Side("east", tmp_path, sandbox, Remote(tmp_path / "remote.git"))
        found.destinations = [{"name": "live", "secrets": "mask"}]
        found.rule = {"resources": ("configmaps", "secrets"), "namespaces": ("shop",)}
        yield found


async def _secret(side: Side) -> None:
    data = {"password": base64.b64encode(b"hunter2").decode()}
    metadata = {"name": "db", "namespace": "shop"}
    await side.sandbox.apply({"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "data": data})


async def test_it_is_the_branch_byte_for_byte_and_again(
    side: Side, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a daemon's data directory the digests are those of the branch; it changes nothing there."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    await side.put(web="1")
    await _secret(side)
    assert await side.passed() == ""
    before = _state(side.data)

    for name in ("one", "two"):
        assert await snapshot(side.config, Host(), tmp_path / name) == []

    branch = side.remote.files(tmp_path / "clone")
    assert branch
    assert files(tmp_path / "one") == files(tmp_path / "two") == branch
    assert _state(side.data) == before
    assert list((tmp_path / "tmp").iterdir()) == []


async def test_a_data_directory_that_is_missing_is_not_made(side: Side, tmp_path: Path) -> None:
    """Who never ran a daemon gets files, and nothing but these."""
    await side.put(web="1")

    assert await snapshot(side.config, Host(), tmp_path / "out") == []

    assert len(files(tmp_path / "out")) == 1
    assert not side.data.exists()


@pytest.mark.parametrize("running", [True, False])
async def test_what_patterns_have_meant_counts(side: Side, tmp_path: Path, running: bool) -> None:
    """What the daemon's journal knows of a pattern that matches nothing any more hides here too."""
    await side.put(web="canary-1")
    config: Config = msgspec.structs.replace(
        side.config, sensitive=(SensitiveRule(("oldname",), keys=("k",)),)
    )
    side.data.mkdir()
    async with open_journal(side.data) as opened:
        fact = '{"matched":["configmaps"],"others":[]}'
        await opened.append(Append(settings={"meaning/oldname": fact}))
        if running:
            assert await snapshot(config, Host(), tmp_path / "out") == []
    if not running:
        assert await snapshot(config, Host(), tmp_path / "out") == []

    (content,) = files(tmp_path / "out").values()
    assert b"hmac:" in content
    assert b"canary" not in content


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_behind(tmp_path: Path, number: int) -> None:
    """While it waits for an API server, the end takes the temporary journal and its key along."""
    (tmp_path / "tmp").mkdir()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        server = f"http://127.0.0.1:{silent.getsockname()[1]}"
        (tmp_path / "kubeconfig").write_text(
            "{apiVersion: v1, kind: Config, current-context: a, users: [{name: a, user: {}}],"
            " contexts: [{name: a, context: {cluster: a, user: a}}],"
            f" clusters: [{{name: a, cluster: {{server: '{server}'}}}}]}}"
        )
        config = tmp_path / "reverser.toml"
        config.write_text(
            f'data_dir = "{tmp_path}/data"\n'
            f'clusters = [{{name = "default", kubeconfig = "{tmp_path}/kubeconfig"}}]\n'
            'destinations = [{name = "live", url = "file:///nowhere.git"}]\n'
            'rules = [{name = "all", destination = "live"}]\n'
        )
        command = [
            sys.executable,
            "-m",
            "reverser",
            "snapshot",
            "--config",
            str(config),
            "--to",
            str(tmp_path / "o"),
        ]
        process = subprocess.Popen(command, env={**os.environ, "TMPDIR": str(tmp_path / "tmp")})
        wait_for("the journal", lambda: [*(tmp_path / "tmp").glob("*/journal.sqlite")])
        silent.settimeout(30)
        connection, _ = silent.accept()
        process.send_signal(number)

        assert process.wait(30) == -number
        connection.close()
    assert list((tmp_path / "tmp").iterdir()) == []
