"""The answers of remotes that cannot be had here, as git printed them, and what they mean."""

from __future__ import annotations

import pytest

from reverser.errors import StalledError, TransientError
from reverser.git.credentials import redact
from reverser.git.errors import translate
from reverser.git.process import Finished
from reverser.git.remote import interpret
from reverser.model.commit import PushOutcome

HEAD = "1" * 40

ANSWERS = [
    ("[rejected] (non-fast-forward)", "", PushOutcome.STALE),
    ("[rejected] (fetch first)", "", PushOutcome.STALE),
    ("[rejected] (stale info)", "", PushOutcome.STALE),
    ("[remote rejected] (incorrect old value provided)", "", PushOutcome.STALE),
    ("[remote rejected] (reference already exists)", "", PushOutcome.STALE),
    ("[remote rejected] (reference does not exist)", "", PushOutcome.STALE),
    (
        "[remote rejected] (cannot lock ref 'refs/heads/main': is at 1 but expected 2)",
        "",
        PushOutcome.STALE,
    ),
    ("[remote rejected] (protected branch hook declined)", "remote: GH006\n", PushOutcome.REFUSED),
    ("[remote rejected] (pre-receive hook declined)", "remote: but expected more\n", PushOutcome.REFUSED),
    (
        "[remote rejected] (failed to update ref)",
        "remote: error: cannot lock ref 'refs/heads/a': 'refs/heads/a/b' exists; cannot create it\n",
        PushOutcome.REFUSED,
    ),
    (
        "[remote rejected] (failed to update ref)",
        "remote: error: cannot lock ref 'refs/heads/a': Unable to create 'a.lock': File exists.\n",
        PushOutcome.UNREACHABLE,
    ),
    (
        "[remote rejected] (unpacker error)",
        "remote: fatal: No space left on device\n",
        PushOutcome.UNREACHABLE,
    ),
    ("[remote failure] (remote failed to report status)", "", PushOutcome.UNREACHABLE),
]


@pytest.mark.parametrize(("summary", "stderr", "outcome"), ANSWERS)
def test_refusals(summary: str, stderr: str, outcome: PushOutcome) -> None:
    """Each way to refuse one ref has one outcome, and keeps the remote's words."""
    stdout = f"To https://example.com/x\n!\t{HEAD}:refs/heads/main\t{summary}\nDone\n"
    result = interpret(Finished(1, stdout.encode(), stderr), HEAD)

    assert result.outcome is outcome
    assert summary in result.message
    assert stderr.removeprefix("remote: ").strip() in result.message


COMPLAINTS = [
    (
        "remote: Invalid username or token.\nfatal: Authentication failed for 'https://x/'",
        "AuthenticationFailed",
    ),
    (
        "git@x: Permission denied (publickey).\nfatal: Could not read from remote repository.",
        "AuthenticationFailed",
    ),
    ("ERROR: Repository not found.\nfatal: Could not read from remote repository.", "RepositoryNotFound"),
    ("fatal: detected dubious ownership in repository at '/x'", "RepositoryNotOwned"),
    ("fatal: mismatched algorithms: client sha1; server sha256", "ObjectFormat"),
    ("fatal: unable to access 'https://x/': SSL certificate problem: self-signed", "CertificateUntrusted"),
    ("ssh: connect to host x port 22: Connection refused\nfatal: Could not read from remote repository.", ""),
    ("fatal: unable to access 'https://x/': Could not resolve host: x", ""),
    ("fatal: the remote end hung up unexpectedly", ""),
    ("", ""),
]


@pytest.mark.parametrize(("stderr", "reason"), COMPLAINTS)
def test_complaints(stderr: str, reason: str) -> None:
    """What a person must mend has a reason and a hint; all else passes."""
    error = translate(stderr)

    assert isinstance(error, StalledError if reason else TransientError)
    assert getattr(error, "reason", "") == reason
    assert bool(error.hint) == bool(reason)
    assert error.message


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://me:p@ss@host/r.git", "https://host/r.git"),
        ("https://ghp_token@host/r.git", "https://host/r.git"),
        ("ssh://git:pw@host/r.git", "ssh://git@host/r.git"),
        ("ssh://git@host:22/r.git", "ssh://git@host:22/r.git"),
        ("git@host:r.git", "git@host:r.git"),
        ("file:///a@b", "file:///a@b"),
    ],
)
def test_redaction(url: str, clean: str) -> None:
    """A URL is shown without its password, and in http without its user."""
    assert redact(f"cannot reach '{url}'") == f"cannot reach '{clean}'"
