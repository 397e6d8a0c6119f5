"""A real Gitea with users, tokens, repositories, deploy keys and protected branches, by http and ssh.

One process with an SQLite database and its built-in ssh server, on free ports of the loopback address. Its
API is called as an administrator. `Repository.remote` is the bare repository on its disk: a test looks
there at what Gitea has stored.
"""

from __future__ import annotations

import getpass
import itertools
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from tests.e2e.daemon import wait_for
from tests.e2e.remote import Remote
from tests.e2e.servers import ASSETS
from tests.integration.gitserver import make_key
from tests.ports import free_ports

PROGRAM = ASSETS / "gitea"
STATIC = ASSETS / "gitea-static"
ADMIN = "boss"
PASSWORD = "correct horse battery staple"
"""Of every user."""

CONFIG = """\
RUN_USER = {user}
RUN_MODE = prod
WORK_PATH = {folder}
I_AM_BEING_UNSAFE_RUNNING_AS_ROOT = true
[server]
STATIC_ROOT_PATH = {static}
APP_DATA_PATH = {folder}/data
HTTP_ADDR = 127.0.0.1
HTTP_PORT = {http}
ROOT_URL = http://127.0.0.1:{http}/
START_SSH_SERVER = true
BUILTIN_SSH_SERVER_USER = git
SSH_DOMAIN = 127.0.0.1
SSH_LISTEN_HOST = 127.0.0.1
SSH_LISTEN_PORT = {ssh}
SSH_PORT = {ssh}
SSH_SERVER_HOST_KEYS = {folder}/host
OFFLINE_MODE = true
[database]
DB_TYPE = sqlite3
PATH = {folder}/gitea.db
[security]
INSTALL_LOCK = true
SECRET_KEY = of-this-test-run
INTERNAL_TOKEN = of-this-test-run
PASSWORD_COMPLEXITY = off
PASSWORD_HASH_ALGO = pbkdf2_v1
[oauth2]
ENABLED = false
[service]
DISABLE_REGISTRATION = true
[repository]
ROOT = {folder}/repositories
DEFAULT_BRANCH = main
[indexer]
ISSUE_INDEXER_TYPE = db
[queue]
TYPE = channel
[log]
LEVEL = warn
[actions]
ENABLED = false
[packages]
ENABLED = false
[cron]
ENABLED = false
"""


def gitea_built() -> bool:
    """Whether the program and its files are there."""
    return PROGRAM.is_file() and STATIC.is_dir()


class Repository(msgspec.Struct, frozen=True):
    """One repository of an owner, and the ways to it."""

    owner: str
    name: str
    http: str
    """Its address for tokens and passwords."""
    ssh: str
    """Its address for keys."""
    remote: Remote
    """What Gitea has stored."""


