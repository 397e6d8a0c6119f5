"""Sanitize and render typical Deployments with managedFields, on one core."""

from __future__ import annotations

import statistics
import time
from typing import Any

import msgspec

from reverser.manifest.emitter import render
from reverser.sanitize.document import Policy, sanitize
from tests.bench.options import Options
from tests.bench.result import Row, at_least
from tests.bench.samples import DEPLOYMENTS, STREAMS, sample

GOAL = 5000
POLICY = Policy(style="full", secrets="omit", mask_key=b"k" * 32, rules=())


def measure(options: Options) -> list[Row]:
    """Deployments a second; each one decoded anew, outside the clock, as the watch would bring it."""
    numbers = range(0, 5 * (200 if options.quick else 2000), 5)
    lines = [msgspec.json.encode(sample(number, 1)) for number in numbers]
    rates = [_rate([msgspec.json.decode(line) for line in lines]) for _ in range(options.repeat)]
    size = statistics.mean(map(len, lines)) / 1000
    name = f"sanitize + render, Deployments of {size:.1f} kB with managedFields"
    return [at_least(name, statistics.median(rates), GOAL, "a second")]


def _rate(objects: list[dict[str, Any]]) -> float:
    began = time.perf_counter()
    for each in objects:
        metadata = each["metadata"]
        key = STREAMS[0].key(metadata["namespace"], metadata["name"])
        render(sanitize(each, key, DEPLOYMENTS, POLICY).content)
    return len(objects) / (time.perf_counter() - began)
