"""What a measurement hands back, and how it is printed: one row a number, with its goal beside it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Sequence

import msgspec

HEADER = ("measurement", "measured", "goal", "margin")


class Row(msgspec.Struct, frozen=True):
    """One line of the table."""

    name: str
    measured: str
    goal: str = ""
    margin: float | None = None
    """How far on the good side of the goal: 1 just meets it, 2 is twice as good; None: no goal."""

    def cells(self) -> tuple[str, ...]:
        margin = "" if self.margin is None else f"{self.margin:.2f} ×"
        missed = self.margin is not None and self.margin < 1
        return (self.name, self.measured, self.goal, f"{margin} (missed)" if missed else margin)


def at_least(name: str, value: float, goal: float, unit: str) -> Row:
    """More is better."""
    return Row(name, f"{value:,.0f} {unit}", f"≥ {goal:,.0f} {unit}", value / goal)


def at_most(name: str, value: float, goal: float, unit: str, digits: int = 1, shown: str = "") -> Row:
    """Less is better; `shown` says more than the value."""
    return Row(
        name,
        shown or f"{value:,.{digits}f} {unit}",
        f"≤ {goal:g} {unit}",
        goal / value if value else math.inf,
    )


def percentile(values: Sequence[float], percent: int) -> float:
    """The smallest value that `percent` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, len(ordered) * percent // 100)]


def spread(values: Sequence[float], digits: int = 0) -> str:
    """`median of n (lowest to highest)`, for a reader who wants to know how noisy it was."""
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:,.{digits}f} (of {len(values)}: {low:,.{digits}f} to {high:,.{digits}f})"


def table(rows: Iterable[Row]) -> str:
    """A Markdown table whose columns line up in a terminal too."""
    cells = [HEADER, *(row.cells() for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(HEADER))]
    lines = ["| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |" for row in cells]
    lines.insert(1, "|" + "|".join("-" * (width + 2) for width in widths) + "|")
    return "\n".join(lines) + "\n"
