"""Secrets that can be told by their looks, wherever they stand: keys and tokens with known marks.

A rule is a mark that each such secret holds, the whole shape, and where shape is not enough, a test
of what was found. Nearly no text holds any mark, and to look for each of them is four times faster in
a long text than one expression for all.

The shapes follow the rules of gitleaks (github.com/gitleaks/gitleaks, config/gitleaks.toml: its
`private-key`, `aws-access-token`, `gcp-api-key`, `github-*`, `gitlab-*`, `slack-*`, `stripe-*`, `jwt`
and so on) and the basic-auth detector of detect-secrets (github.com/Yelp/detect-secrets). Far
fewer of them, on purpose: each has to be sure enough to be told to a person.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Callable

import msgspec

from reverser.sanitize.named_secrets import placeholder

Match = re.Match[str]

MOST_HEADER = 8192
"""Characters of the first part of a JWT: a certificate chain in it takes some thousand."""


def _is_private_key(match: Match) -> bool:
    """Certificates begin with the same letters."""
    return b"PRIVATE KEY-----" in _decoded(match[0][:96])


def _is_jwt(match: Match) -> bool:
    """Its first part says how it is signed."""
    try:
        header = json.loads(_decoded(match[1])) if len(match[1]) <= MOST_HEADER else None
    except (ValueError, RecursionError):
        return False
    return isinstance(header, dict) and "alg" in header


def _is_no_placeholder(match: Match) -> bool:
    """What documentation gives as an example ends in EXAMPLE or is a placeholder."""
    return not placeholder(match[1])


class TokenRule(msgspec.Struct, frozen=True):
    """What one sort of secret looks like."""

    name: str
    marks: tuple[str, ...]
    """Texts of which one is in each secret of the sort."""
    shape: re.Pattern[str]
    test: Callable[[Match], bool] | None = None
    """What else must be true of a part that has the shape."""


def _rule(name: str, marks: str, shape: str, test: Callable[[Match], bool] | None = None) -> TokenRule:
    return TokenRule(name, tuple(marks.split("|")), re.compile(shape, re.ASCII), test)


_FIRST = r"(?<![\w-])(?>[\w-]*?\b"
"""Up to the first place in a run of these characters that begins as the rule says. If it does not fit
there, it fits at no later place of the run, and to try them all would take the square of its length."""

RULES = (
    _rule("gcp-service-account", '"private_key_id"', r'"private_key_id"\s*:\s*"[0-9a-f]{40}"'),
    _rule(
        "private-key",
        "-----BEGIN",
        # Of RSA, EC, OpenSSH, PGP and PKCS #8, also without an end; a heading alone is no key. Between the
        # two may be some lines of short words.
        r"-----BEGIN[ A-Z0-9]{0,40}PRIVATE KEY(?: BLOCK)?-----"
        r"(?:[^A-Za-z0-9+/=]++|[A-Za-z0-9+/=]{1,31}+(?![A-Za-z0-9+/=])){0,100}+[A-Za-z0-9+/=]{32}",
    ),
    _rule("private-key", "LS0tLS1CRUdJTi", r"LS0tLS1CRUdJTi[A-Za-z0-9+/=]{80,}", _is_private_key),
    _rule("age-key", "AGE-SECRET-KEY-1", r"AGE-SECRET-KEY-1[QPZRY9X8GF2TVDW0S3JN54KHCE6MUA7L]{58}"),
    _rule(
        "aws-access-key",
        "AKIA|ASIA|ABIA|ACCA",
        r"\b((?:AKIA|ASIA|ABIA|ACCA)[A-Z2-7]{16})\b",
        _is_no_placeholder,
    ),
    _rule("gcp-api-key", "AIza", r"\bAIza[\w-]{35}(?![\w-])"),
    _rule("azure-key", "AccountKey=|AccessKey=", r"\b(?:Account|SharedAccess)Key=[A-Za-z0-9+/]{43,86}={1,2}"),
    _rule(
        "github-token",
        "ghp_|gho_|ghu_|ghs_|ghr_|github_pat_",
        r"\b(?:gh[pousr]_[0-9A-Za-z]{36}|github_pat_\w{82})\b",
    ),
    _rule(
        "gitlab-token",
        "glpat-|gldt-|glrt-|glptt-|glcbt-|glsoat-",
        r"\bgl(?:pat|dt|rt|ptt|cbt|soat)-[\w-]{20}",
    ),
    _rule("slack-token", "xoxb-|xoxa-|xoxp-|xoxe-|xoxs-|xapp-", r"\bx(?:ox[abeps]|app)-\d[\w-]{20,}"),
    _rule(
        "slack-webhook", "hooks.slack.com/", r"hooks\.slack\.com/(?:services|workflows|triggers)/[\w+/]{40,}"
    ),
    _rule("stripe-key", "k_live_|k_test_", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{16,}"),
    _rule("npm-token", "npm_", r"\bnpm_[A-Za-z0-9]{36}\b"),
    _rule("pypi-token", "pypi-AgE", r"\bpypi-AgE[\w-]{50,}"),
    _rule("openai-key", "T3BlbkFJ", rf"{_FIRST}sk-)[\w-]{{20,}}T3BlbkFJ[\w-]{{20,}}"),
    _rule("anthropic-key", "sk-ant-", r"\bsk-ant-[a-z]+\d\d-[\w-]{80,}"),
    _rule("sendgrid-key", "SG.", r"\bSG\.[\w-]{22}\.[\w-]{43}(?![\w-])"),
    _rule("vault-token", "hvs.|hvb.", r"\bhv[sb]\.[\w-]{80,}"),
    _rule("jwt", "eyJ", rf"{_FIRST}(?=eyJ))([\w-]{{13,}}+)\.eyJ[\w-]{{10,}}+\.[\w-]{{16,}}", _is_jwt),
    _rule("url-password", "://", r"://[^\s:/@?#\"'<>]*+:([^\s/@\"'<>]{3,}+)@[\w\[]", _is_no_placeholder),
)
"""Where several fit, the first one names it."""

_MARKS = tuple(dict.fromkeys(mark for rule in RULES for mark in rule.marks))
LEAST = 20
"""Characters of the shortest token, but for passwords in addresses, which may have any number."""
_MARKS_OF_SHORT = ("://",)


def token(text: str) -> str:
    """Name of the rule that the text fits; "" when it fits none."""
    marks = {mark for mark in (_MARKS if len(text) >= LEAST else _MARKS_OF_SHORT) if mark in text}
    if not marks:
        return ""
    fitting = (rule for rule in RULES if not marks.isdisjoint(rule.marks) and _fits(rule, text))
    return next((rule.name for rule in fitting), "")


def _fits(rule: TokenRule, text: str) -> bool:
    return any(rule.test is None or rule.test(match) for match in rule.shape.finditer(text))


def _decoded(text: str) -> bytes:
    """Base64 of either alphabet, cut or without its end."""
    whole = text.replace("+", "-").replace("/", "_").rstrip("=")
    try:
        return urlsafe_b64decode(whole[: len(whole) // 4 * 4] + _rest(whole))
    except ValueError:
        return b""


def _rest(text: str) -> str:
    rest = text[len(text) // 4 * 4 :]
    return rest + "=" * (4 - len(rest)) if len(rest) > 1 else ""
