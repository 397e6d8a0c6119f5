"""Files with secrets that cannot be read now. To tell needs no connection, only the machine they are on.

They are no problem of the text: a file may be mounted after the start, and is read at each use. So
`check` reports them, and `run` warns of them and starts. The secret of the webhook's path is not among them:
it is read at the start (`webhook.path_secret`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from reverser.config.problems import places
from reverser.errors import Problem
from reverser.model.destination import Destination
from reverser.model.secret import SecretRef


def unreadable(destinations: Sequence[Destination], plugins: Mapping[str, Any]) -> list[Problem]:
    """One problem for each file that a login, a signing key or a plugin's secret should be in, and is not.

    `plugins`: name -> settings, as the plugins have them.
    """
    found = [*_references(destinations, "destinations"), *_references(dict(plugins), "plugins")]
    return [
        Problem(key, f"{reference.file} {fault}", "it is read at each use, and must be there by then")
        for key, reference in found
        if reference.file and (fault := _fault(reference.file))
    ]


def _references(value: Any, place: str) -> Iterator[tuple[str, SecretRef]]:
    if isinstance(value, SecretRef):
        yield place, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _references(getattr(value, name), f"{place}.{name}")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _references(each, f"{place}.{name}")
    elif isinstance(value, (list, tuple)):
        where = places([getattr(each, "name", None) for each in value], place)
        for inner, each in zip(where, value, strict=True):
            yield from _references(each, inner)


def _fault(file: str) -> str:
    try:
        return "" if Path(file).read_text() else "is empty"
    except (OSError, UnicodeDecodeError) as error:
        return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'no text'}"