class Gitea:
    """The running server, called as its administrator."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._http_port, self._ssh_port = free_ports(2)
        self.url = f"http://127.0.0.1:{self._http_port}"
        self.known_hosts = ""
        """The host keys, as ssh-keyscan prints them."""
        self._numbers = itertools.count(1)
        self._config = folder / "app.ini"

    @classmethod
    @contextmanager
    def start(cls, folder: Path) -> Iterator[Gitea]:
        """A Gitea that answers, for as long as the context lasts."""
        folder.mkdir(parents=True, exist_ok=True)
        gitea = cls(folder)
        make_key(folder / "host")
        places = {"folder": folder, "static": STATIC, "user": getpass.getuser()}
        gitea._config.write_text(CONFIG.format(**places, http=gitea._http_port, ssh=gitea._ssh_port))
        with (folder / "log").open("wb") as log:
            command = [*gitea._command, "web"]
            process = subprocess.Popen(command, stdout=log, stderr=log, env=gitea._environment)
        try:
            with httpx.Client(base_url=f"{gitea.url}/api/v1", timeout=30) as client:
                gitea._api = client
                wait_for("Gitea", gitea._answers, 60)
                client.headers["Authorization"] = f"token {gitea._make_admin()}"
                gitea.known_hosts = wait_for("its ssh server", gitea._scan, 60)
                yield gitea
        finally:
            process.terminate()
            process.wait(30)

    def user(self, name: str = "") -> str:
        """A new user; its name."""
        name = name or f"user{next(self._numbers)}"
        person = {"username": name, "email": f"{name}@example.com", "password": PASSWORD}
        self._post("/admin/users", person | {"must_change_password": False})
        return name

    def token(self, user: str, *scopes: str) -> str:
        """A token of a user; without scopes it may read and write repositories."""
        wanted = {"name": f"token{next(self._numbers)}", "scopes": scopes or ("write:repository",)}
        answer = self._api.post(f"/users/{user}/tokens", json=wanted, auth=(user, PASSWORD))
        assert answer.is_success, answer.text
        return str(answer.json()["sha1"])

    def organisation(self, name: str = "") -> str:
        """A new organisation; its name."""
        name = name or f"team{next(self._numbers)}"
        self._post("/orgs", {"username": name})
        return name

    def repository(self, owner: str, name: str = "", *, empty: bool = True) -> Repository:
        """A new private repository of a user or an organisation, empty or with a branch main."""
        name = name or f"repository{next(self._numbers)}"
        wanted = {"name": name, "private": True, "auto_init": not empty, "default_branch": "main"}
        kind = "orgs" if self._api.get(f"/orgs/{owner}").is_success else "admin/users"
        self._post(f"/{kind}/{owner}/repos", wanted)
        return Repository(
            owner,
            name,
            f"{self.url}/{owner}/{name}.git",
            f"ssh://git@127.0.0.1:{self._ssh_port}/{owner}/{name}.git",
            Remote(self.folder / "repositories" / owner.lower() / f"{name.lower()}.git"),
        )

    def collaborator(self, repository: Repository, user: str, permission: str = "write") -> None:
        """Let a user `read` or `write` somebody else's repository."""
        path = f"{_path(repository)}/collaborators/{user}"
        answer = self._api.put(path, json={"permission": permission})
        assert answer.is_success, answer.text

    def deploy_key(self, repository: Repository, *, writable: bool) -> str:
        """A new deploy key; the text of its private half."""
        file = self.folder / f"key{next(self._numbers)}"
        make_key(file)
        key = {"title": file.name, "key": file.with_suffix(".pub").read_text(), "read_only": not writable}
        self._post(f"{_path(repository)}/keys", key)
        return file.read_text()

    def protect(self, repository: Repository, *users: str, deploy_keys: bool = False) -> None:
        """Let nobody push to main but these users, and deploy keys if asked for."""
        allowed = bool(users) or deploy_keys
        rule = {
            "rule_name": "main",
            "enable_push": allowed,
            "enable_push_whitelist": allowed,
            "push_whitelist_usernames": users,
            "push_whitelist_deploy_keys": deploy_keys,
        }
        self._post(f"{_path(repository)}/branch_protections", rule)

    def unprotect(self, repository: Repository) -> None:
        """Take away what `protect` has set."""
        answer = self._api.delete(f"{_path(repository)}/branch_protections/main")
        assert answer.is_success, answer.text

    @property
    def _command(self) -> list[str]:
        return [str(PROGRAM), "--config", str(self._config)]

    @property
    def _environment(self) -> dict[str, str]:
        """Without a Git configuration of the user's, which Gitea would change."""
        return os.environ | {"HOME": str(self.folder), "GITEA_WORK_DIR": str(self.folder)}

    def _make_admin(self) -> str:
        """Make the administrator; its token."""
        command = [*self._command, "admin", "user", "create", "--admin", "--username", ADMIN]
        command += ["--password", PASSWORD, "--email", "boss@example.com", "--must-change-password=false"]
        command += ["--access-token", "--access-token-scopes", "all"]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        [line] = [line for line in done.stdout.splitlines() if "token was successfully created" in line]
        return line.split()[-1]

    def _answers(self) -> bool:
        try:
            return self._api.get("/version").is_success
        except httpx.TransportError:
            return False

    def _scan(self) -> str:
        command = ["ssh-keyscan", "-p", str(self._ssh_port), "127.0.0.1"]
        return subprocess.run(command, capture_output=True, text=True, check=False).stdout

    def _post(self, path: str, document: dict[str, Any]) -> Any:
        answer = self._api.post(path, json=document)
        assert answer.is_success, f"{path}: {answer.status_code} {answer.text}"
        return answer.json()


def _path(repository: Repository) -> str:
    return f"/repos/{repository.owner}/{repository.name}"
