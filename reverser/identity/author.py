"""An actor in, the author of a commit out: `Name <email>`, which no user name can forge.

The first rule that matches gives the author. Without one an e-mail address is taken as it is, a
service account reads `name (namespace)`, and anybody else keeps the name that the API server
knows, with an address under `.invalid`, which belongs to nobody (RFC 2606). A mailmap comes last,
as in Git.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeAlias

import msgspec
import re2

from reverser.model.attribution import Actor
from reverser.text import cut, visible

Identify = Callable[[Actor], str]
Pattern: TypeAlias = Any
"""A compiled expression of RE2, which has the methods of one of `re`, and no types."""

CHARACTERS = 200
SERVICE_ACCOUNT = re.compile(r"system:serviceaccount:([^:]+):([^:]+)")
EMAIL = re.compile(r"[^\s@<>]++@[^\s@<>][^\s@<>.]*+\.[^\s@<>]+")
FIELD = re.compile(r"\{(user|\d)\}")
GLOB = {"*": "(.*)", "?": "(.)"}


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


def compile_identities(rules: Sequence[IdentityRule], mailmap: Mailmap) -> Identify:
    """The function that names authors; raises ValueError for a pattern that is none."""
    compiled = [_Rule(rule) for rule in rules]

    def identify(actor: Actor) -> str:
        authors = (rule.author(actor) for rule in compiled)
        name, email = next(filter(None, authors), None) or _default(actor.name)
        return person(*mailmap.map(name, email))

    return identify


def person(name: str, email: str) -> str:
    """`Name <email>` in one line, without what would end a part of it early."""
    name = re.sub("[<>]", "", cut(visible(name), CHARACTERS)).strip() or "unknown"
    email = re.sub(r"[<>\s]", "", cut(visible(email), CHARACTERS))
    return f"{name} <{email}>"


def check_author(template: str) -> None:
    """ValueError when a rule's `author` is no `Name <email>`."""
    if not re.fullmatch(r"[^<>\n]+ <[^<>\s]+>", template):
        raise ValueError("must read Name <email>, for example {1} <{1}@example.com>")


def pattern(text: str) -> Pattern:
    """A name, a glob or `re:…` as a regular expression with groups; ValueError when it is none.

    RE2 matches it, for anybody may choose the name that is looked at, and with `re` the time that some
    patterns take doubles with each character.
    """
    options = re2.Options()
    options.log_errors = False
    try:
        return re2.compile(text[3:] if text.startswith("re:") else _glob(text), options)
    except re2.error as error:
        raise ValueError(f"is not a regular expression that RE2 reads: {_message(error)}") from None


def _message(error: Exception) -> str:
    text = error.args[0] if error.args else ""
    return text.decode(errors="replace") if isinstance(text, bytes) else str(text)


class _Rule:
    """One rule, compiled."""

    def __init__(self, rule: IdentityRule) -> None:
        check_author(rule.author)
        self._author = rule.author
        self._user = pattern(rule.user)
        self._group = pattern(rule.group) if rule.group else None
        self._key, _, value = rule.extra.partition("=")
        self._value = pattern(value)

    def author(self, actor: Actor) -> tuple[str, str] | None:
        """(name, email) when the rule matches."""
        matched = self._user.fullmatch(actor.name)
        if matched is None or not self._fits(actor):
            return None
        groups = [actor.name, *(group or "" for group in matched.groups())]
        name, _, email = FIELD.sub(lambda field: _part(field[1], groups), self._author).rpartition(" <")
        return name, email.removesuffix(">")

    def _fits(self, actor: Actor) -> bool:
        if self._group is not None and not _any(self._group, actor.groups):
            return False
        values = (value for key, each in actor.extra if key == self._key for value in each)
        return not self._key or _any(self._value, values)


def _any(wanted: Pattern, values: Iterable[str]) -> bool:
    return any(wanted.fullmatch(value) for value in values)


def _part(field: str, groups: Sequence[str]) -> str:
    number = 0 if field == "user" else int(field)
    return re.sub("[<>]", "", groups[number]) if number < len(groups) else ""


def _glob(text: str) -> str:
    return "".join(GLOB.get(character, re.escape(character)) for character in text)


def _default(user: str) -> tuple[str, str]:
    account = SERVICE_ACCOUNT.fullmatch(user)
    if account:
        namespace, name = account.groups()
        return f"{name} ({namespace})", f"{name}.{namespace}@serviceaccount.invalid"
    if EMAIL.fullmatch(user):
        return user, user
    local = re.sub("[^A-Za-z0-9._+-]", "-", cut(visible(user), CHARACTERS)) or "unknown"
    return user, f"{local}@reverser.invalid"


LINE = re.compile(r"(?P<name>[^<#]*+)<(?P<email>[^>]*+)>(?:(?P<old>[^<]*+)<(?P<of>[^>]*+)>)?\s*+(?:#.*)?")


class Mailmap:
    """Maps (name, email) to (name, email)."""

    def __init__(self, text: str = "") -> None:
        self._by_both: dict[tuple[str, str], tuple[str, str]] = {}
        self._by_email: dict[str, tuple[str, str]] = {}
        for line in text.splitlines():
            match = LINE.fullmatch(line)
            if match:
                self._add(match)

    def map(self, name: str, email: str) -> tuple[str, str]:
        """What is mapped; the parts that the mailmap leaves open stay as they are."""
        both = self._by_both.get((name.lower(), email.lower()))
        new_name, new_email = both or self._by_email.get(email.lower(), ("", ""))
        return new_name or name, new_email or email

    def _add(self, match: re.Match[str]) -> None:
        name, old_name = ((match[group] or "").strip() for group in ("name", "old"))
        email, old_email = match["email"], match["of"] or ""
        if not old_email:
            self._by_email[email.lower()] = (name, "")
        elif old_name:
            self._by_both[old_name.lower(), old_email.lower()] = (name, email)
        else:
            self._by_email[old_email.lower()] = (name, email)
