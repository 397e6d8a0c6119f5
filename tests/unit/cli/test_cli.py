"""The command line: exit codes, and that a person is told what to do."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import reverser
from reverser import config
from reverser.cli import group
from reverser.cli.exit_codes import exits
from reverser.errors import ConfigError, Problem, ReverserError, StalledError, TransientError

COMMANDS = [
    "init",
    "check",
    "run",
    "snapshot",
    "withheld",
    "audit",
    "webhook",
    "rbac",
    "keys",
    "plugins",
    "demo",
]


def run(*arguments: str, stdin: str = "", **environ: str) -> subprocess.CompletedProcess[str]:
    """The console script, as a person runs it."""
    return subprocess.run(
        [sys.executable, "-m", "reverser", *arguments],
        env={**os.environ, "NO_COLOR": "1", "COLUMNS": "200", **environ},
        input=stdin,
        capture_output=True,
        text=True,
    )


@pytest.fixture
def remote(tmp_path: Path) -> str:
    """URL of an empty bare repository."""
    subprocess.run(["git", "init", "-q", "--bare", tmp_path / "remote.git"], check=True)
    return f"file://{tmp_path}/remote.git"


@pytest.fixture
def file(tmp_path: Path, remote: str) -> Path:
    """A good configuration whose cluster does not answer and whose remote does."""
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(
        "apiVersion: v1\nkind: Config\ncurrent-context: dead\n"
        "clusters: [{name: dead, cluster: {server: 'http://127.0.0.1:1'}}]\n"
        "users: [{name: dead, user: {token: x}}]\n"
        "contexts: [{name: dead, context: {cluster: dead, user: dead}}]\n"
    )
    path = tmp_path / "reverser.toml"
    path.write_text(
        f'[[clusters]]\nname = "default"\nkubeconfig = "{kubeconfig}"\n'
        f'[[destinations]]\nname = "live"\nurl = "{remote}"\n'
        '[[rules]]\nname = "everything"\ndestination = "live"\n'
    )
    return path


def test_the_version_is_told() -> None:
    """`--version` prints the package's version."""
    assert run("--version").stdout == f"reverser {reverser.__version__}\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_listed_and_shows_an_example(command: str) -> None:
    """The group's help names each command, and each command's help shows how it is called."""
    assert f"  {command}" in run("--help").stdout

    shown = run(command, "--help")

    assert shown.returncode == 0
    assert "Example" in shown.stdout
    assert f"reverser {command}" in shown.stdout


def _below(command: click.Command, *words: str) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            each = command.get_command(context, name)
            assert each is not None
            yield (*words, name), each
            yield from _below(each, *words, name)


@pytest.mark.parametrize(("words", "command"), [*_below(group)], ids=lambda each: str(each))
def test_subcommands_show_an_example_too(words: tuple[str, ...], command: click.Command) -> None:
    """Wherever a person asks for help, there is a line to copy."""
    assert "Example" in (command.epilog or "")
    assert " ".join(("reverser", *words)) in (command.epilog or "")


@pytest.mark.parametrize("arguments", [["chek"], ["check", "--offlin"], ["init", "--yes", "--bad"]])
def test_wrong_usage_exits_with_2(arguments: list[str]) -> None:
    """A command or option that does not exist is wrong usage, not a bug."""
    assert run(*arguments).returncode == 2


def test_a_bad_configuration_exits_with_78_and_tells_everything(file: Path) -> None:
    """All problems, one a line with its hint, on standard error, and nothing starts."""
    file.write_text(file.read_text() + 'selectr = "x"\nresources = "pods"\n')

    for command in ("check", "run", "snapshot"):
        done = run(command, "--config", str(file))

        assert done.returncode == 78
        assert done.stdout == ""
        assert done.stderr.splitlines() == [
            "reverser: 2 problems in the configuration",
            "  rules.everything.selectr: is not a known key (did you mean selector?)",
            '  rules.everything.resources: must be a list, not "pods" (put it in brackets: ["pods"])',
            "nothing was started",
        ]


def test_scripts_get_the_problems_as_json(file: Path) -> None:
    """`--output json` tells problems by path, message and hint, with the same exit code."""
    file.write_text(file.read_text() + 'selectr = "x"\n')

    done = run("check", "--config", str(file), "--output", "json")

    assert done.returncode == 78
    assert json.loads(done.stdout) == {
        "ok": False,
        "problems": [
            {
                "path": "rules.everything.selectr",
                "message": "is not a known key",
                "hint": "did you mean selector?",
            }
        ],
    }


def test_offline_connects_to_nothing(file: Path) -> None:
    """`--offline` is content with a good file, though its cluster does not answer."""
    done = run("check", "--config", str(file), "--offline")

    assert (done.returncode, done.stderr) == (0, "")


def test_an_unreachable_cluster_exits_with_69_and_the_remote_is_told_all_the_same(file: Path) -> None:
    """One server that does not answer does not hide what the others say."""
    done = run("check", "--config", str(file), "--output", "json")

    found = json.loads(done.stdout)
    assert done.returncode == 69
    assert not found["ok"]
    assert found["clusters"][0]["error"]
    assert found["destinations"][0]["push_allowed"]


def test_the_table_tells_what_is_wrong(file: Path, tmp_path: Path) -> None:
    """For people, each server that does not answer has a line with its own words."""
    (tmp_path / "remote.git").rename(tmp_path / "gone.git")

    done = run("check", "--config", str(file))

    assert done.returncode == 69
    assert "cluster default: " in done.stdout
    assert "destination live: " in done.stdout


