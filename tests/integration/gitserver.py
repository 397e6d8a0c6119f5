"""A real Git server for tests: one bare repository behind `git http-backend`, over ssh, and as file://.

Faults are switched by attributes while it runs: `login` (who may enter), `status` (refuse all),
`read_only` (refuse pushes), `moved` (send everybody elsewhere), `hanging` (answer nothing), `race` (call
this when a push is about to be stored). `refuse(words)` installs a pre-receive hook. `commit(...)` lands
somebody else's commit. `clone()` is how a test looks at the result: a fresh clone, checked by `git fsck`.
"""

from __future__ import annotations

import base64
import getpass
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.e2e.remote import install_hook
from tests.ports import free_port

SSHD = shutil.which("sshd", path=f"{os.environ.get('PATH', '')}:/usr/sbin")

ENVIRONMENT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_AUTHOR_NAME": "Somebody Else",
    "GIT_AUTHOR_EMAIL": "else@example.com",
    "GIT_COMMITTER_NAME": "Somebody Else",
    "GIT_COMMITTER_EMAIL": "else@example.com",
    "LC_ALL": "C",
    "PATH": os.environ["PATH"],
}


def git(folder: Path, *arguments: str, stdin: bytes | None = None) -> str:
    """Standard output of a git command that must succeed."""
    done = subprocess.run(
        ["git", "-C", folder, *arguments], input=stdin, capture_output=True, check=False, env=ENVIRONMENT
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode("utf-8", "surrogateescape").removesuffix("\n")


def basic(user: str, password: str) -> str:
    """The Authorization header of a user with a password."""
    return "Basic " + base64.b64encode(f"{user}:{password}".encode()).decode()


class GitServer:
    """One bare repository and the ways to reach and to disturb it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bare = folder / "live.git"
        self.login = ""
        """The Authorization header that is asked for; empty: everybody may enter."""
        self.status = 0
        self.read_only = False
        self.moved: dict[str, str] = {}
        """Method -> the address that its requests are redirected to."""
        self.hanging = False
        self.released = threading.Event()
        self.race: Callable[[], object] | None = None
        self.authorizations: list[str] = []
        self.port = 0
        self.scheme = "http"
        self._clones = 0
        git(folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.bare))
        git(self.bare, "config", "http.receivepack", "true")

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/live.git"

    @property
    def file_url(self) -> str:
        return self.bare.as_uri()

    @property
    def head(self) -> str:
        """The commit of main; empty when there is none."""
        return git(self.bare, "for-each-ref", "--format=%(objectname)", "refs/heads/main")

    def clone(self, branch: str = "main") -> Path:
        """A fresh clone, proven sound."""
        self._clones += 1
        clone = self.folder / f"clone{self._clones}"
        git(self.folder, "clone", "--quiet", "--no-local", "--branch", branch, self.file_url, str(clone))
        complaints = git(clone, "fsck", "--full", "--strict")
        assert not complaints, complaints
        return clone

    def log(self, form: str = "%s", *more: str) -> list[str]:
        """One line a commit of main, oldest first."""
        return git(self.bare, "log", "--reverse", f"--format={form}", "main", *more).splitlines()

    def files(self) -> dict[str, bytes]:
        """Every file of main in a fresh clone."""
        clone = self.clone()
        names = filter(None, git(clone, "ls-files", "-z").split("\0"))
        return {name: (clone / name).read_bytes() for name in names}

    def commit(self, files: dict[str, str | None], message: str = "theirs", *, force: bool = False) -> str:
        """Somebody else's commit lands on main; with `force` it replaces the history."""
        work = self.folder / f"theirs{self._clones}"
        self._clones += 1
        git(self.folder, "clone", "--quiet", self.file_url, str(work))
        if force:
            git(work, "checkout", "--quiet", "--orphan", "other")
            git(work, "rm", "-rf", "--quiet", ".")
        for name, content in files.items():
            path = work / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.unlink(missing_ok=True) if content is None else path.write_text(content)
        git(work, "add", "--all")
        git(work, "commit", "--quiet", "--message", message)
        git(work, "push", "--quiet", *(["--force"] if force else []), "origin", "HEAD:refs/heads/main")
        return git(work, "rev-parse", "HEAD")

    def refuse(self, words: str) -> None:
        """Refuse every push with these words."""
        install_hook(self.bare, "pre-receive", f"cat >&2 <<'END'\n{words}\nEND\nexit 1")

    def allow(self) -> None:
        """Take the hook away."""
        (self.bare / "hooks" / "pre-receive").unlink()


class Listener(ThreadingHTTPServer):
    """Many may connect at once."""

    request_queue_size = 1024
    daemon_threads = True


@contextmanager
def serving(folder: Path, tls: ssl.SSLContext | None = None) -> Iterator[GitServer]:
    """The server, listening on a free port of the loopback; by https when it has a certificate."""
    server = GitServer(folder)
    handler = type("Bound", (Handler,), {"git_server": server})
    with Listener(("127.0.0.1", 0), handler) as listener:
        server.port = listener.server_address[1]
        if tls:
            server.scheme = "https"
            listener.socket = tls.wrap_socket(listener.socket, server_side=True)
        thread = threading.Thread(target=listener.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield server
        finally:
            server.released.set()
            listener.shutdown()
            thread.join()


class Handler(BaseHTTPRequestHandler):
    """HTTP in front of `git http-backend`, as a web server would call it."""

    git_server: GitServer
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def log_message(self, *arguments: object) -> None:
        return

    def _serve(self) -> None:
        server = self.git_server
        body = self._body()
        header = self.headers.get("Authorization", "")
        server.authorizations.append(header)
        if server.hanging:
            server.released.wait(60)
        if server.login and header != server.login:
            return self._answer(401, {"WWW-Authenticate": 'Basic realm="git"'}, b"who are you?")
        if server.status:
            return self._answer(server.status, {}, b"no")
        if self.command in server.moved:
            return self._answer(307, {"Location": server.moved[self.command] + self.path}, b"")
        if server.read_only and "git-receive-pack" in self.path:
            return self._answer(403, {}, b"read only")
        if self.command == "POST" and self.path.endswith("git-receive-pack") and server.race:
            race, server.race = server.race, None
            race()
        return self._backend(body)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b""
        while size := int(self.rfile.readline(), 16):
            body += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return body

    def _backend(self, body: bytes) -> None:
        path, _, query = self.path.partition("?")
        variables = ENVIRONMENT | {
            "GIT_PROJECT_ROOT": str(self.git_server.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "GIT_PROTOCOL": self.headers.get("Git-Protocol", ""),
            "REQUEST_METHOD": self.command,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "CONTENT_TYPE": self.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_CONTENT_ENCODING": self.headers.get("Content-Encoding", ""),
            "REMOTE_USER": "git",
            "REMOTE_ADDR": "127.0.0.1",
        }
        done = subprocess.run(
            ["git", "http-backend"], input=body, capture_output=True, env=variables, check=False
        )
        head, _, content = done.stdout.partition(b"\r\n\r\n")
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n"))
        self._answer(int(headers.pop("Status", "200").split()[0]), headers, content)

    def _answer(self, status: int, headers: dict[str, str], content: bytes) -> None:
        try:
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)
        except ConnectionError:
            self.close_connection = True


class SshServer:
    """An sshd for one user and one key, in front of the same repository."""

    def __init__(self, folder: Path, server: GitServer, port: int) -> None:
        self.key = folder / "id"
        self.known_hosts = folder / "known_hosts"
        self.url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{server.bare}"
        make_key(self.key)
        make_key(folder / "host")
        host_key = (folder / "host.pub").read_text()
        self.known_hosts.write_text(f"[127.0.0.1]:{port} {host_key}")
        shutil.copy(folder / "id.pub", folder / "authorized_keys")
        (folder / "sshd_config").write_text(
            f"ListenAddress 127.0.0.1:{port}\nHostKey {folder}/host\nPidFile none\nUsePAM no\n"
            f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nPasswordAuthentication no\n"
            "KbdInteractiveAuthentication no\nPermitRootLogin yes\nLogLevel ERROR\n"
        )


@contextmanager
def serving_ssh(folder: Path, server: GitServer) -> Iterator[SshServer]:
    """The sshd; `SSHD` tells whether there is one on this machine."""
    assert SSHD
    folder.mkdir()
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)
    port = free_port()
    ssh = SshServer(folder, server, port)
    process = subprocess.Popen([SSHD, "-D", "-e", "-f", folder / "sshd_config"], stderr=subprocess.DEVNULL)
    try:
        _wait_for(port)
        yield ssh
    finally:
        process.terminate()
        process.wait()


def make_key(path: Path, type_: str = "ed25519") -> None:
    """A key pair without a passphrase."""
    subprocess.run(["ssh-keygen", "-q", "-t", type_, "-N", "", "-f", path], check=True)


def _wait_for(port: int) -> None:
    for _ in range(200):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except ConnectionError:
            threading.Event().wait(0.05)
        else:
            return
    raise AssertionError("sshd does not listen")
