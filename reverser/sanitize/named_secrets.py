"""Secrets that are recognized by their names: `DB_PASSWORD`, `apiToken`, `--client-secret=…`.

The name has to end in a word that tells, so that `secretName`, `tokenPath` or `PASSWORD_FILE` do
not; the value has to look like chance: a digit in it, many different characters, and nothing that
makes it a reference, a path, a digest or a public key. Thresholds as in the generic rule of
gitleaks and the keyword detector of detect-secrets, set by what the objects of our tests hold.

A value that only stands in for a secret is none: templates, references, examples, what is masked already.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from functools import lru_cache
from typing import Any

_STANDS_IN = re.compile(
    r"""hmac:[0-9a-f]{32}|ENC\[            # masked by us, encrypted by SOPS
    |.*\$[({]|.*\{\{|.*%\(|\$\w+$|%\w+%$   # $(VAR), ${VAR}, {{ .Values.x }}, %(x)s, $VAR
    |.*EXAMPLE$|[<\[].*[>\]]$              # AKIA…EXAMPLE, <password>
    |(.)\1*$                               # xxxxxxxx, ********
    """,
    re.VERBOSE | re.DOTALL,
)
_PLACEHOLDER_WORDS = re.compile(
    r"change[-_]?(?:me|it)|example|placeholder|redacted|dummy|replace|your[-_ ]|insert|todo|sample"
    r"|x{4}|\*{3}",
    re.IGNORECASE,
)
_PLACEHOLDERS = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "test", "none", "null", "true", "false", "user"}
)


def placeholder(value: str) -> bool:
    """Whether the value is one that nobody needs to hide."""
    return (
        _STANDS_IN.match(value) is not None
        or _PLACEHOLDER_WORDS.search(value) is not None
        or value.lower() in _PLACEHOLDERS
    )


NAMED = "named-value"
BITS, BITS_OF_A_PASSWORD = 3.0, 2.5
"""Entropy of a character from which on a value looks like chance."""
LEAST, MOST = 8, 512

_WORD = (
    r"passw(?:or)?d|passwd|passphrase|pwd|secret|token|credentials?|api[-_.]?key|app[-_.]?key|auth[-_.]?key"
    r"|access[-_.]?key|account[-_.]?key|secret[-_.]?key|private[-_.]?key|client[-_.]?key|client[-_.]?key[-_.]?data"
    r"|encryption[-_.]?key|signing[-_.]?key|master[-_.]?key|shared[-_.]?key"
)
_SECRET_NAME = re.compile(rf"(?:{_WORD})s?$", re.IGNORECASE)
_TAIL = len("client-key-data") + len("s\n")
"""Characters of the longest word that tells, and of what may stand behind it: no more of a name is read."""
_PASSWORD = re.compile(r"(?:passw(?:or)?d|passwd|passphrase|pwd)s?$", re.IGNORECASE)
_ROOTS = ("passw", "passp", "pwd", "secret", "token", "credential")
_KEY = re.compile(r"key(?<=[-_.ihenrtsgpd]key)")
"""With what `_WORD` has before it; searched for by its letters, which is fast."""
_ASSIGNS = re.compile(r"""(?<![\w.-])([\w.-]{3,80}+)\\?["']?[ \t]*+(?:=>|:=|[:=])[ \t]*+\\?""")
_ASSIGNED = re.compile(r"""["']([^"'\n]{1,1024}+)["']|([^\s"',;&}\])\\]{1,513}+)""")
"""Longer ones than `MOST` are no secrets; the bounds are what keeps a look at each name short."""
_EXEMPT = re.compile(
    r"""[./~]|file:|\w+://                                       # paths, URLs
    |sha\d+[:-]|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$   # digests, UIDs
    |(?:vault|env|ref|arn|op|secretref|configmap|secret):               # references
    |ssh-|ecdsa-|-----BEGIN[ ](?:PUBLIC|CERT|RSA[ ]PUBLIC)|LS0tLS1CRUdJTiB(?:DRVJU|QVUJM)  # what is public
    |[\d.,:_/+-]+(?:[a-zA-Z]{1,2})?$                                    # numbers, times, durations
    """,
    re.VERBOSE,
)
_WORDY = re.compile(
    r"(?:[A-Za-z]+|\d+|[a-z]?\d{1,3}|[A-Za-z]+\d{1,2})(?:[-._/:@](?:[A-Za-z]+\d{0,2}|\d+|))*$"
)
"""Names of objects, images, keys: words and numbers with marks between them."""


def names_secret(name: str) -> bool:
    """Whether a value of this name may be a secret."""
    return len(name) <= MOST and _ends_like_secret(name[-_TAIL:])


@lru_cache(maxsize=8192)
def _ends_like_secret(end: str) -> bool:
    return _SECRET_NAME.search(end) is not None


def name_in(node: dict[str, Any], key: str) -> str:
    """What the value under `key` is called: of an item with `name` and `value`, the name."""
    name = node.get("name") if key == "value" else None
    return name if isinstance(name, str) else key


def option(argument: Any) -> str:
    """The argument, if it is one that names the next; else ""."""
    return argument if isinstance(argument, str) and argument[:1] == "-" and names_secret(argument) else ""


def named(name: str, value: str) -> str:
    """The rule's name when the value looks like the secret that its name says it is; else ""."""
    return NAMED if names_secret(name) and looks_random(name, value) else ""


def inside(text: str) -> str:
    """The same for what is named inside of the text: a file, an argument, a query."""
    lower = text.lower()
    if not any(root in lower for root in _ROOTS) and _KEY.search(lower) is None:
        return ""
    assigned = [match for match in _ASSIGNS.finditer(text) if names_secret(match[1])]
    ends = [*(match.start() for match in assigned), len(text)][1:]
    values = (_value(text, match.end(), end) for match, end in zip(assigned, ends, strict=True))
    pairs = zip(assigned, values, strict=True)
    return next(
        (NAMED for match, value in pairs if len(value) >= LEAST and looks_random(match[1], value)), ""
    )


def _value(text: str, start: int, end: int) -> str:
    """What is assigned from `start` on.

    One without quotes ends where the next name that tells begins: no part of a text is looked at for more
    than one name.
    """
    match = _ASSIGNED.match(text, start)
    if match is None:
        return ""
    return match[1] or match[2][: max(end - start, 0)]


def looks_random(name: str, value: str) -> bool:
    """Whether a value looks like chance, and hence like the secret that its name says it is."""
    value = value.strip()
    if not LEAST <= len(value) <= MOST or " " in value or not any(map(str.isdigit, value)):
        return False
    password = _PASSWORD.search(name) is not None
    if _EXEMPT.match(value) or placeholder(value) or (not password and _WORDY.match(value)):
        return False
    return _bits(value) >= (BITS_OF_A_PASSWORD if password else BITS)


def _bits(value: str) -> float:
    """Shannon's entropy of a character."""
    total = len(value)
    return -sum(n / total * math.log2(n / total) for n in Counter(value).values())
