"""What differs between two documents, and the lines that say so in the body of a commit.

`same` tells whether two JSON values are the same value, with their types: Python takes `1`, `1.0` and `True`
for equal; in JSON they are three values, and a file that says one of them does not say the others. Each
value is looked at once, and without recursion: an object may be nested deeper than Python's stack.

`differences` gives paths with the old and the new value, each with its name. Items of a list are named by the
key that Kubernetes merges them by, where every item has it and no two are alike; otherwise they are counted
from 0, as is one whose name is to be hidden. The name of a value tells whether it may be a secret: it goes
along, for old and new each.

`describe` writes one field path a line:

    spec.replicas: 2 -> 5
    spec.paused: + true                       a field that was not there
    spec.minReadySeconds: - 10                a field that is gone
    spec.template.spec.containers: order changed
    data.password: changed                    in a Secret, masked, or by its looks: never a value

A message outlives every file: what looks like a secret is in none, whatever is flagged. Values are
JSON, cut at 60 characters.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, TypeAlias

from reverser.sanitize.named_secrets import name_in, option
from reverser.sanitize.sensitive_values import holds_masked
from reverser.sanitize.suspicious_values import looks_secret
from reverser.text import child, cut, label, visible


def same(one: Any, other: Any) -> bool:
    """Whether both are the same JSON value; the order of keys in a map does not count."""
    pairs = [(one, other)]
    while pairs:
        one, other = pairs.pop()
        if one is other:
            continue
        if type(one) is not type(other):
            return False
        if isinstance(one, dict):
            if one.keys() != other.keys():
                return False
            pairs += [(value, other[key]) for key, value in one.items()]
        elif isinstance(one, list):
            if len(one) != len(other):
                return False
            pairs += zip(one, other, strict=True)
        elif not _same_scalar(one, other):
            return False
    return True


def _same_scalar(one: Any, other: Any) -> bool:
    """`-0.0` is not `0.0`: they are written differently."""
    return repr(one) == repr(other) if isinstance(one, float) else bool(one == other)


Named: TypeAlias = tuple[str, Any]
"""(what the value is called, the value)"""
Difference: TypeAlias = tuple[str, Named, Named]
"""(path, old, new); both absent: only the order changed."""

ABSENT: Any = object()
NOTHING: Named = ("", ABSENT)
PATH_CHARACTERS = 200
"""What differs below a longer path is one difference: nesting may be deeper than Python's stack."""

COMPARED_CHARACTERS = 60
"""Below a longer path, maps and lists are gone through without being compared first: to compare them again
at each level takes the size times the depth."""

# In this order: a volumeMount has a name too, but is merged by its path.
_MERGE_KEYS = (
    ("mountPath",),
    ("name",),
    ("containerPort", "protocol"),
    ("port", "protocol"),
    ("devicePath",),
    ("key",),
    ("ip",),
    ("topologyKey",),
    ("type",),
)


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[Difference]:
    """Every difference, in the order of paths."""
    return _differences("", ("", old), ("", new))


def hidden(name: str, value: Any) -> bool:
    """Whether a value is not to be shown: it looks like a secret, or is masked, for digests are for files."""
    return holds_masked(value) or looks_secret(name, value)


def _differences(path: str, old: Named, new: Named) -> Iterator[Difference]:
    """Of two values that differ, or may."""
    before, after = old[1], new[1]
    if isinstance(before, dict) and isinstance(after, dict) and len(path) <= PATH_CHARACTERS:
        keys = sorted({*before, *after})
        deep = len(path) > COMPARED_CHARACTERS
        yield from _in_maps(_values(before), _values(after), keys, lambda key: child(path, key), deep=deep)
    elif isinstance(before, list) and isinstance(after, list) and len(path) <= PATH_CHARACTERS:
        yield from _in_lists(path, old, new)
    elif not same(before, after):
        yield path, old, new


def _both_hold_more(before: Any, after: Any) -> bool:
    return isinstance(before, dict | list) and type(before) is type(after)


def _in_maps(
    old: dict[str, Named],
    new: dict[str, Named],
    keys: Iterable[str],
    spell: Callable[[str], str],
    *,
    deep: bool,
) -> Iterator[Difference]:
    for key in keys:
        before, after = old.get(key, NOTHING), new.get(key, NOTHING)
        if (deep and _both_hold_more(before[1], after[1])) or not same(before[1], after[1]):
            yield from _differences(spell(key), before, after)


