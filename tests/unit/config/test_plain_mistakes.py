"""Plain mistakes of somebody new: each is told with its place, in the words that he used."""

from __future__ import annotations

import fcntl
import os
import socket
from pathlib import Path

import pytest
from click.testing import CliRunner

from reverser.app.plugin_setup import built_in_hooks, hosted
from reverser.cli import group
from reverser.cli.check_machine import look_here
from reverser.config import parse
from reverser.config.unmatched_patterns import empty
from reverser.errors import ConfigError
from reverser.model.rule import Rule
from reverser.select.rules import CompiledRule
from reverser.testing import TYPES

BASE = """
[[destinations]]
name = "live"
url = "file:///srv/live.git"
[[rules]]
name = "all"
destination = "live"
"""
KUBECONFIG = """apiVersion: v1
kind: Config
current-context: kind-a
clusters: [{name: dead, cluster: {server: 'http://127.0.0.1:1'}}]
users: [{name: dead, user: {token: x}}]
contexts:
- {name: kind-a, context: {cluster: dead, user: dead}}
- {name: kind-b, context: {cluster: dead, user: dead}}
"""


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (
            f'{BASE}data_dir = "/x"',
            "rules.all.data_dir: is not a known key (it belongs at the top of the file",
        ),
        (f'{BASE}branch = "main"', "rules.all.branch: is not a known key (it belongs in [[destinations]])"),
        (
            f'namespaces = ["shop"]\n{BASE}',
            "namespaces: is not a known key (it belongs in [resources] or in [[rules]])",
        ),
        (f'{BASE}ssh_key = "x"', "ssh_key: is not a known key (it belongs in [destinations.credentials])"),
        (f"{BASE}resorces = []", "rules.all.resorces: is not a known key (did you mean resources?)"),
    ],
)
def test_a_key_in_a_wrong_table_is_told_where_it_belongs(text: str, told: str) -> None:
    """TOML gives a key to the heading above it, which is not what its author meant."""
    with pytest.raises(ConfigError) as caught:
        parse(text, {})

    assert any(told in str(problem) for problem in caught.value.problems), caught.value.problems


def compiled(**fields: object) -> CompiledRule:
    config = parse(BASE, {})
    hooks = hosted(config, {}).deciding(built_in_hooks(config))
    return CompiledRule(Rule("all", "live", **fields), hooks.exclude_type)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({}, ""),
        ({"namespaces": ("shop", "team-*")}, ""),
        ({"resources": ("gadgets",)}, "rules.all: selects no type that is served now"),
        (
            {"resources": ("clusterroles",), "namespaces": ("shop",)},
            "rules.all: selects no type that is served",
        ),
        ({"namespaces": ("shpo",)}, "no namespace is called shpo now; "),
        ({"namespaces": ("shpo",)}, "(did you mean shop?)"),
        ({"namespaces": ("kube-system",)}, "kube-system is left out by exclude_namespaces"),
    ],
)
def test_a_rule_that_selects_nothing_is_told(fields: dict[str, object], told: str) -> None:
    """Types and namespaces that are not there, or that another key leaves out."""
    found = empty([compiled(**fields)], [*TYPES.values()], {"shop", "team-a", "kube-system", "default"})

    assert told in "\n".join(found)
    assert bool(found) is bool(told)


def test_namespaces_that_nobody_may_list_are_not_missed() -> None:
    """Where we may not ask, no rule is told off."""
    assert empty([compiled(namespaces=("shpo",))], [*TYPES.values()], None) == []


def test_a_start_that_would_fail_here_is_told_before(tmp_path: Path) -> None:
    """A data directory that is not a folder, and a port that somebody has."""
    (tmp_path / "file").write_text("")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        text = f'data_dir = "{tmp_path}/file/data"\noperations.bind = "127.0.0.1:{port}"\n{BASE}'
        folder, bind = look_here(parse(text, {}))
    [again, free] = look_here(parse(text.replace("/file/data", "/data"), {}))

    assert (folder.ok, folder.message) == (False, f"{tmp_path}/file is not a folder")
    assert (bind.ok, bind.message) == (False, "cannot listen: Address already in use")
    assert "ss -ltnp" in bind.hint
    assert (again.ok, again.message, free.message) == (True, "will be made", "is free")
    assert not (tmp_path / "data").exists()


