"""How the users of a cluster are called in Git: the `[identities]` table of the configuration file."""

from __future__ import annotations

import msgspec


class IdentityRule(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Gives some users a name and an e-mail address; the first rule that matches wins."""

    author: str
    """`Name <email>`; {user}, {1}, {2} … stand for the user name and what `*`, `?` or groups matched."""
    user: str = "*"
    """A user name, a glob, or `re:` and a regular expression of RE2; the whole name must match."""
    group: str = ""
    """The same, for one of the user's groups; empty: any."""
    extra: str = ""
    """`key=pattern`, for one of the values that the authenticator added; empty: any."""


class Identities(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a user name, groups and extra values to the author of a commit."""

    mailmap: str = ""
    """A file in Git's mailmap format, which has the last word; read at the start."""
    rules: tuple[IdentityRule, ...] = ()
    """In order; a user that none matches keeps the name that the API server knows."""
