"""What is done for one object grows with its size, whatever its shape: counted in steps, not in time."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from reverser.manifest.diff import describe
from reverser.manifest.emitter import render
from reverser.model.change import Stream
from reverser.model.rule import SensitiveRule
from reverser.sanitize.document import Policy, sanitize
from reverser.sanitize.suspicious_values import _LONG, _rules_of_short, suspicious
from tests.bench.shapes import Pair, shapes

FEW, MANY = 4_000, 16_000
GROWTH = 6.0
"""How much more four times the object may cost: 4 is linear, 16 quadratic."""
KEY = b"k" * 32
PLAIN = Policy(style="full", secrets="mask", mask_key=KEY, rules=())
MASKING = Policy(style="full", secrets="mask", mask_key=KEY, rules=(), suspicious="mask")
SENSITIVE = Policy(
    style="full",
    secrets="mask",
    mask_key=KEY,
    rules=(),
    sensitive=(SensitiveRule(resources=("*",), keys=("k*",)),),
)
SHAPES = {name: (few, many) for (name, few), (_, many) in zip(shapes(FEW), shapes(MANY), strict=True)}
WITHHELD = "900 levels"
"""The only shape that no file is made of."""


def sanitized(pair: Pair, policy: Policy = PLAIN) -> tuple[dict[str, Any], dict[str, Any]]:
    """The documents of both objects."""
    resource, *objects = pair
    key = Stream("default", resource).key("shop", "large")
    before, after = (sanitize(each, key, resource, policy).content for each in objects)
    return before, after


WORK: dict[str, Callable[[Pair], object]] = {
    "sanitize": sanitized,
    "mask what is suspicious": lambda pair: sanitized(pair, MASKING),
    "mask what is sensitive": lambda pair: sanitized(pair, SENSITIVE),
    "look for secrets": lambda pair: suspicious(pair[2]),
    "describe": lambda pair: describe(*sanitized(pair)),
    "render": lambda pair: render(sanitized(pair)[1]),
}


def steps(work: Callable[[Pair], object], pair: Pair) -> int:
    """Instructions of Python that the work executes, without anything remembered from before."""
    count = 0

    def trace(frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        count += event == "opcode"
        return trace

    _rules_of_short.cache_clear()
    _LONG.clear()
    before = sys.gettrace()
    sys.settrace(trace)
    try:
        work(pair)
    finally:
        sys.settrace(before)
    return count


@pytest.mark.parametrize("work", WORK)
@pytest.mark.parametrize("shape", [name for name in SHAPES if name != WITHHELD])
def test_work_grows_with_the_size_alone(shape: str, work: str) -> None:
    """An object four times as large takes about four times the steps, not sixteen."""
    few, many = (steps(WORK[work], pair) for pair in SHAPES[shape])

    assert many < GROWTH * max(few, FEW)
