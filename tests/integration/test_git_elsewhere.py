"""Credentials go to the configured host, whatever a remote or the user's Git configuration says."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from structlog.testing import capture_logs

from reverser.errors import StalledError
from reverser.git.process import Git
from reverser.git.remote_check import check_remote
from reverser.git.repository import open_repository
from reverser.git.user_config import DEFAULTS, take, taken
from reverser.model.commit import PushOutcome
from reverser.model.destination import Credentials, Destination
from reverser.model.secret import SecretRef
from tests.integration.gitserver import GitServer, serving
from tests.integration.gitsupport import commit, destination

TOKEN = Credentials(token=SecretRef(value="s3cret"))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[GitServer]:
    (tmp_path / "one").mkdir()
    with serving(tmp_path / "one") as server:
        yield server


@pytest.fixture
def other(tmp_path: Path) -> Iterator[GitServer]:
    """Another host, which would take everything."""
    (tmp_path / "two").mkdir()
    with serving(tmp_path / "two") as server:
        yield server
    assert server.authorizations == [], "it was asked"
    assert server.head == ""


def with_token(server: GitServer) -> Destination:
    return destination(server.url, credentials=TOKEN)


def host(server: GitServer) -> str:
    return server.url.removesuffix("/live.git")


async def test_a_redirect_is_not_followed(tmp_path: Path, server: GitServer, other: GitServer) -> None:
    """It is told with the address, for a person to decide."""
    server.moved = {"GET": host(other)}
    async with open_repository(tmp_path / "ours", with_token(server)) as repository:
        with pytest.raises(StalledError) as caught:
            await repository.fetch()
        [head] = await repository.write([commit(a="1")], "")
        assert (await repository.push(head, "")).outcome is PushOutcome.DENIED
        with pytest.raises(StalledError):
            await repository.annotate({head: "note"}, "Reverser <reverser@localhost>", 1.0)
    assert caught.value.reason == "Redirected"
    assert f"redirects to {other.url}" in caught.value.message
    report = await check_remote(with_token(server))
    assert (report.reason, report.push_allowed) == ("Redirected", False)


async def test_a_redirect_of_the_upload_is_not_followed(
    tmp_path: Path, server: GitServer, other: GitServer
) -> None:
    """Nor is that of what comes after the first answer, which git would send with the token."""
    server.moved = {"POST": host(other)}
    async with open_repository(tmp_path / "ours", with_token(server)) as repository:
        [head] = await repository.write([commit(a="1" * 2_000_000)], "")
        assert not (await repository.push(head, "")).landed
    assert server.head == ""


REWRITTEN = [
    '[url "{other}"]\n\tinsteadOf = {one}',
    '[url "{other}/live.git"]\n\tinsteadOf = {one}/live.git',
    '[url "{other}"]\n\tpushInsteadOf = {one}',
    '[remote "origin"]\n\tpushurl = {other}/live.git',
    '[remote "origin"]\n\turl = {other}/live.git',
    "[http]\n\tproxy =\n\tfollowRedirects = true",
]


@pytest.mark.parametrize("settings", REWRITTEN)
async def test_the_users_own_settings_do_not_lead_elsewhere(
    tmp_path: Path, server: GitServer, other: GitServer, settings: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Commits land where the destination says."""
    own = tmp_path / "gitconfig"
    own.write_text(settings.format(other=host(other), one=host(server)) + "\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    server.login = "Bearer s3cret"
    async with open_repository(tmp_path / "ours", with_token(server)) as repository:
        [head] = await repository.write([commit(a="1")], await repository.fetch())
        assert (await repository.push(head, "")).landed
    assert server.head == head


async def test_how_to_connect_is_the_users_to_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies, certificates and trusted folders of the user are in force as they are now."""
    own = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    own.write_text(
        '[http "https://h.example/A b"]\n\tproxy = "http://p:1/#\\"x\\\\"\n\textraHeader = "X-Key: 1"\n'
        "[http]\n\textraHeader = X-Everywhere: 1\n\tsslCAInfo = /ca.pem\n"
        "[safe]\n\tdirectory = /one\n\tdirectory = *\n[core]\n\tsshCommand = evil\n\tpager = less\n"
        "[credential]\n\thelper = store\n[alias]\n\tpush = !evil\n[pack]\n\tthreads = 8\n"
    )
    git = Git(tmp_path / "ours")
    git.folder.mkdir()
    copy = await take(git)
    listed = await git.run("config", "--file", str(copy), "--list", "--null")

    threads = await git.run("config", "--file", str(copy), "pack.threads")
    assert threads.stdout.decode().strip() == "8"
    assert listed.stdout.decode().split("\0")[len(DEFAULTS) : -1] == [
        'http.https://h.example/A b.proxy\nhttp://p:1/#"x\\',
        "http.https://h.example/A b.extraheader\nX-Key: 1",
        "http.sslcainfo\n/ca.pem",
        "safe.directory\n/one",
        "safe.directory\n*",
        "pack.threads\n8",
    ]
    assert copy.stat().st_mode & 0o777 == 0o600
    own.unlink()
    assert (await take(git)).read_text() == taken(b"")


async def test_a_broken_configuration_of_the_user_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its proxies and certificates are not in force: the log says so once, with the file and the line."""
    own = tmp_path / "gitconfig"
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    own.write_text("[http]\n\tproxy = http://p:1\n[broken\n")
    git = Git(tmp_path / "ours")
    git.folder.mkdir()

    with capture_logs() as logged:
        for _ in range(3):
            assert (await take(git)).read_text() == taken(b"")

    (line,) = logged
    assert line["event"] == "the user's Git configuration cannot be read"
    assert str(own) in line["error"]


LOGINS = (
    '[http "{host}/"]\n\textraHeader = "Authorization: Bearer platform"\n[http]\n\temptyAuth = true\n'
    "\tsslCert = /c\n\tsslKey = /k\n\tsslCAInfo = ~/ca.pem\n\tdelegation = always\n"
)


@pytest.mark.parametrize("name", ["live", "shop/web"])
async def test_nobody_logs_in_as_the_operator_by_a_gitrepoconfig(
    tmp_path: Path, server: GitServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A destination of the file may use the operator's header; one of a custom resource goes without any."""
    own = tmp_path / "gitconfig"
    own.write_text(LOGINS.format(host=host(server)))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    server.login = "Bearer platform"
    ours = msgspec.structs.replace(destination(server.url), name=name)
    async with open_repository(tmp_path / "ours", ours) as repository:
        if name == "live":
            assert await repository.fetch() == ""
        else:
            with pytest.raises(StalledError) as caught:
                await repository.fetch()
            assert caught.value.reason == "AuthenticationFailed"
            assert set(server.authorizations) == {""}


@pytest.mark.parametrize("name", ["live", "shop/web"])
async def test_the_operators_netrc_is_not_for_gitrepoconfigs(
    tmp_path: Path, server: GitServer, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """curl looks for it in HOME, whatever git is told; a destination of the file may use it."""
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login platform password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    server.login = "Basic " + base64.b64encode(b"platform:s3cret").decode()
    ours = msgspec.structs.replace(destination(server.url), name=name)
    async with open_repository(tmp_path / "ours", ours) as repository:
        if name == "live":
            assert await repository.fetch() == ""
        else:
            with pytest.raises(StalledError):
                await repository.fetch()
            assert set(server.authorizations) == {""}


async def test_what_a_gitrepoconfig_takes_of_the_users_settings(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Authorities stay, found in the home that the user has; client certificates and tickets do not."""
    own = tmp_path / "gitconfig"
    own.write_text(LOGINS.format(host="https://h.example"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(own))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.setenv("HOME", str(tmp_path))
    git = Git(tmp_path / "ours")
    git.folder.mkdir()

    copy = (await take(git, logins=False)).read_text()

    assert copy == taken(b"") + f'[http]\n\tsslcainfo = "{tmp_path}/ca.pem"\n'
