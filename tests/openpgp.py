"""OpenPGP keys for tests, made by gpg, and somebody else's keyring to verify commits with."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.e2e.remote import Remote

REASON = "needs gpg and gpg-agent (Debian: gnupg)"
PROGRAMS = ("gpg", "gpg-agent", "gpgconf")


class Keyring:
    """A GNUPGHOME of the test's own."""

    def __init__(self, home: Path) -> None:
        self.home = home

    def gpg(self, *arguments: str, stdin: str = "") -> str:
        """Standard output of a call that must succeed."""
        words = ("gpg", "--batch", "--no-tty", "--quiet", "--pinentry-mode", "loopback")
        return self._run(*words, *arguments, stdin=stdin)

    def make(
        self,
        name: str,
        *,
        passphrase: str = "",
        algorithm: str = "ed25519",
        usage: str = "sign",
        made: str = "",
        expires: str = "0",
    ) -> str:
        """An armoured secret key; `made` is a date, for a key of long ago."""
        words = ["--passphrase", passphrase, *(("--faked-system-time", f"{made}T000000") if made else ())]
        user = f"{name} <{name}@example.com>"
        self.gpg(*words, "--quick-gen-key", user, algorithm, usage, expires)
        return self.gpg("--passphrase", passphrase, "--armor", "--export-secret-keys", f"={user}")

    def verify(self, remote: Remote, *others: Remote) -> None:
        """Every commit is signed by a key that this keyring has."""
        for each in (remote, *others):
            commits = each.commits()
            for start in range(0, len(commits), 50):
                self._run("git", "-C", str(each.path), "verify-commit", *commits[start : start + 50])

    def close(self) -> None:
        """End the agent."""
        self._run("gpgconf", "--kill", "gpg-agent")

    def _run(self, *command: str, stdin: str = "") -> str:
        environ = {**os.environ, "GNUPGHOME": str(self.home), "LC_ALL": "C"}
        done = subprocess.run(
            command, env=environ, input=stdin, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@contextmanager
def keyring() -> Iterator[Keyring]:
    """An empty keyring, in a place whose path is short enough for an agent's socket."""
    with tempfile.TemporaryDirectory(prefix="keyring-", ignore_cleanup_errors=True) as home:
        # Else its agent takes a second and more for each passphrase, on purpose.
        (Path(home) / "gpg-agent.conf").write_text("s2k-count 65536\n")
        made = Keyring(Path(home))
        yield made
        made.close()


def needed() -> None:
    """Skip what cannot run without gpg; fail where nothing may skip."""
    if all(map(shutil.which, PROGRAMS)):
        return
    if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
        pytest.fail(REASON)
    pytest.skip(REASON)
