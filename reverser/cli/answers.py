"""The answers that `reverser init` needs: from an option, else from a person, else what is usual."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import click

from reverser.cli.draft import Draft
from reverser.config import remote
from reverser.config.tables import Config
from reverser.errors import ConfigError, Problem

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
    """All answers. Raises ConfigError for a URL that cannot be one."""
    context = answers.get("context", "Context of the kubeconfig (empty: its current one)")
    spaces = namespaces or tuple(answers.get("namespaces", "Namespaces, with commas between", "*").split(","))
    url = answers.get("url", "URL of the repository to write to")
    try:
        scheme = remote.parse(url).scheme
    except ValueError as error:
        hint = "" if url else "give it with --url"
        raise ConfigError([Problem("--url", str(error), hint)]) from None
    return Draft(
        url=url,
        branch=answers.get("branch", "Branch", "main"),
        data_dir=answers.get("data_dir", "Folder for the journal", _usual_data_dir()),
        kubeconfig=answers.get("kubeconfig", "Kubeconfig (empty: as kubectl finds it)"),
        context=context,
        namespaces=tuple(space.strip() for space in spaces if space.strip()),
        credentials=_credentials(answers, scheme),
    )


def _credentials(answers: Answers, scheme: str) -> dict[str, Any]:
    if scheme == "ssh":
        key = answers.get("ssh_key", "Private key", _first_file(KEY_FILES))
        hosts = answers.get("known_hosts", "Host keys of the remote", _first_file(HOST_KEY_FILES))
        return {"ssh_key": {"file": _absolute(key)}, "known_hosts": {"file": _absolute(hosts)}}
    if scheme == "file":
        return {}
    username = answers.get("username", "User name (empty: the remote wants none)")
    if not username:
        return {}
    file = answers.get("password_file", "File with the password or token")
    return {"username": username, "password": {"file": _absolute(file)}}


def _absolute(path: str) -> str:
    return str(Path(path).expanduser().absolute()) if path else ""


def _first_file(paths: Iterable[str]) -> str:
    return next((path for path in paths if Path(path).expanduser().is_file()), "")


def _usual_data_dir() -> str:
    """The system's place where we may write there, else the user's own."""
    usual = Path(Config().data_dir)
    if os.access(usual if usual.exists() else usual.parent, os.W_OK):
        return str(usual)
    home = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local/share"
    return str(Path(home) / "reverser")
