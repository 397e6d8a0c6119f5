"""Files with secrets that cannot be read now. To tell needs no connection, only the machine they are on.

They are no problem of the text: a file may be mounted after the start, and is read at each use. So
`check` reports them, and `run` warns of them and starts.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from reverser.config.report import places
from reverser.errors import Problem
from reverser.model.destination import Destination
from reverser.model.secret import SecretRef


def unreadable(destinations: Sequence[Destination]) -> list[Problem]:
    """One problem for each file that a login or a signing key should be in, and is not."""
    where = places([each.name for each in destinations], "destinations")
    return [
        Problem(key, f"{reference.file} {fault}", "it is read at each use, and must be there by then")
        for place, destination in zip(where, destinations, strict=True)
        for key, reference in _references(destination, place)
        if reference.file and (fault := _fault(reference.file))
    ]


def _references(table: msgspec.Struct, place: str) -> Iterator[tuple[str, SecretRef]]:
    for name in table.__struct_fields__:
        value, key = getattr(table, name), f"{place}.{name}"
        if isinstance(value, SecretRef):
            yield key, value
        elif isinstance(value, msgspec.Struct):
            yield from _references(value, key)


def _fault(file: str) -> str:
    try:
        return "" if Path(file).read_text() else "is empty"
    except (OSError, UnicodeDecodeError) as error:
        return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'no text'}"