def test_what_helps_with_a_signing_key_is_told_beside_a_remote_that_is_gone(
    file: Path, tmp_path: Path
) -> None:
    """Two things that are wrong with one destination have two hints, wherever they are told."""
    (tmp_path / "remote.git").rename(tmp_path / "gone.git")
    (tmp_path / "key").write_text("not a key")
    signing = f'[destinations.signing]\nkey = {{ file = "{tmp_path}/key" }}\n[[rules]]'
    file.write_text(file.read_text().replace("[[rules]]", signing))

    for command in (("check",), ("check", "--output", "json"), ("keys", "signers")):
        done = run(*command, "--config", str(file))

        assert done.returncode in (69, 78)
        told = done.stdout + done.stderr
        assert "`reverser keys new` makes one" in told
        assert "credentials" not in told


def test_init_keeps_a_file_that_is_there(file: Path, remote: str) -> None:
    """Without `--force` an existing file is neither read nor replaced."""
    before = file.read_text()

    done = run("init", "--yes", "--url", remote, "--config", str(file))

    assert (done.returncode, file.read_text()) == (2, before)
    assert "--force" in done.stderr


def test_init_writes_nothing_for_servers_that_do_not_answer(file: Path, remote: str, tmp_path: Path) -> None:
    """With `--yes` a cluster that does not answer ends it with 69, and no file is left."""
    target = tmp_path / "new.toml"

    done = run(
        "init", "--yes", "--url", remote, "--config", str(target), KUBECONFIG=str(tmp_path / "kubeconfig")
    )

    assert (done.returncode, target.exists()) == (69, False)


def test_init_asks_and_writes_what_was_answered(file: Path, remote: str, tmp_path: Path) -> None:
    """A person's answers become a file that loads, also before the cluster is there."""
    target = tmp_path / "new.toml"
    answers = [
        str(tmp_path / "kubeconfig"),
        "",
        "shop, team-*",
        remote,
        "review",
        str(tmp_path / 'd"ata'),
        "y",
    ]

    done = run("init", "--config", str(target), stdin="\n".join(answers) + "\n")

    assert done.returncode == 0, done.stderr
    loaded = config.load(target, {})
    assert loaded.data_dir == str(tmp_path / 'd"ata')
    assert loaded.destinations[0].branch == "review"
    assert loaded.rules[0].namespaces == ("shop", "team-*")


def test_init_follows_no_symbolic_link(file: Path, remote: str, tmp_path: Path) -> None:
    """What a link leads to stays: without `--force` the link is in the way, with it a file is there."""
    target, link, dangling = tmp_path / "precious", tmp_path / "link.toml", tmp_path / "dangling.toml"
    target.write_text("precious")
    link.symlink_to(target)
    dangling.symlink_to(tmp_path / "nowhere")
    answers = [str(tmp_path / "kubeconfig"), "", "", remote, "main", str(tmp_path / "data"), "y"]

    done = run("init", "--force", "--config", str(link), stdin="\n".join(answers) + "\n")
    refused = run("init", "--config", str(dangling), stdin="\n".join(answers) + "\n")

    assert done.returncode == 0, done.stderr
    assert (target.read_text(), link.is_symlink()) == ("precious", False)
    assert config.load(link, {}).destinations[0].url == remote
    assert refused.returncode == 2
    assert not (tmp_path / "nowhere").exists()


def test_init_keeps_how_few_may_read_a_file(file: Path, remote: str, tmp_path: Path) -> None:
    """A file that is replaced can be read by no more people than before."""
    answers = [str(tmp_path / "kubeconfig"), "", "", remote, "main", str(tmp_path / "data"), "y"]
    file.chmod(0o640)

    done = run("init", "--force", "--config", str(file), stdin="\n".join(answers) + "\n")

    assert done.returncode == 0, done.stderr
    assert file.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize(
    ("url", "path"), [("ftp://x/y", "--url"), ("https://me:pw@x/y", "--url"), ("", "--url")]
)
def test_init_refuses_a_url_that_cannot_be_one(url: str, path: str, tmp_path: Path) -> None:
    """A bad URL is told before anything is connected to, without showing a password."""
    done = run("init", "--yes", "--url", url, "--config", str(tmp_path / "new.toml"))

    assert done.returncode == 78
    assert path in done.stderr
    assert ":pw" not in done.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError([Problem("a", "b")]), 78),
        (StalledError("Denied", "no", hint="ask"), 69),
        (ExceptionGroup("", [TransientError("later"), ExceptionGroup("", [ReverserError("no")])]), 69),
        (ExceptionGroup("", [ExceptionGroup("", [ConfigError([Problem("a", "b")])])]), 78),
        (KeyError("x"), 70),
        (KeyboardInterrupt(), 130),
        (BaseExceptionGroup("", [BaseExceptionGroup("", [KeyboardInterrupt()]), KeyError("x")]), 130),
        (ExceptionGroup("", [TransientError("later"), KeyError("x")]), 70),
    ],
)
def test_the_type_of_an_error_decides_the_exit_code(error: BaseException, code: int) -> None:
    """Errors of the tree end as 78 or 69, also out of nurseries; a bug as 70, Ctrl-C as 130."""
    with pytest.raises(SystemExit) as ended, exits():
        raise error

    assert ended.value.code == code


def test_a_bug_is_told_by_its_place_and_never_by_its_text(capsys: pytest.CaptureFixture[str]) -> None:
    """What an error says may quote an object: on standard error are types, files and lines alone."""
    with pytest.raises(SystemExit) as ended, exits():
        _quoting("canary-hunter2")

    told = capsys.readouterr().err
    assert ended.value.code == 70
    assert "canary" not in told
    assert "in _quoting" in told
    assert "ValueError" in told
    assert "KeyError" in told


def _quoting(value: str) -> None:
    try:
        int(value)
    except ValueError as error:
        raise ExceptionGroup(value, [KeyError(value)]) from error
