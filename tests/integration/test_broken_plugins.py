"""A plugin that is broken, in each way that people have found: what they see stands in docs/plugins.md.

The way is run, and what is shown is compared with the row of the table. `mine.py` begins with two lines of
imports.
"""

from __future__ import annotations

import re
import time
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from io import StringIO
from pathlib import Path
from typing import Any

import msgspec
import pytest
import structlog
import trio

from reverser import log
from reverser.app import withheld_conditions
from reverser.app.daemon import Daemon
from reverser.app.withheld_conditions import PluginFailures
from reverser.errors import WithheldError
from reverser.health import Health
from reverser.model.condition import Condition, Withheld
from reverser.model.push import Pushed
from reverser.model.resource import ObjectKey
from reverser.plugins import failures, watchdog
from reverser.plugins import failures as circuit_breaker
from reverser.plugins.deciding_hooks import DecidingHooks
from reverser.plugins.host import Host
from reverser.testing import ACTORS, DESTINATION, TYPES, contract, key_of, make, plan
from tests.integration.plugged import OBJECT, deciding, host_of, problems
from tests.integration.running import Running, running

ROOT = Path(__file__).parents[2]
ROW = re.compile(r"^\| (?P<way>[^|]+) \| (?P<seen>.+) \|$", re.MULTILINE)
TABLE = (ROOT / "docs/plugins.md").read_text().partition("## When one is broken")[2].partition("\n## ")[0]
SHOWN = {match["way"]: match["seen"] for match in ROW.finditer(TABLE)}
PUSH = Pushed("live", "main", "abc", ())
BOUND_SECONDS = 30

REFUSED = {
    "a module that cannot be imported": "import numpyy",
    "a hook that is not known": "@hookimpl\ndef reverser_sanitise(content): pass",
    "an argument that is not known": "@hookimpl\ndef reverser_select(author): pass",
    "settings that are no struct": "@hookimpl\ndef reverser_settings(): return dict",
    "`reverser_settings` raises": "@hookimpl\ndef reverser_settings(): return SETTINGS",
    "`reverser_configure` hangs": "@hookimpl\ndef reverser_configure():\n    while True: pass",
}
"""Way -> code: the start is refused, and these are the words."""
DECIDING: dict[str, tuple[str, Callable[[DecidingHooks, dict[str, Any]], object]]] = {
    "`reverser_select` raises": (
        "def reverser_select(labels): return labels['team']",
        lambda hooks, obj: hooks.leave_out(key_of(obj), TYPES["ConfigMap"], {}, obj),
    ),
    "`reverser_layout` answers a number": (
        "def reverser_layout(): return 7",
        lambda hooks, obj: hooks.layout(key_of(obj), TYPES["ConfigMap"], DESTINATION),
    ),
    "`reverser_sanitize` is too slow": (
        "def reverser_sanitize():\n    while True: pass",
        lambda hooks, obj: hooks.sanitize(key_of(obj), TYPES["ConfigMap"], obj),
    ),
    "`reverser_sanitize` adds something": (
        "def reverser_sanitize(content): return {**content, 'data': {'k': 'other'}}",
        lambda hooks, obj: hooks.sanitize(key_of(obj), TYPES["ConfigMap"], obj),
    ),
    "`reverser_select` calls `sys.exit`": (
        "def reverser_select(): sys.exit(1)",
        lambda hooks, obj: hooks.leave_out(key_of(obj), TYPES["ConfigMap"], {}, obj),
    ),
    "`reverser_layout` calls itself without an end": (
        "def reverser_layout(): return reverser_layout()",
        lambda hooks, obj: hooks.layout(key_of(obj), TYPES["ConfigMap"], DESTINATION),
    ),
    "`reverser_message` raises": (
        "def reverser_message(plan): return plan.author",
        lambda hooks, obj: hooks.message(plan(obj)),
    ),
    "`reverser_identity` answers 10 MB": (
        "def reverser_identity(): return 'x' * 10_000_000",
        lambda hooks, _: hooks.identity(ACTORS[0]),
    ),
    "`reverser_exclude_type` raises": (
        "def reverser_exclude_type(resource): return resource.nothing",
        lambda hooks, _: hooks.exclude_type(TYPES["ConfigMap"]),
    ),
}
"""Way -> (code, a call): the condition."""
EFFECTS = {
    "`reverser_startup` raises": "async def reverser_startup(): {}['url']",
    "`reverser_pushed` raises": "async def reverser_pushed(push): push.nothing",
    "`reverser_pushed` blocks": "async def reverser_pushed(): time.sleep(600)",
}


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    log.configure("console", "info")
    monkeypatch.setattr(watchdog, "LIMIT_SECONDS", 0.2)
    monkeypatch.setattr(watchdog, "SETUP_SECONDS", 0.5)
    yield
    log.configure("console", "info")


class Shelf:
    """A journal of which only the withheld objects are asked."""

    def __init__(self) -> None:
        self.rows: list[Withheld] = []

    async def withheld(self) -> list[Withheld]:
        await trio.lowlevel.checkpoint()
        return self.rows