def test_a_daemon_that_runs_is_no_fault(tmp_path: Path) -> None:
    """Its data directory and its ports are in use, as they should be."""
    with socket.create_server(("127.0.0.1", 0)) as taken, (tmp_path / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        lock.write("4711\n")
        lock.flush()
        port = taken.getsockname()[1]
        found = look_here(parse(f'data_dir = "{tmp_path}"\noperations.bind = "127.0.0.1:{port}"\n{BASE}', {}))

    assert [each.ok for each in found] == [True, True]
    assert found[0].message == "process 4711 runs on it"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with a kubeconfig of two contexts, and nothing else."""
    (tmp_path / ".kube").mkdir()
    (tmp_path / ".kube/config").write_text(KUBECONFIG)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            ["--cluster", "kind-c", "--url", "file:///x"],
            "--cluster: no context of ~/.kube/config is called kind-c",
        ),
        (["--cluster", "kind-c", "--url", "file:///x"], "(there are kind-a, kind-b)"),
        (["--kubeconfig", "gone", "--url", "file:///x"], "--kubeconfig: gone is not there"),
        (["--url", "git@example.com:live.git"], "--ssh-key: a file is needed (none of ~/.ssh/id_ed25519"),
        (["--url", "git@example.com:live.git"], "--known-hosts: a file is needed"),
        (["--url", "git@example.com:live.git", "--ssh-key", "gone"], "--ssh-key: gone is not there"),
        (["--url", "https://x/y", "--username", "bot"], "--password-file: a file is needed"),
        (["--url", "file:///x", "--branch", "a..b"], '--branch: "a..b" is not a branch name that Git allows'),
        (["--url", "ftp://x"], "--url: "),
        (
            ["--url", "file:///x", "--config", "file/reverser.toml"],
            "--config: file cannot be written by this user",
        ),
    ],
)
def test_init_speaks_in_the_words_of_its_options(home: Path, options: list[str], told: str) -> None:
    """What is wrong with an answer is told by the option that gives it, before anything is connected to."""
    (home / "file").write_text("")

    done = CliRunner().invoke(group, ["init", "--yes", *options])

    assert isinstance(done.exception, ConfigError)
    shown = "\n".join(map(str, done.exception.problems)).replace(str(home), "~")
    assert told in shown
    assert not (home / "reverser.toml").exists()


def test_init_lists_contexts_and_proposes_what_is_there(home: Path) -> None:
    """The question names the contexts, ssh files are proposed, and the data directory can be made."""
    (home / ".ssh").mkdir()
    for name in ("id_ecdsa", "known_hosts"):
        (home / ".ssh" / name).write_text("x")
    answers = ["", "kind-b", "", "git@127.0.0.1:live.git", "", "", "", "", "n"]

    done = CliRunner().invoke(group, ["init"], input="\n".join(answers) + "\n")

    assert "Context of the kubeconfig (kind-a, kind-b; empty: kind-a)" in done.output
    assert "[~/.ssh/id_ecdsa]" in done.output
    assert "[~/.ssh/known_hosts]" in done.output


def test_a_data_directory_is_proposed_that_can_be_written(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where the usual one cannot be made, one below the home folder."""
    monkeypatch.setattr(
        "reverser.cli.init_answers.os.access", lambda place, _: str(place).startswith(str(home))
    )
    monkeypatch.delenv("XDG_DATA_HOME", raising=False)

    done = CliRunner().invoke(group, ["init"], input="\n\n\nfile:///x\n\n")

    assert f"[{home}/.local/share/reverser]" in done.output


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_init_tells_of_a_folder_that_cannot_be_written(home: Path) -> None:
    """No traceback, and before any question."""
    home.chmod(0o500)

    done = CliRunner().invoke(group, ["init"])

    home.chmod(0o700)
    assert isinstance(done.exception, ConfigError)
