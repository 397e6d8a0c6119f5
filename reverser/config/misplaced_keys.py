"""Where a key belongs that stands in a table which does not have it. Pure.

TOML gives a key to the table whose heading stands above it: most often a key of the whole file stands below
the first heading, or one of a destination below its rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache

from msgspec import inspect

from reverser.config.tables import Config
from reverser.model.secret import SecretRef

TOP = "at the top of the file, above the first [table]"
PLACES_MOST = 3
"""A key that many tables have belongs nowhere in particular."""


def belongs(key: str) -> str:
    """A hint such as `it belongs in [[destinations]]`; "" for a key that no table has, or many have."""
    places = _places().get(key, ())
    if not 0 < len(places) <= PLACES_MOST:
        return ""
    return f"it belongs {' or '.join(place if place == TOP else f'in {place}' for place in places)}"


@cache
def _places() -> Mapping[str, tuple[str, ...]]:
    """Key -> the headings of the tables that have it."""
    found: dict[str, list[str]] = defaultdict(list)
    for heading, key in _keys(inspect.type_info(Config), "", many=False):
        found[key].append(heading or TOP)
    return {key: tuple(dict.fromkeys(places)) for key, places in found.items()}


def _keys(kind: inspect.Type, path: str, *, many: bool) -> Iterator[tuple[str, str]]:
    """(heading, key) of a table and of all tables below it."""
    if isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _keys(each, path, many=many)
    if isinstance(kind, inspect.VarTupleType):
        yield from _keys(kind.item_type, path, many=True)
    if not isinstance(kind, inspect.StructType) or kind.cls is SecretRef:
        return
    for field in kind.fields:
        heading = f"[[{path}]]" if many else f"[{path}]"
        yield heading if path else "", field.encode_name
        below = f"{path}.{field.encode_name}" if path else field.encode_name
        yield from _keys(field.type, below, many=False)