def same(words: str) -> str:
    """As the documentation has it: the limits of the daemon, and the paths of nobody's machine."""
    words = words.replace("0.2 s", "1 s").replace("0.5 s", "30 s").replace("0.1 s", "30 s")
    return re.sub(r"/\S+/mine", "/etc/reverser/mine", words)


def told(
    host: Host, code: Callable[[DecidingHooks, dict[str, Any]], object], times: int = 1
) -> tuple[Health, Shelf]:
    """Call hooks for some objects, and look at what fails as the daemon does."""
    hooks, shelf, health = deciding(host), Shelf(), Health()
    for number in range(times):
        obj = make("ConfigMap", f"web{number}")
        try:
            code(hooks, obj)
        except WithheldError as error:
            shelf.rows.append(Withheld("live", key_of(obj), error.reason, error.message, 0.0))
    look(host, shelf, health)
    return health, shelf


def look(
    host: Host,
    shelf: Shelf,
    health: Health,
    try_again: Callable[[Collection[ObjectKey]], bool] = lambda _: True,
) -> None:
    PluginFailures(host.failures, shelf, health, try_again)._look(shelf.rows)  # type: ignore[arg-type]


def seen(health: Health) -> str:
    [condition] = health.conditions
    return f"`{condition.subject}`: {condition.message}"


@pytest.mark.parametrize("way", REFUSED)
def test_the_start_is_refused_with_these_words(tmp_path: Path, way: str) -> None:
    """What cannot work is told before anything runs."""
    assert same("; ".join(problems(tmp_path, REFUSED[way]))) == SHOWN[way]


@pytest.mark.parametrize("way", DECIDING)
def test_a_deciding_hook_is_a_condition_with_these_words(tmp_path: Path, way: str) -> None:
    """Plugin, hook, type of error, file and line, and how many objects wait; nothing of an object."""
    code, call = DECIDING[way]
    health, _ = told(host_of(tmp_path, f"@hookimpl\n{code}"), call)

    assert same(seen(health)) == SHOWN[way]
    assert health.stalled_count == 1


@pytest.mark.parametrize("way", EFFECTS)
async def test_an_effectful_hook_is_told_in_these_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """A plugin that fails where nobody waits for it."""
    monkeypatch.setattr("reverser.plugins.worker.LIMIT_SECONDS", 0.1)
    monkeypatch.setattr("reverser.plugins.host.CLOSE_SECONDS", 0.1)
    words: list[str] = []
    host = host_of(tmp_path, f"@hookimpl\n{EFFECTS[way]}")
    try:
        await host.open(lambda plugin, what, _: words.append(f"`plugin/{plugin.name}`: {what}"))
    except Exception as error:
        words.append(str(error))
    with trio.fail_after(BOUND_SECONDS):
        for _ in range(circuit_breaker.FAILURES_MOST):
            host.pushed(PUSH)
        while not words:
            host.condition(Condition("Stalled", "x", True, "Because", "y"))
            await trio.sleep(0.01)
    await host.close()

    assert same(words[0]) == SHOWN[way]


def test_arguments_that_are_changed_change_no_file(tmp_path: Path) -> None:
    """What a plugin is given are copies; `plugins check` tells of it."""
    code = "@hookimpl\ndef reverser_select(labels, obj): labels.clear(); obj.clear()"
    host = host_of(tmp_path, code)
    before = msgspec.json.encode(OBJECT)

    assert deciding(host).leave_out(key_of(OBJECT), TYPES["ConfigMap"], {"a": "b"}, OBJECT) == ""
    assert msgspec.json.encode(OBJECT) == before
    found = contract(host.plugins[0].code)
    assert f"`reverser plugins check`: {found[0]}" == SHOWN["`reverser_select` changes its arguments"]


