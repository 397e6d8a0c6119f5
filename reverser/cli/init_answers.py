"""The answers that `reverser init` needs: from an option, else from a person, else what is usual.

They become a commented reverser.toml, which says where the other keys are described.

Values are written by tomli-w, so that a Windows path or a quote in an answer stays a value.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click
import msgspec
import tomli_w

from reverser.config import remote_url
from reverser.config.schema import Config
from reverser.errors import ConfigError, Problem
from reverser.kube.kubeconfig_contexts import contexts

HEAD = """\
# Written by `reverser init`. docs/configuration.md and config.example.toml have every key.
# `reverser check --config FILE` checks this file and connects to everything in it.

"""


class Draft(msgspec.Struct, frozen=True):
    """The answers."""

    url: str
    branch: str
    data_dir: str
    kubeconfig: str
    context: str
    namespaces: tuple[str, ...]
    credentials: Mapping[str, Any]

    def render(self) -> str:
        """The file's text."""
        return HEAD + "\n".join(
            [
                "# The journal, the bare repositories and the keys. Keep it across restarts.",
                _line("data_dir", self.data_dir),
                "\n[[clusters]]",
                _line("name", "default"),
                "# Empty: in-cluster, else $KUBECONFIG, else ~/.kube/config.",
                _line("kubeconfig", self.kubeconfig),
                "# Empty: the kubeconfig's current context.",
                _line("context", self.context),
                "\n[[destinations]]",
                _line("name", "live"),
                _line("url", self.url),
                "# Made when it is missing.",
                _line("branch", self.branch),
                "# A folder inside the repository; empty: its root.",
                _line("path", ""),
                "# Secrets have no file at all; mask would keep their keys.",
                _line("secrets", "omit"),
                *self._login(),
                "\n[[rules]]",
                _line("name", "everything"),
                _line("destination", "live"),
                "# As kubectl spells them: deployments, *.apps, deploy, Deployment, *.",
                _line("resources", ["*"]),
                '# Globs. With ["*"], objects without a namespace are written too.',
                _line("namespaces", list(self.namespaces)),
                _line("exclude_namespaces", ["kube-*"]),
                "",
            ]
        )

    def _login(self) -> list[str]:
        if not self.credentials:
            return []
        comment = "# Files are read again at each use; { env = … } works as well."
        lines = [_line(key, value) for key, value in self.credentials.items()]
        return ["\n[destinations.credentials]", comment, *lines]


def _line(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    """On one line, where tomli-w would write a list as many and a table as a section."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_line(*item) for item in value.items())} }}"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()


KEY_FILES = ("~/.ssh/id_ed25519", "~/.ssh/id_ecdsa", "~/.ssh/id_rsa")
HOST_KEY_FILES = ("~/.ssh/known_hosts",)


class Answers:
    """Asks a person only where `ask` is set; questions go to standard error."""

    def __init__(self, given: Mapping[str, str | None], *, ask: bool) -> None:
        self._given = given
        self._ask = ask

    def get(self, option: str, question: str, usual: str = "") -> str:
        """One answer."""
        value = self._given.get(option)
        if value is not None:
            return value
        if not self._ask:
            return usual
        return str(click.prompt(question, default=usual, show_default=bool(usual), err=True)).strip()


def draft(answers: Answers, namespaces: tuple[str, ...]) -> Draft:
    """All answers. Raises ConfigError in the words of the options."""
    kubeconfig = answers.get("kubeconfig", "Kubeconfig (empty: as kubectl finds it)")
    context = _context(answers, kubeconfig)
    spaces = namespaces or tuple(answers.get("namespaces", "Namespaces, with commas between", "*").split(","))
    url = answers.get("url", "URL of the repository to write to")
    try:
        scheme = remote_url.parse(url).scheme
    except ValueError as error:
        hint = "" if url else "give it with --url"
        raise ConfigError([Problem("--url", str(error), hint)]) from None
    return Draft(
        url=url,
        branch=answers.get("branch", "Branch", "main"),
        data_dir=answers.get("data_dir", "Folder for the journal", _usual_data_dir()),
        kubeconfig=kubeconfig,
        context=context,
        namespaces=tuple(space.strip() for space in spaces if space.strip()),
        credentials=_credentials(answers, scheme),
    )


def _context(answers: Answers, kubeconfig: str) -> str:
    """One that there is; "" for the current one. Nothing is refused where no kubeconfig can be read."""
    if kubeconfig and not Path(kubeconfig).expanduser().is_file():
        raise ConfigError([Problem("--kubeconfig", f"{kubeconfig} is not there")])
    known = contexts(kubeconfig)
    listed = ", ".join(known.names)
    usual = f"empty: {known.current or 'its current one'}"
    there_are = f"{listed}; {usual}" if listed else usual
    context = answers.get("context", f"Context of the kubeconfig ({there_are})")
    if context and known.names and context not in known.names:
        hint = f"there are {listed}"
        message = f"no context of {', '.join(known.files)} is called {context}"
        raise ConfigError([Problem("--cluster", message, hint)])
    return context


def _credentials(answers: Answers, scheme: str) -> dict[str, Any]:
    if scheme == "ssh":
        key = answers.get("ssh_key", "Private key", _first_file(KEY_FILES))
        hosts = answers.get("known_hosts", "Host keys of the remote", _first_file(HOST_KEY_FILES))
        _require_files({"--ssh-key": (key, KEY_FILES), "--known-hosts": (hosts, HOST_KEY_FILES)})
        return {"ssh_key": {"file": _absolute(key)}, "known_hosts": {"file": _absolute(hosts)}}
    if scheme == "file":
        return {}
    username = answers.get("username", "User name (empty: the remote wants none)")
    if not username:
        return {}
    file = answers.get("password_file", "File with the password or token")
    _require_files({"--password-file": (file, ())})
    return {"username": username, "password": {"file": _absolute(file)}}


def _require_files(files: Mapping[str, tuple[str, Iterable[str]]]) -> None:
    """Raises ConfigError for every file that is not there, or that nobody named."""
    problems = []
    for option, (file, usual) in files.items():
        if not file:
            looked = f"none of {', '.join(usual)} is there" if usual else "there is no usual one"
            problems.append(Problem(option, "a file is needed", looked))
        elif not Path(file).expanduser().is_file():
            problems.append(Problem(option, f"{file} is not there"))
    if problems:
        raise ConfigError(problems)


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _first_file(paths: Iterable[str]) -> str:
    return next((path for path in paths if Path(path).expanduser().is_file()), "")


def _usual_data_dir() -> str:
    """The system's place where we may write there, else the user's own."""
    usual = Path(Config().data_dir)
    if usable(usual):
        return str(usual)
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return str(Path(home) / "reverser")


def usable(folder: Path) -> bool:
    """Whether this user may write to a folder, or make it."""
    nearest = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    return nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
