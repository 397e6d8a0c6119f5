"""Files of known hosts, as sshd(8) describes them: which lines are keys, and whether they are about a host.

A line is `[@MARKER] HOSTS TYPE KEY [COMMENT]`. HOSTS are names, addresses or globs with commas between them;
one with `!` in front excludes. A port other than 22 is spelt `[HOST]:PORT`, and ssh takes the key of the bare
host for it, too. `ssh-keyscan -H` hashes names: `|1|SALT|HMAC`.
"""

from __future__ import annotations

import base64
import hmac
import re
from collections.abc import Iterable
from fnmatch import fnmatchcase

_LINE = re.compile(
    r"(?:@(?P<marker>[a-z-]+)\s+)?(?P<hosts>[^\s#@]\S*)\s+"
    r"(?:ssh|ecdsa|sk)-[\w@.-]+\s+[A-Za-z0-9+/=]{16,}(?:\s.*)?"
)


def keys(text: str) -> list[str]:
    """The hosts of each line that has a key."""
    matches = (_LINE.fullmatch(line.strip()) for line in text.splitlines())
    return [match["hosts"] for match in matches if match and match["marker"] != "revoked"]


def knows(text: str, host: str, port: int) -> bool:
    """Whether a file has a key for a host at a port."""
    bare = host.strip("[]").lower()
    names = [bare] if port == 22 else [f"[{bare}]:{port}", bare]
    return any(_is_about(hosts, name) for hosts in keys(text) for name in names)


def _is_about(hosts: str, name: str) -> bool:
    if hosts.startswith("|"):
        return _is_hash_of(hosts, name)
    globs = hosts.lower().split(",")
    excluded = _any(name, (glob[1:] for glob in globs if glob.startswith("!")))
    return not excluded and _any(name, (glob for glob in globs if not glob.startswith("!")))


def _any(name: str, globs: Iterable[str]) -> bool:
    """Brackets are part of a name here, not of a set."""
    return any(fnmatchcase(name, glob.replace("[", "[[]")) for glob in globs)


def _is_hash_of(hosts: str, name: str) -> bool:
    try:
        _, version, salt, digest = hosts.split("|")[:4]
        expected = hmac.digest(base64.b64decode(salt), name.encode(), "sha1")
        return version == "1" and hmac.compare_digest(base64.b64decode(digest), expected)
    except ValueError:
        return False