def test_a_plugin_that_logs_wildly_is_bounded(tmp_path: Path) -> None:
    """Its lines go where the log goes, in its format, a hundred a minute."""
    stream = StringIO()
    log._lines.clear()
    log.configure("json", "info", stream)
    code = """
@hookimpl
def reverser_configure(log):
    global own
    own = log
@hookimpl
def reverser_select():
    for number in range(1000): own.info("looked", number=number)
"""
    deciding(host_of(tmp_path, code)).leave_out(key_of(OBJECT), TYPES["ConfigMap"], {}, OBJECT)

    lines = [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    assert {line["plugin"] for line in lines} == {"mine"}
    assert [line["event"] for line in lines] == ["looked"] * log.LINES_MOST + [lines[-1]["event"]]
    assert f"`{lines[-1]['event']}`" == SHOWN["it logs a thousand lines for each object"]


def test_the_text_and_the_traceback_are_in_the_debug_log_alone(tmp_path: Path) -> None:
    """Everywhere else there is no text of an error: it may quote an object."""
    stream = StringIO()
    log.configure("json", "debug", stream)
    code, call = (
        "def reverser_select(obj): raise ValueError(obj['data'])",
        DECIDING["`reverser_select` raises"][1],
    )
    host = host_of(tmp_path, f"@hookimpl\n{code}")
    with pytest.raises(WithheldError, match=r"^plugin mine: reverser_select raised ValueError at mine.py:4$"):
        call(deciding(host), {**OBJECT, "data": {"k": "canary"}})

    lines = [msgspec.json.decode(line) for line in stream.getvalue().splitlines()]
    assert [line["level"] for line in lines if "canary" in str(line)] == ["debug"]
    assert any("mine.py" in str(line.get("exception")) for line in lines)


def test_a_hook_that_fails_too_often_rests_and_its_rule_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects are withheld without a call and without a line each, until a call is well again."""
    code = """
calls, well = [], []
@hookimpl
def reverser_select():
    calls.append(1)
    if not well: 1/0
"""
    call = DECIDING["`reverser_select` raises"][1]
    host = host_of(tmp_path, code)
    mine = host.plugins[0].code
    with structlog.testing.capture_logs() as lines:
        health, shelf = told(host, call, times=1000)
    assert len(mine.calls) == circuit_breaker.FAILURES_MOST
    assert len(shelf.rows) == 1000
    assert [each.reason for each in shelf.rows[4:6]] == ["PluginFailed", "PluginPaused"]
    assert len(lines) == 2
    assert same(seen(health)) == SHOWN["it fails five times in a row"]

    again: list[bool] = []
    later = time.monotonic() + failures.PAUSE_SECONDS + 1
    monkeypatch.setattr(failures.time, "monotonic", lambda: later)
    mine.well.append(True)
    look(host, shelf, health, lambda keys: not again.append(bool(keys)))
    shelf.rows.clear()
    assert call(deciding(host), OBJECT) == ""
    look(host, shelf, health)

    assert again == [True]
    assert health.stalled_count == 0
    assert len(mine.calls) == circuit_breaker.FAILURES_MOST + 1


def test_every_failure_after_a_rest_makes_the_next_one_longer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call that is well between two failures is no failure in a row, and the rest is short again."""
    code = "bad = [True]\n@hookimpl\ndef reverser_select():\n    if bad: 1/0"
    call = DECIDING["`reverser_select` raises"][1]
    now = [1000.0]
    monkeypatch.setattr(failures.time, "monotonic", lambda: now[0])
    host = host_of(tmp_path, code)
    told(host, call, times=5)
    [failing] = host.failures.by_hook.values()
    assert failing.until == now[0] + failures.PAUSE_SECONDS

    now[0] = failing.until
    told(host, call)
    assert failing.until == now[0] + 2 * failures.PAUSE_SECONDS

    now[0] = failing.until
    host.plugins[0].code.bad.clear()
    told(host, call)
    host.plugins[0].code.bad.append(True)
    told(host, call, times=4)
    [failing] = host.failures.by_hook.values()
    assert not failing.rests
    assert failing.in_a_row == 4


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[Running]:
    async with running(tmp_path) as opened:
        yield opened


async def test_a_plugin_that_is_mended_while_it_rests_loses_nothing(
    world: Running, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon tries again by itself what was withheld; no object has to change for it."""
    monkeypatch.setattr(withheld_conditions, "EVERY_SECONDS", 0.05)
    monkeypatch.setattr(failures, "PAUSE_SECONDS", 0.5)
    monkeypatch.setattr(failures, "PAUSE_SECONDS_MOST", 0.5)
    broken = tmp_path / "broken"
    code = f"""
import pathlib
@hookimpl
def reverser_select():
    if pathlib.Path("{broken}").exists(): 1/0
"""
    host = host_of(tmp_path, code)
    daemon = Daemon(world.config, lambda: world.config, host)
    broken.touch()
    for number in range(8):
        await world.apply(f"web{number}", "one")
    async with trio.open_nursery() as nursery:
        await nursery.start(daemon.run)
        await world.until(lambda: any(each.rests for each in host.failures.by_hook.values()))
        assert world.file("web0") == ""
        broken.unlink()
        await world.until(lambda: all(world.file(f"web{number}") for number in range(8)))
        await world.until(lambda: not host.failures.by_hook)
        daemon.stop()


async def test_a_push_hook_that_blocks_stops_no_push(world: Running, tmp_path: Path) -> None:
    """Pushes go on, and the process ends when it is told to."""
    begun = tmp_path / "begun"
    code = f"""
import pathlib
@hookimpl
async def reverser_pushed():
    pathlib.Path("{begun}").touch()
    time.sleep(30)
"""
    daemon = Daemon(world.config, lambda: world.config, host_of(tmp_path, code))
    with trio.fail_after(BOUND_SECONDS):
        async with trio.open_nursery() as nursery:
            await nursery.start(daemon.run)
            await world.apply("web", "one")
            await world.until(begun.exists)
            await world.apply("web", "two")
            await world.until(lambda: "two" in world.file("web"))
            daemon.stop()
