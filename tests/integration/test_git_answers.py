"""The answers of remotes that cannot be had here, as git printed them, and what they mean."""

from __future__ import annotations

import pytest

from reverser.errors import StalledError, TransientError
from reverser.git.credentials import redact
from reverser.git.errors import translate, without_body
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
    *[
        (f"{words}\nfatal: Could not read from remote repository.", "AccessDenied")
        for words in (
            "ERROR: The key you are authenticating with has been marked as read only.",
            "ERROR: Permission to a/b.git denied to c.",
            "remote: ERROR: This deploy key does not have write access to this project.",
            "remote: ERROR: You are not allowed to push code to this project.",
            "Gitea: Deploy Key: 1:key is not authorized to write to a/b.",
            "Gitea: Repo: a/b is archived.",
            "conq: repository access denied. access via a deployment key is read-only.",
            "remote: TF401027: You need the Git 'GenericContribute' permission to perform this action.",
        )
    ],
    ("Gitea: Cannot find repository: a/b\nfatal: Could not read.", "RepositoryNotFound"),
    ("fatal: detected dubious ownership in repository at '/x'", "RepositoryNotOwned"),
    ("No user exists for uid 1000660000\nfatal: Could not read from remote.", "UserWithoutEntry"),
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
    first = stderr.partition("\n")[0]
    assert not reason or first.partition(": ")[2] in error.message


FRAMED = """\
remote:
remote: ========================================================================
remote: ERROR: This deploy key does not have write access to this project.
remote: ========================================================================
error:
fatal: Could not read from remote repository.

Please make sure you have the correct access rights
"""


def test_words_alone_are_shown() -> None:
    """Of what a host prints only the lines with words are shown, and a prompt as what it means."""
    asked = "fatal: could not read Username for 'https://x': terminal prompts disabled"

    assert translate(FRAMED).message == (
        "remote: ERROR: This deploy key does not have write access to this project.; "
        "fatal: Could not read from remote repository."
    )
    assert translate(asked).message == "fatal: https://x does not accept the login, or got none"


def test_a_service_that_is_no_git_host_is_not_quoted() -> None:
    """Of a failed request the sentences that Git hosts have stay; a hook's words are no failed request."""
    failed = "fatal: unable to access 'http://x/': The requested URL returned error: 403\n"
    known = "remote: Permission to a/b.git denied to c.\n"

    assert without_body("remote: token=s3cret\nremote: more\n" + failed) == failed
    assert without_body(known + failed) == known + failed
    hook = "remote: sign your commits\nerror: failed to push some refs\n"
    assert without_body(hook) == hook


def test_a_push_keeps_the_reason() -> None:
    """A push that the login forbids is told with the same reason and hint as a fetch."""
    result = interpret(Finished(128, b"", "fatal: Authentication failed for 'https://x/'"), HEAD)

    assert (result.outcome, result.reason) == (PushOutcome.DENIED, "AuthenticationFailed")
    assert "credentials" in result.hint


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
