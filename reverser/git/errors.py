"""What git and ssh print when they fail, and who has to act on it.

Only the text can tell: git exits with 128 for a wrong password as for a broken cable. What the table does
not have is taken for a passing fault, which is retried with back-off. All failures of ssh end with "Could
not read from remote repository", so that sentence decides nothing.
"""

from __future__ import annotations

import re

import msgspec

from reverser.errors import ReverserError, StalledError, TransientError


class KnownMessage(msgspec.Struct, frozen=True):
    """A message of git or ssh, the reason that it means, and what a person can do."""

    pattern: str
    reason: str
    hint: str


KEY_HINT = "compare known_hosts with what ssh-keyscan prints for the host, and ask its owner"
LOGIN_HINT = "check the destination's credentials: the login must be allowed to read and push this repository"

TABLE = (
    KnownMessage("IDENTIFICATION HAS CHANGED", "HostKeyChanged", KEY_HINT),
    KnownMessage("Host key verification failed|host key is known for", "HostKeyUnknown", KEY_HINT),
    KnownMessage(
        r"Load key .{0,400}(invalid format|error in libcrypto|incorrect passphrase)|UNPROTECTED PRIVATE KEY",
        "KeyUnusable",
        "ssh_key must be a private key in a format that ssh reads",
    ),
    KnownMessage(
        r"Permission denied \(|Authentication failed|could not read (Username|Password)|returned error: 401"
        "|Too many authentication failures|HTTP Basic: Access denied|Invalid username or (password|token)",
        "AuthenticationFailed",
        LOGIN_HINT,
    ),
    # By ssh each host has a sentence of its own for a key that it knows and that may not do this.
    KnownMessage(
        r"returned error: 403|access denied or repository not exported|marked as read.only"  # GitHub
        r"|Permission to \S{1,400} denied to |Write access to repository not granted"
        r"|not have write access to|not allowed to (push|upload|download) code"  # GitLab
        r"|is not authorized to (read|write)|is archived"  # Gitea, Forgejo
        "|repository access denied|TF401027",  # Bitbucket, Azure DevOps
        "AccessDenied",
        LOGIN_HINT,
    ),
    KnownMessage(
        "detected dubious ownership", "RepositoryNotOwned", "git config --global --add safe.directory FOLDER"
    ),
    KnownMessage(
        r"repository '.*' not found|returned error: (404|410)|Repository not found|Cannot find repository"
        "|project you were looking for|does not appear to be a git repository|not a git repository",
        "RepositoryNotFound",
        "check the destination's url; a private repository looks missing to users without access",
    ),
    KnownMessage(
        r"returned error: 30\d",
        "Redirected",
        "set the destination's url to the new address; redirects are not followed",
    ),
    KnownMessage("mismatched algorithms", "ObjectFormat", "SHA-256 repositories are not supported"),
    KnownMessage(
        "SSL certificate problem|server certificate verification failed|certificate subject name",
        "CertificateUntrusted",
        "tell git the certificate authority: git config --global http.sslCAInfo FILE, or GIT_SSL_CAINFO",
    ),
    KnownMessage(
        "No user exists for uid",
        "UserWithoutEntry",
        "ssh wants an entry in /etc/passwd for this user id; the image makes one under its own entry point",
    ),
    KnownMessage("invalid refspec", "BranchInvalid", "check the destination's branch"),
)

MOST_KNOWN = 300
"""Characters of a line that a Git host has to say."""

TELLING = r"(fatal|error|no user|remote|ssh|gitea|forgejo|conq|.*denied|.*key)\b"
"""How the lines begin that git, ssh and the programs of hosts print about a failure."""

FRAME = re.compile(r"(?:(?:remote|error|fatal|gitea): *)*\W*", re.IGNORECASE)
"""Lines such as `error:` and `remote: =====`, by which hosts set their words apart."""

PROMPT = re.compile(r"could not read (?:Username|Password) for '([^']*)': [a-z ]+")
"""What git prints when the remote answers 401 and nobody is there to be asked."""


def translate(stderr: str) -> ReverserError:
    """The error that a failed exchange with a remote amounts to. `stderr` is free of secrets."""
    message = summary(stderr)
    for row in TABLE:
        if re.search(row.pattern, stderr, re.IGNORECASE):
            return StalledError(row.reason, message, hint=row.hint)
    return TransientError(message)


def summary(stderr: str) -> str:
    """The lines that tell something, on one line."""
    lines = list(filter(says_something, map(str.strip, stderr.splitlines())))
    telling = [line for line in lines if re.match(TELLING, line, re.IGNORECASE)]
    text = "; ".join(dict.fromkeys(telling or lines[-1:]))[:1000]
    return PROMPT.sub(r"\1 does not accept the login, or got none", text) or "git gave no reason"


HTTP_FAILURE = re.compile(
    r"returned error: \d|unable to access|RPC failed|repository '.*' not found|Authentication failed"
    "|could not read (Username|Password)"
)


def without_body(stderr: str) -> str:
    """What git printed, without what it quotes of an answer by http that is none of a Git host's.

    git shows any text of a failed request after `remote:`. Sentences of Git hosts that the table knows stay.
    """
    if not HTTP_FAILURE.search(stderr):
        return stderr
    lines = stderr.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("remote:") or _is_known(line))


def _is_known(line: str) -> bool:
    return len(line) <= MOST_KNOWN and any(re.search(row.pattern, line, re.IGNORECASE) for row in TABLE)


def says_something(line: str) -> bool:
    """Whether a line has words besides who prints it."""
    return FRAME.fullmatch(line) is None
