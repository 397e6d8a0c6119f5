"""What ten plugins cost: the same changes through two pipelines in turn, one with them, one without.

Each of the ten has every deciding hook and does a little in it; none changes what is written.
"""

from __future__ import annotations

import random
import statistics
from types import SimpleNamespace
from typing import Any

import trio

from reverser import hookimpl
from reverser.metrics import Metrics
from reverser.model.destination import Destination
from reverser.plugins import Host, Plugin
from tests.bench.options import Options, say
from tests.bench.pipeline import Pipeline, open_pipeline
from tests.bench.result import Row, at_least
from tests.e2e.remote import Remote

PLUGINS = 10
FILES = 1000
GOAL_PERCENT = 90
TURNS = 5
"""For each repetition. Many short ones: a shared machine changes its speed within a long one."""


@hookimpl
def _select(labels: dict[str, str]) -> str | None:
    return "scratch" if "example.com/scratch" in labels else None


@hookimpl
def _sanitize(content: dict[str, Any]) -> None:
    content["metadata"].get("annotations", {}).pop("example.com/never", None)


@hookimpl
def _layout(key: Any) -> str | None:
    return f"{key.name}.yaml" if key.namespace == "never" else None


@hookimpl
def _identity(actor: Any) -> str | None:
    return "Never <never@example.com>" if actor.name == "never" else None


@hookimpl
def _message(plan: Any, message: Any) -> Any:
    return message if plan.entries else None


HOOKS = {
    "reverser_select": _select,
    "reverser_sanitize": _sanitize,
    "reverser_layout": _layout,
    "reverser_identity": _identity,
    "reverser_message": _message,
}


def measure(options: Options) -> list[Row]:
    """The rate with ten plugins, as a share of the rate without."""
    share = trio.run(_compare, options)
    return [
        at_least(f"throughput with {PLUGINS} plugins, {FILES:,} files", share, GOAL_PERCENT, "% of without")
    ]


async def _compare(options: Options) -> float:
    ten = Host([Plugin(f"plugin{number}", SimpleNamespace(**HOOKS), "") for number in range(PLUGINS)])
    changes = 200 if options.quick else 1000
    without, plugged = (Remote(options.folder / f"{name}.git") for name in ("without", "plugged"))
    async with (
        open_pipeline(options.folder / "without", Destination("live", without.url)) as one,
        open_pipeline(options.folder / "plugged", Destination("live", plugged.url), ten) as two,
    ):
        for pipeline in (one, two):
            await pipeline.snapshot(FILES)
        shares = [await _share(one, two, turn, changes) for turn in range(TURNS * options.repeat)]
    assert len(plugged.commits()) == len(without.commits())
    calls = Metrics()
    ten.count_with(calls)
    ten.flush()
    assert f'hook="reverser_message",plugin="plugin9"}} {len(plugged.commits())}.0' in calls.expose().decode()
    return 100 * statistics.median(shares)


async def _share(one: Pipeline, two: Pipeline, turn: int, changes: int) -> float:
    numbers = random.Random(turn).choices(range(FILES), k=changes)
    seconds = dict[Pipeline, float]()
    for pipeline in (one, two) if turn % 2 else (two, one):
        seconds[pipeline] = await pipeline.live(numbers)
    without, plugged = (changes / seconds[each] for each in (one, two))
    say(f"plugins: {without:,.0f} a second without, {plugged:,.0f} with {PLUGINS}")
    return seconds[one] / seconds[two]
