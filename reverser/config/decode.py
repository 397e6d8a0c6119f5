"""Tables become structs, field by field, so that one wrong value does not hide the next.

msgspec's own decoder stops at the first error. Its description of the structs
(`msgspec.inspect`) drives this walk instead: the structs stay the only place that says which keys
there are, of which type and with which default. A value that does not fit is reported and
replaced by the field's default, or by an empty text where there is none.

A key that stands in a table which does not have it gets a hint where it belongs.

TOML gives a key to the table whose heading stands above it: most often a key of the whole file stands below
the first heading, or one of a destination below its rule.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, cast

import msgspec
from msgspec import inspect

from reverser.config.problems import Report, did_you_mean, key_paths, one_of, show
from reverser.config.schema import Config, Plugins
from reverser.config.secret_fields import secret
from reverser.model.secret import SecretRef

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

TOP = "at the top of the file, above the first [table]"
MOST_HEADINGS = 3
"""A key that many tables have belongs nowhere in particular."""


def belongs(key: str) -> str:
    """A hint such as `it belongs in [[destinations]]`; "" for a key that no table has, or many have."""
    headings = _headings_by_key().get(key, ())
    if not 0 < len(headings) <= MOST_HEADINGS:
        return ""
    return f"it belongs {' or '.join(heading if heading == TOP else f'in {heading}' for heading in headings)}"


@cache
def _headings_by_key() -> Mapping[str, tuple[str, ...]]:
    """Key -> the headings of the tables that have it."""
    by_key: dict[str, list[str]] = defaultdict(list)
    for heading, key in _keys(inspect.type_info(Config), "", many=False):
        by_key[key].append(heading or TOP)
    return {key: tuple(dict.fromkeys(headings)) for key, headings in by_key.items()}


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


MISSING = object()

PLAIN_TYPES: dict[type, tuple[str, tuple[type, ...]]] = {
    inspect.StrType: ("a text", (str,)),
    inspect.BoolType: ("true or false", (bool,)),
    inspect.FloatType: ("a number", (int, float)),
    inspect.IntType: ("a whole number", (int,)),
}
"""What a plain type is called, and which Python types TOML gives for it."""

DECODED = (*PLAIN_TYPES, inspect.LiteralType, inspect.StructType, inspect.DictType, inspect.VarTupleType)
"""What a field may be, or be made of; a struct of a plugin's may hold something else."""


BOUNDS = ("gt", "ge", "lt", "le", "multiple_of", "min_length", "max_length", "pattern")
"""What `msgspec.Meta` says of a number or a text."""

OWN_TYPES = "use str, int, float, bool, Literal, tuple[…, ...], dict[str, …], SecretRef or a struct"


