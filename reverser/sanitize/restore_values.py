"""For a destination that encrypts: the values that a document hides, put back where they were.

Only what the document shows as the digest of a value gets that value back. So what a plugin or a
rule of the user's took away stays away, and nothing else of the object comes in.
"""

from __future__ import annotations

from base64 import b64encode
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any, TypeAlias

from reverser.sanitize.json_content import Content, mapping
from reverser.sanitize.sensitive_values import digests, masked

Path: TypeAlias = tuple[str, ...]
"""Names of fields; items of lists have none."""
IDENTITY: frozenset[Path] = frozenset(
    {("apiVersion",), ("kind",), ("metadata", "name"), ("metadata", "namespace")}
)


def revealed(shown: Content, whole: Content, key: bytes, *, secret: bool) -> tuple[Content, tuple[str, ...]]:
    """(`shown` with the values of `whole`, names of the fields to encrypt); no names: it hides nothing.

    The names are as few and as high as they can be: `data`, not each of its keys. Where no name means
    hidden values only, the deepest is taken, and its namesakes elsewhere are encrypted too.
    """
    whole = _one_map(whole) if secret else whole
    shown_as = digests(whole, key)
    if secret:
        shown_as |= {"data": masked(whole, key).get("data")}
    restored: list[Path] = []
    content = _with_values(shown, whole, shown_as, (), restored)
    return content, tuple(_names(content, set(restored), secret=secret))


def _one_map(secret: Content) -> Content:
    """The texts of `stringData` as the server would store them, which is where their digests stand."""
    texts = mapping(secret, "stringData") or {}
    encoded = {name: b64encode(str(text).encode()).decode() for name, text in texts.items()}
    return {**secret, "data": {**(mapping(secret, "data") or {}), **encoded}}


def _with_values(shown: Any, whole: Any, shown_as: Any, path: Path, restored: list[Path]) -> Any:
    if isinstance(shown, dict) and isinstance(whole, dict) and isinstance(shown_as, dict):
        return {
            name: _with_values(item, whole[name], shown_as[name], (*path, name), restored)
            if name in whole and name in shown_as
            else item
            for name, item in shown.items()
        }
    if isinstance(shown, list) and isinstance(whole, list) and len(shown) == len(whole):
        return [_with_values(*three, path, restored) for three in zip(shown, whole, shown_as, strict=True)]
    if isinstance(shown, str) and shown == shown_as and shown != whole:
        restored.append(path)
        return whole
    return shown


def _names(content: Content, hidden: set[Path], *, secret: bool) -> Iterator[str]:
    met: dict[str, set[Path]] = defaultdict(set)
    for leaf in _leaves(content, ()):
        for name in leaf:
            met[name].add(leaf)
    exact = {name for name, leaves in met.items() if leaves <= hidden}
    usable = {name for name, leaves in met.items() if not leaves & IDENTITY}
    names = {_name(path, exact, usable) for path in hidden if not (secret and path[0] == "data")}
    if secret and any(path[0] == "data" for path in hidden):
        names |= {"data", "stringData"}  # what SOPS, Flux and others write for a Secret
    return iter(sorted(names))


def _name(path: Path, exact: set[str], usable: set[str]) -> str:
    """The highest name on the way that stands for hidden values alone, else the deepest that may be used."""
    chosen = [name for name in path if name in exact] or [name for name in reversed(path) if name in usable]
    return (*chosen, path[-1])[0]


def _leaves(value: Any, path: Path) -> Iterable[Path]:
    if isinstance(value, dict):
        return (leaf for name, item in value.items() for leaf in _leaves(item, (*path, name)))
    if isinstance(value, list):
        return (leaf for item in value for leaf in _leaves(item, path))
    return (path,)
