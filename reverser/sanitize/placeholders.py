"""Values that only stand in for a secret: templates, references, examples, and what is masked already."""

from __future__ import annotations

import re

_STANDS_IN = re.compile(
    r"""hmac:[0-9a-f]{32}|ENC\[            # masked by us, encrypted by SOPS
    |.*\$[({]|.*\{\{|.*%\(|\$\w+$|%\w+%$   # $(VAR), ${VAR}, {{ .Values.x }}, %(x)s, $VAR
    |.*EXAMPLE$|[<\[].*[>\]]$              # AKIA…EXAMPLE, <password>
    |(.)\1*$                               # xxxxxxxx, ********
    """,
    re.VERBOSE | re.DOTALL,
)
_WORDS = re.compile(
    r"change[-_]?(?:me|it)|example|placeholder|redacted|dummy|replace|your[-_ ]|insert|todo|sample"
    r"|x{4}|\*{3}",
    re.IGNORECASE,
)
_SAID = frozenset(
    {"password", "passwd", "pass", "pwd", "secret", "token", "test", "none", "null", "true", "false", "user"}
)


def placeholder(value: str) -> bool:
    """Whether the value is one that nobody needs to hide."""
    return _STANDS_IN.match(value) is not None or _WORDS.search(value) is not None or value.lower() in _SAID