class Decoder:
    """One walk over one file."""

    def __init__(self, environ: Mapping[str, str], report: Report) -> None:
        self._environ = environ
        self._report = report
        self._own = False
        """Whether the tables are a plugin's own."""

    def config(self, tables: dict[str, Any]) -> Config:
        """The whole file; the report says whether the result may be used."""
        kind = cast("inspect.StructType", inspect.type_info(Config))
        return cast("Config", self._table(kind, tables, ""))

    def struct(self, struct: type[msgspec.Struct], table: dict[str, Any], path: str) -> Any:
        """One table as a struct of somebody else's; the report says whether the result may be used."""
        self._own = True
        return self._table(cast("inspect.StructType", inspect.type_info(struct)), table, path)

    def _value(self, kind: inspect.Type, value: Any, path: str) -> Any:
        kind = _without_none(kind)
        if isinstance(kind, inspect.StructType):
            if kind.cls is SecretRef:
                return secret(value, path, self._environ, self._report) or MISSING
            return self._table(kind, value, path)
        if isinstance(kind, inspect.DictType):
            return self._mapping(kind, value, path)
        if isinstance(kind, inspect.VarTupleType):
            return self._array(kind, value, path)
        return self._leaf(kind, value, path)

    def _table(self, kind: inspect.StructType, value: Any, path: str) -> Any:
        if not isinstance(value, dict):
            # The value is not shown: it may be a password in the place of a credentials table.
            self._report.add(path, "must be a table", f"write [{path}] on a line of its own")
            return MISSING
        known = {field.encode_name: field for field in kind.fields}
        if kind.cls is Plugins:
            value = _with_tables(value)
        for key in [key for key in value if key not in known]:
            self._report.add(_join(path, key), "is not a known key", self._hint(key, known))
        return kind.cls(**{field.name: self._field(field, value, path) for field in kind.fields})

    def _hint(self, key: str, known: Collection[str]) -> str:
        """A key of another table is no misspelling; a plugin's tables have keys of their own."""
        is_singular = f"{key}s" in known
        return ("" if self._own or is_singular else belongs(key)) or did_you_mean(key, known)

    def _field(self, field: inspect.Field, table: dict[str, Any], path: str) -> Any:
        where = _join(path, field.encode_name)
        if field.encode_name in table:
            value = self._value(field.type, table[field.encode_name], where)
            if value is not MISSING:
                return value
        elif field.required:
            self._report.add(where, "is missing", f'add {field.encode_name} = "…"')
        return _default(field)

    def _mapping(self, kind: inspect.DictType, value: Any, path: str) -> Any:
        """A table with keys of the user's own."""
        if not isinstance(value, dict):
            self._report.add(path, "must be a table", f"write [{path}] on a line of its own")
            return MISSING
        if isinstance(kind.value_type, inspect.AnyType):
            return value
        items = {name: self._value(kind.value_type, each, _join(path, name)) for name, each in value.items()}
        return {name: each for name, each in items.items() if each is not MISSING}

    def _array(self, kind: inspect.VarTupleType, value: Any, path: str) -> Any:
        of_tables = isinstance(kind.item_type, inspect.StructType)
        if not isinstance(value, list):
            hint = f"write [[{path}]]" if of_tables else f"put it in brackets: [{show(value)}]"
            self._report.add(path, f"must be a list, not {show(value)}", hint)
            return MISSING
        where = key_paths([item.get("name") if isinstance(item, dict) else None for item in value], path)
        items = [self._value(kind.item_type, *pair) for pair in zip(value, where, strict=True)]
        return tuple(item for item in items if item is not MISSING)

    def _leaf(self, kind: inspect.Type, value: Any, path: str) -> Any:
        choices = kind.types if isinstance(kind, inspect.UnionType) else (kind,)
        if not all(isinstance(choice, DECODED) for choice in choices):
            raise TypeError(f"{path} is of a type that settings cannot have; {OWN_TYPES}")
        if any(_fits(choice, value) for choice in choices):
            if bound := next((fault for choice in choices if (fault := _bound(choice, value))), ""):
                self._report.add(path, bound)
                return MISSING
            return value
        allowed = [literal for choice in choices for literal in _literals(choice)]
        hint = did_you_mean(value, allowed) if isinstance(value, str) else ""
        self._report.add(path, f"must be {_allowed(choices)}, not {show(value)}", hint)
        return MISSING


def _with_tables(value: dict[str, Any]) -> dict[str, Any]:
    """Tables of `[plugins]` are the plugins' own, decoded when their plugins are known."""
    own = {name: table for name, table in value.items() if isinstance(table, dict)}
    return {name: each for name, each in value.items() if name not in own} | {"tables": own}


def _literals(kind: inspect.Type) -> list[str]:
    """The words that a Literal allows."""
    return [str(literal) for literal in kind.values] if isinstance(kind, inspect.LiteralType) else []


def _fits(kind: inspect.Type, value: Any) -> bool:
    if isinstance(kind, inspect.LiteralType):
        return isinstance(value, str) and value in _literals(kind)
    _, types = PLAIN_TYPES[type(kind)]
    return isinstance(value, types) and (bool in types or not isinstance(value, bool))


def _bound(kind: inspect.Type, value: Any) -> str:
    """What is wrong with a value that has the type but not the size or form that a plugin wants; else ""."""
    names = [name for name in BOUNDS if getattr(kind, name, None) is not None]
    if not names or not _fits(kind, value):
        return ""
    try:
        msgspec.convert(value, Annotated[type(value), msgspec.Meta(**{n: getattr(kind, n) for n in names})])
    except msgspec.ValidationError as error:
        return str(error).replace("Expected", "must be")
    return ""


def _allowed(choices: tuple[inspect.Type, ...]) -> str:
    described = [
        one_of(_literals(kind)) if _literals(kind) else PLAIN_TYPES[type(kind)][0] for kind in choices
    ]
    return ", or ".join(described)


def _without_none(kind: inspect.Type) -> inspect.Type:
    if not isinstance(kind, inspect.UnionType):
        return kind
    others = [each for each in kind.types if not isinstance(each, inspect.NoneType)]
    return others[0] if len(others) == 1 else kind


def _default(field: inspect.Field) -> Any:
    if field.default is not msgspec.NODEFAULT:
        return field.default
    return "" if field.default_factory is msgspec.NODEFAULT else field.default_factory()


def _join(path: str, key: str) -> str:
    return f"{path}.{key}" if path else key