def _in_lists(path: str, old: Named, new: Named) -> Iterator[Difference]:
    keys, before, after = _labelled(old, new)
    if not keys:
        yield from _in_counted(path, old, new)
        return
    either = {**before, **after}
    places = {name: index for items in (before, after) for index, name in enumerate(items)}

    def spell(name: str) -> str:
        return f"{path}[{name if _shows(either[name][1], keys) else places[name]}]"

    yield from _in_maps(before, after, either, spell, deep=len(path) > COMPARED_CHARACTERS)
    if [each for each in before if each in after] != [each for each in after if each in before]:
        yield path, NOTHING, NOTHING


def _shows(item: Any, keys: tuple[str, ...]) -> bool:
    """Whether the item may be named by these keys."""
    return not any(hidden(key, item[key]) for key in keys if key in item)


def _values(node: dict[str, Any]) -> dict[str, Named]:
    return {key: (name_in(node, key), value) for key, value in node.items()}


def _labelled(old: Named, new: Named) -> tuple[tuple[str, ...], dict[str, Named], dict[str, Named]]:
    """(keys, old, new): the items by the first merge key that names all of them; no keys: none does."""
    for keys in _MERGE_KEYS:
        before, after = _by_key(old, keys), _by_key(new, keys)
        if before is not None and after is not None:
            return keys, before, after
    return (), {}, {}


def _by_key(items: Named, keys: tuple[str, ...]) -> dict[str, Named] | None:
    name, rows = items
    labelled: dict[str, Named] = {}
    for item in rows:
        if not isinstance(item, dict) or not isinstance(item.get(keys[0]), str | int):
            return None
        labelled[label("/".join(str(item[key]) for key in keys if key in item))] = (name, item)
    return labelled if len(labelled) == len(rows) else None


def _in_counted(path: str, old: Named, new: Named) -> Iterator[Difference]:
    """Item by item, since to give back what was made for 500,000 of them holds all threads up."""
    deep = len(path) > COMPARED_CHARACTERS
    pairs = itertools.zip_longest(_counted(old), _counted(new), fillvalue=NOTHING)
    for index, (before, after) in enumerate(pairs):
        if (deep and _both_hold_more(before[1], after[1])) or not same(before[1], after[1]):
            yield from _differences(f"{path}[{index}]", before, after)


def _counted(items: Named) -> Iterator[Named]:
    """Each item, named by the option before it."""
    name, rows = items
    before: Any = ""
    for item in rows:
        yield option(before) or name, item
        before = item


MOST_LINES = 10
VALUE_CHARACTERS = 60
_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


def describe(
    old: dict[str, Any] | None, new: dict[str, Any] | None, *, secret: bool = False
) -> tuple[str, ...]:
    """At most 10 lines; none when there is no old or no new document."""
    if old is None or new is None:
        return ()
    rest = differences(old, new)
    first = list(itertools.islice(rest, MOST_LINES))
    return lines(first, len(first) + sum(1 for _ in rest), secret=secret)


def lines(first: Sequence[Difference], number: int, *, secret: bool) -> tuple[str, ...]:
    """At most 10 lines of so many differences; of more than 10 the first 10 will do."""
    if number <= MOST_LINES:
        return tuple(line(each, secret=secret) for each in first)
    shown = MOST_LINES - 1
    return (*(line(each, secret=secret) for each in first[:shown]), f"… and {number - shown} more")


def line(difference: Difference, *, secret: bool) -> str:
    """One difference on one line."""
    path, old, new = difference
    before, after = old[1], new[1]
    secret = secret or hidden(*old) or hidden(*new)
    if before is after is ABSENT:
        return f"{path}: order changed"
    if before is ABSENT:
        return f"{path}: added" if secret else f"{path}: + {_value(after)}"
    if after is ABSENT:
        return f"{path}: removed" if secret else f"{path}: - {_value(before)}"
    return f"{path}: changed" if secret else f"{path}: {_value(before)} -> {_value(after)}"


def _value(value: Any) -> str:
    return cut(visible("".join(_beginning(value))), VALUE_CHARACTERS)


def _beginning(value: Any) -> Iterator[str]:
    """The value as JSON, as much of it as is shown: a value may have megabytes."""
    if isinstance(value, str):
        yield _JSON.encode(value[:VALUE_CHARACTERS])
        return
    characters = 0
    for part in _JSON.iterencode(value):
        yield part[: VALUE_CHARACTERS + 1]
        characters += len(part)
        if characters > VALUE_CHARACTERS:
            return
