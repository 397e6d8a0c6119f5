"""Promises of who is named as the author of a commit."""

from __future__ import annotations

import pytest

from reverser.identity.author import EMAIL, IdentityRule, Mailmap, compile_identities, pattern
from reverser.model.attribution import Actor


def _author(user: str, *rules: IdentityRule, mailmap: str = "", groups=(), extra=()) -> str:
    return compile_identities(rules, Mailmap(mailmap))(Actor(user, groups=groups, extra=extra))


@pytest.mark.parametrize(
    ("user", "author"),
    [
        ("alice@corp.com", "alice@corp.com <alice@corp.com>"),
        ("alice", "alice <alice@reverser.invalid>"),
        ("system:serviceaccount:shop:deployer", "deployer (shop) <deployer.shop@serviceaccount.invalid>"),
        ("system:admin", "system:admin <system-admin@reverser.invalid>"),
        ("", "unknown <unknown@reverser.invalid>"),
    ],
)
def test_without_rules(user: str, author: str) -> None:
    """A user whom no rule names keeps the name that the API server knows."""
    assert _author(user) == author


@pytest.mark.parametrize(
    ("rule", "author"),
    [
        (IdentityRule("Alice Adams <alice@corp.com>", user="oidc:alice"), "Alice Adams <alice@corp.com>"),
        (IdentityRule("{1} <{1}@corp.com>", user="oidc:*"), "alice <alice@corp.com>"),
        (IdentityRule("{1} <{user}@corp.com>", user="re:oidc:(a.*)"), "alice <oidc:alice@corp.com>"),
        (IdentityRule("Team <team@corp.com>", group="shop-*"), "Team <team@corp.com>"),
        (IdentityRule("A <a@corp.com>", extra="example.com/mail=*@corp.com"), "A <a@corp.com>"),
        (IdentityRule("B <b@corp.com>", user="oidc:bob"), "oidc:alice <oidc-alice@reverser.invalid>"),
        (IdentityRule("B <b@corp.com>", user="alice"), "oidc:alice <oidc-alice@reverser.invalid>"),
        (IdentityRule("B <b@corp.com>", group="other"), "oidc:alice <oidc-alice@reverser.invalid>"),
        (IdentityRule("B <b@corp.com>", extra="example.com/x=*"), "oidc:alice <oidc-alice@reverser.invalid>"),
    ],
)
def test_rules(rule: IdentityRule, author: str) -> None:
    """A rule names the users that its patterns match as a whole, and nobody else."""
    extra = (("example.com/mail", ("alice@corp.com",)),)

    assert _author("oidc:alice", rule, groups=("shop-admins",), extra=extra) == author


def test_first_rule_wins() -> None:
    """Rules are tried in their order."""
    first, second = IdentityRule("First <f@corp.com>"), IdentityRule("Second <s@corp.com>", user="alice")

    assert _author("alice", first, second) == "First <f@corp.com>"


@pytest.mark.parametrize("template", ["nobody", "A <a@b.c> <d@e.f>", "<a@b.c>", "A\n<a@b.c>", "A <>"])
def test_authors_that_are_none(template: str) -> None:
    """An author that Git would not take is refused with the configuration."""
    with pytest.raises(ValueError, match="Name <email>"):
        _author("alice", IdentityRule(template))


@pytest.mark.parametrize(
    "line",
    [
        "Alice Adams <alice@corp.com>",
        "Alice Adams <alice@corp.com> <ALICE@corp.com>",
        "Alice Adams <alice@corp.com> alice@corp.com <alice@corp.com>  # a comment",
    ],
)
def test_mailmap(line: str) -> None:
    """A mailmap has the last word, in each of Git's forms."""
    assert _author("alice@corp.com", mailmap=f"# names\n\n{line}\n") == "Alice Adams <alice@corp.com>"


def test_mailmap_can_change_the_address_alone() -> None:
    """`<new> <old>` keeps the name."""
    assert _author("alice", mailmap="<a@corp.com> <alice@reverser.invalid>") == "alice <a@corp.com>"


@pytest.mark.parametrize(
    "user",
    [
        "eve\nauthor Alice <alice@corp.com> 0 +0000",
        "eve <alice@corp.com>",
        "eve\u202egro.proc@ecila",
        "eve\r\n\r\nAttribution: audit",
        "x" * 10_000,
    ],
)
@pytest.mark.parametrize("rules", [(), (IdentityRule("{1} <{1}@corp.com>", user="*"),)])
def test_hostile_user_names(user: str, rules) -> None:
    """No user name can end its line, add an address, turn the direction of writing, or grow without bound."""
    author = _author(user, *rules)

    assert author.count("<") == author.count(">") == 1
    assert author.isprintable()
    assert len(author) < 500


@pytest.mark.parametrize("text", ["re:(a+)+b", "re:(a|aa)+b", "*a*a*a*a*a*a*a*b"])
def test_no_name_is_slow_to_match(text: str) -> None:
    """A user's pattern takes time in proportion to the name, where a backtracking matcher would never end."""
    assert pattern(text).fullmatch("a" * 100_000) is None


@pytest.mark.parametrize("text", ["re:(?=a)a", r"re:(a)\1", "re:("])
def test_an_expression_that_may_be_slow_is_refused(text: str) -> None:
    """What cannot be matched in linear time is no pattern."""
    with pytest.raises(ValueError, match="regular expression"):
        pattern(text)


@pytest.mark.parametrize(
    ("name", "mail"),
    [("a@b.c", True), ("a@b..c", True), ("a@.b.c", True), ("a@b", False), ("a@.b", False), ("a@b.", False)],
)
def test_what_an_address_is(name: str, mail: bool) -> None:
    """A dot stands somewhere behind the @, with something before and behind it."""
    assert (EMAIL.fullmatch(name) is not None) is mail
