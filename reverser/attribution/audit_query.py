"""The parameters of a request, read as the API server itself reads them.

A client writes them, and what is concluded from them must be what was done: a field manager that the
API server did not see would rule out the very request that wrote. So this is Go's `url.ParseQuery`: a
pair with a semicolon or a wrong escape is left out, there are no fragments, of a repeated one the first
counts, also an empty one.
"""

from __future__ import annotations

import re
from urllib.parse import unquote_plus

_WRONG = re.compile(r";|%(?![0-9a-fA-F]{2})")


def parameters(request_uri: str) -> dict[str, str]:
    """Name and value of each."""
    found: dict[str, str] = {}
    for pair in request_uri.partition("?")[2].split("&"):
        if pair and not _WRONG.search(pair):
            name, _, value = pair.partition("=")
            found.setdefault(unquote_plus(name), unquote_plus(value))
    return found
