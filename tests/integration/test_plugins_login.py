"""Plugins that know how to log in: asked before each exchange with a real Git server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reverser.errors import StalledError
from reverser.git.remote_check import check_remote
from reverser.git.repository import open_repository
from tests.integration.gitserver import GitServer, basic, serving
from tests.integration.gitsupport import commit, destination
from tests.integration.plugged import Counted, host_of

ROTATING = """
from reverser.model.destination import Credentials
from reverser.model.secret import SecretRef

asked = []

@hookimpl
async def reverser_credentials(destination):
    asked.append(destination.name)
    await trio.sleep(0)
    return Credentials(username="git", password=SecretRef(value=f"pass{len(asked)}"))
"""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    """A Git server over HTTP."""
    (tmp_path / "server").mkdir()
    with serving(tmp_path / "server") as running:
        yield running


async def test_each_exchange_logs_in_anew(tmp_path: Path, server: GitServer) -> None:
    """A password that is another for every call lets every fetch and push through."""
    host = host_of(tmp_path, ROTATING)
    async with (
        host.logging_in(),
        open_repository(tmp_path / "ours", destination(server.url), login=host.credentials) as repository,
    ):
        server.login = basic("git", "pass1")
        assert await repository.fetch() == ""
        ids = await repository.write([commit("one", a="1")], "")
        server.login = basic("git", "pass2")
        assert (await repository.push(ids[-1], "")).landed
        server.login = basic("git", "pass3")
        assert (await check_remote(destination(server.url), host.credentials)).reachable


@pytest.mark.parametrize(
    ("code", "told"),
    [
        ("raise ValueError('s3cret')", "failed (ValueError)"),
        ("return 'token'", "answers str, not Credentials"),
        ("sys.exit()", "failed (SystemExit)"),
    ],
)
async def test_who_cannot_say_stalls_the_destination(
    tmp_path: Path, server: GitServer, code: str, told: str
) -> None:
    """The reason names the plugin and quotes nothing; it is counted, and asked again the next time."""
    host, counted = host_of(tmp_path, f"@hookimpl\nasync def reverser_credentials(): {code}\n"), Counted()
    host.count_with(counted)
    async with (
        host.logging_in(),
        open_repository(tmp_path / "ours", destination(server.url), login=host.credentials) as repository,
    ):
        for _ in range(2):
            with pytest.raises(StalledError) as caught:
                await repository.fetch()

    assert caught.value.reason == "CredentialsUnavailable"
    assert told in caught.value.message
    assert "s3cret" not in caught.value.message


async def test_who_does_not_know_leaves_it_to_the_table(tmp_path: Path, server: GitServer) -> None:
    """None means: as the configuration says."""
    host = host_of(tmp_path, "@hookimpl\nasync def reverser_credentials(destination): return None\n")
    async with (
        host.logging_in(),
        open_repository(tmp_path / "ours", destination(server.url), login=host.credentials) as repository,
    ):
        assert await repository.fetch() == ""


async def test_a_busy_plugin_still_lets_in(tmp_path: Path, server: GitServer) -> None:
    """Who is asked answers beside what the plugin is doing."""
    busy = """
@hookimpl
async def reverser_condition(): await trio.sleep_forever()
"""
    host = host_of(tmp_path, ROTATING + busy)
    async with (
        host.logging_in(),
        open_repository(tmp_path / "ours", destination(server.url), login=host.credentials) as repository,
    ):
        host.condition(None)  # type: ignore[arg-type]
        server.login = basic("git", "pass1")
        assert await repository.fetch() == ""
