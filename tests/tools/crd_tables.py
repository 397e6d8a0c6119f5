"""The tables of fields in docs/custom-resources.md, generated from the same structs as the CRDs.

`make crds` writes them between marks in the page; everything around the marks is written by people.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from reverser.custom_resources.api_types import (
    ClusterWatchRuleSpec,
    GitRepoConfigSpec,
    GitRepoConfigStatus,
    RuleStatus,
    WatchRuleSpec,
)
from tests.tools.crds import struct_schema

PAGE = Path(__file__).parents[2] / "docs/custom-resources.md"
BEGIN, END = "<!-- fields of {}: written by make crds -->", "<!-- end -->"
WORDS = {"string": "text", "boolean": "`true` or `false`", "integer": "whole number", "array": "list"}


class Row(NamedTuple):
    """One field."""

    path: str
    type: str
    meaning: str

    def __str__(self) -> str:
        return f"| `{self.path}` | {self.type} | {self.meaning} |"


def page(text: str) -> str:
    """The page with its tables written anew."""
    for name, rows in tables().items():
        begin = re.escape(BEGIN.format(name))
        table = "\n".join(["| field | type | meaning |", "|---|---|---|", *map(str, rows)])
        pattern = re.compile(f"({begin}\n).*?({re.escape(END)})", re.DOTALL)
        assert len(pattern.findall(text)) == 1, f"no marks for {name} in {PAGE.name}"
        text = pattern.sub(lambda match, table=table: f"{match[1]}\n{table}\n\n{match[2]}", text)  # type: ignore[misc]
    return text


def tables() -> dict[str, list[Row]]:
    """Mark -> its rows."""
    return {
        "GitRepoConfig": [*_below(struct_schema(GitRepoConfigSpec), "spec.")],
        "rules": _both("spec.", {"WatchRule": WatchRuleSpec, "ClusterWatchRule": ClusterWatchRuleSpec}),
        "status": _both("status.", {"GitRepoConfig": GitRepoConfigStatus, "Rules": RuleStatus}),
    }


def _both(path: str, kinds: dict[str, type[msgspec.Struct]]) -> list[Row]:
    """Two structs in one table; what only one of them has says so."""
    (first, these), (second, those) = (
        (name, {row.path: row for row in _below(struct_schema(kind), path)}) for name, kind in kinds.items()
    )
    order = list(these)
    for before, after in pairwise(those):
        if after not in these:
            order.insert(order.index(before) + 1, after)
    rows = these | {path: row for path, row in those.items() if path not in these}
    only = {path: first for path in these if path not in those}
    only |= {path: second for path in those if path not in these}
    return [
        rows[path]._replace(meaning=f"{only[path]} only. {rows[path].meaning}")
        if path in only
        else rows[path]
        for path in order
    ]


def _below(schema: dict[str, Any], path: str) -> Iterator[Row]:
    required = schema.get("required", [])
    for name, each in schema.get("properties", {}).items():
        here = f"{path}{name}"
        inside = each.get("items", {})
        yield Row(here, _type(each, required=name in required), each["description"].replace("*", "\\*"))
        # What a label selector and a condition hold is the same everywhere in Kubernetes.
        if not {"x-kubernetes-map-type", "x-kubernetes-list-type"} & each.keys():
            yield from _below(each, f"{here}.")
            yield from _below(inside, f"{here}[].")


def _type(each: dict[str, Any], *, required: bool) -> str:
    if "x-kubernetes-map-type" in each:
        kind = "label selector"
    elif "enum" in each:
        kind = ", ".join(f"`{value}`" for value in each["enum"])
    elif each["type"] == "object":
        kind = "object"
    else:
        kind = WORDS[each["type"]]
    default = str(each["default"]).replace("False", "false") if "default" in each else ""
    return kind + (f"; default `{default}`" if default else "") + ("; required" if required else "")


def write() -> None:
    """Write the tables into the page."""
    PAGE.write_text(page(PAGE.read_text()))


if __name__ == "__main__":
    write()
