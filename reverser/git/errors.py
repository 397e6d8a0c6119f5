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
LOGIN_HINT = "check the destination's credentials, and that they may read and push this repository"

TABLE = (
    KnownMessage("IDENTIFICATION HAS CHANGED", "HostKeyChanged", KEY_HINT),
    KnownMessage("Host key verification failed|host key is known for", "HostKeyUnknown", KEY_HINT),
    KnownMessage(
        r"Load key .{0,400}(invalid format|error in libcrypto|incorrect passphrase)|UNPROTECTED PRIVATE KEY",
        "KeyUnusable",
        "ssh_key must be an unencrypted private key in a format that ssh reads",
    ),
    KnownMessage(
        r"Permission denied \(|Authentication failed|could not read (Username|Password)|returned error: 401"
        "|Too many authentication failures|HTTP Basic: Access denied|Invalid username or (password|token)",
        "AuthenticationFailed",
        LOGIN_HINT,
    ),
    KnownMessage("returned error: 403|access denied or repository not exported", "AccessDenied", LOGIN_HINT),
    KnownMessage(
        "detected dubious ownership", "RepositoryNotOwned", "git config --global --add safe.directory FOLDER"
    ),
    KnownMessage(
        r"repository '.*' not found|returned error: (404|410)|Repository not found"
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
    KnownMessage("invalid refspec", "BranchInvalid", "check the destination's branch"),
)


def translate(stderr: str) -> ReverserError:
    """The error that a failed exchange with a remote amounts to. `stderr` is free of secrets."""
    message = summary(stderr)
    for row in TABLE:
        if re.search(row.pattern, stderr, re.IGNORECASE):
            return StalledError(row.reason, message, hint=row.hint)
    return TransientError(message)


def summary(stderr: str) -> str:
    """The lines that tell something, on one line."""
    lines = [line.strip() for line in stderr.splitlines()]
    telling = [
        line for line in lines if re.match(r"(fatal|error|remote|ssh|.*denied|.*key)\b", line, re.IGNORECASE)
    ]
    return "; ".join(dict.fromkeys(filter(None, telling or lines[-1:])))[:1000] or "git gave no reason"
