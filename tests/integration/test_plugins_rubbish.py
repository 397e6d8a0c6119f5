"""Answers that look right and are not, and errors that no `except Exception` sees: none harms the daemon."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
import trio

from reverser.app.plugin_setup import built_in_hooks, configured, hosted
from reverser.config import parse
from reverser.errors import ConfigError, WithheldError
from reverser.model.push import Pushed
from reverser.plugins.host import Host
from reverser.plugins.register import SPECIFICATIONS
from reverser.plugins.worker import ENDED, STUCK
from reverser.sanitize.object_copies import LAST_APPLIED
from reverser.testing import ACTORS, DESTINATION, TYPES, contract, key_of, make, plan
from reverser.writer.commit_message import NOBODY, message
from tests.integration.plugged import ABOUT, BASE, OBJECT, Counted, deciding, host_of, problems


@pytest.mark.parametrize("error", ["SystemExit", "KeyboardInterrupt", "GeneratorExit", "BaseException"])
def test_what_would_end_the_process_is_a_failure(tmp_path: Path, error: str) -> None:
    """A plugin that calls `sys.exit` withholds its object, or is passed over, like any other that fails."""
    code = "".join(
        f"@hookimpl\ndef reverser_{name}(): raise {error}\n" for name in ("select", "message", "companions")
    )
    hooks = deciding(host_of(tmp_path, code))

    with pytest.raises(WithheldError, match=f"reverser_select raised {error}"):
        hooks.leave_out(*ABOUT, {}, OBJECT)
    assert hooks.message(plan(OBJECT)).subject.startswith("[CREATE]")
    assert hooks.companions(["a"], ["a"], DESTINATION) == {}


def test_a_loop_that_gives_in_to_nothing_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """`while True` around a bare `except` is left where nothing is caught."""
    monkeypatch.setattr("reverser.plugins.watchdog.LIMIT_SECONDS", 0.05)
    monkeypatch.setattr("reverser.plugins.watchdog.AGAIN_SECONDS", 0.005)
    code = """
@hookimpl
def reverser_select():
    while True:
        try: sum(number for number in range(10000))
        except: pass
"""
    with pytest.raises(WithheldError, match="took longer than"):
        deciding(host_of(tmp_path, code)).leave_out(*ABOUT, {}, OBJECT)


MESSAGES = (
    "Message(7)",
    "Message('x', None)",
    "Message('x', 'text')",
    "Message('x', (1,))",
    "Message('x', (line for line in iter(int, 1)))",
    "Message('x', (), (('A', 1),))",
    "Message('x', (), ('A',))",
    "Message('x', ('y' * 1_000_000,))",
)


@pytest.mark.parametrize("made", MESSAGES)
def test_a_message_of_other_things_than_texts_is_not_used(tmp_path: Path, made: str) -> None:
    """The commit has the words that it had before, and the plugin has failed."""
    code = f"from reverser.model.message import Message\n@hookimpl\ndef reverser_message(): return {made}"
    host, counted = host_of(tmp_path, code), Counted()
    host.count_with(counted)

    written = message(plan(OBJECT), deciding(host).message(plan(OBJECT)), "journal")

    assert written.startswith("[CREATE] shop/configmaps/web by alice@example.com\n\nKubernetes-")
    assert counted.failures == [("reverser_message", "wrong")]


@pytest.mark.parametrize("answer", ["'Alice'", "'<a@example.com>'", "'A\\n <a@b>'", "'A <a b>'", "'A' * 500"])
def test_an_author_that_is_none_is_not_used(tmp_path: Path, answer: str) -> None:
    """The next one is asked, and the plugin has failed."""
    host, counted = host_of(tmp_path, f"@hookimpl\ndef reverser_identity(): return {answer}"), Counted()
    host.count_with(counted)

    assert "alice" in deciding(host).identity(ACTORS[0])
    assert counted.failures == [("reverser_identity", "wrong")]


def test_where_nobody_names_an_author_there_is_none() -> None:
    """Without the built-in names a commit is nobody's, and lands."""
    config = parse(f'{BASE}\n[plugins]\ndisabled = ["builtin.identities"]\n', {})

    assert hosted(config, {}).deciding(built_in_hooks(config)).identity(ACTORS[0]) == NOBODY


@pytest.mark.parametrize("reason", ["'\\ud800'", "'x' * 100_000"])
def test_a_reason_that_no_commit_can_hold_withholds(tmp_path: Path, reason: str) -> None:
    """It would fail in the journal, for every object beside it."""
    with pytest.raises(WithheldError, match="reverser_select answered with"):
        deciding(host_of(tmp_path, f"@hookimpl\ndef reverser_select(): return {reason}")).leave_out(
            *ABOUT, {}, OBJECT
        )


def test_what_a_plugin_does_to_its_arguments_is_not_seen(tmp_path: Path) -> None:
    """Content cannot be added by way of the object that a plugin is shown."""
    code = """
@hookimpl
def reverser_select(labels, obj):
    labels["new"] = obj["data"]["new"] = "x"
    obj["metadata"]["name"] = "other"
"""
    obj, labels = make("ConfigMap", data={"k": "v"}), {"a": "b"}

    assert deciding(host_of(tmp_path, code)).leave_out(*ABOUT, labels, obj) == ""

    assert (obj, labels) == (make("ConfigMap", data={"k": "v"}), {"a": "b"})


@pytest.mark.parametrize("name", [LAST_APPLIED, "objectset.rio.cattle.io/applied"])
def test_a_copy_of_the_object_is_not_shown(tmp_path: Path, name: str) -> None:
    """The annotation repeats what is taken out of the object because it is sensitive."""
    obj = make("Widget", spec={})
    obj["metadata"]["annotations"] = {name: '{"spec":{"password":"canary"}}', "a": "b"}
    code = "@hookimpl\ndef reverser_select(obj): return repr(obj)"

    told = deciding(host_of(tmp_path, code)).leave_out(key_of(obj), TYPES["Widget"], {}, obj)

    assert "'a': 'b'" in told
    assert "canary" not in told


DISGUISES = {
    "a text that equals everything": """
class Text(str):
    __hash__ = str.__hash__
    def __eq__(self, other): return True
def disguised(content): content["data"]["k"] = Text("canary")
""",
    "a map that shows nothing": """
class Map(dict):
    def items(self): return ()
    def __iter__(self): return iter(())
def disguised(content): content["data"] = Map(canary="canary")
""",
    "a list that shows nothing": """
class List(list):
    def __iter__(self): return iter(())
def disguised(content): content["list"] = List(["canary"])
""",
    "a map that has itself": "def disguised(content): content['data']['k'] = content['data']",
}


@pytest.mark.parametrize("disguise", DISGUISES)
def test_no_disguise_adds_content(tmp_path: Path, disguise: str) -> None:
    """The document is made of what the core sanitizer left, whatever an answer pretends to be."""
    code = f"{DISGUISES[disguise]}\n@hookimpl\ndef reverser_sanitize(content): disguised(content)"
    content = make("ConfigMap", data={"k": "v"}, list=["a"])

    made = {}
    with contextlib.suppress(WithheldError):
        made = deciding(host_of(tmp_path, code)).sanitize(*ABOUT, content)

    assert "canary" not in repr(made)


def test_what_is_kept_back_is_not_changed_later(tmp_path: Path) -> None:
    """A plugin that holds on to its answer cannot change the document after it was checked."""
    code = "@hookimpl\ndef reverser_sanitize(content):\n    globals()['held'] = content\n    return content"
    host = host_of(tmp_path, code)
    made = deciding(host).sanitize(*ABOUT, OBJECT)

    host.plugins[0].code.held["data"]["k"] = "canary"

    assert made == OBJECT


def test_the_contract_tells_of_rubbish(tmp_path: Path) -> None:
    """What the daemon would not take, the check of a plugin finds."""
    hooks = ("def reverser_identity(): return 'Alice'", "def reverser_select(): raise SystemExit")
    code = "\n".join(f"@hookimpl\n{hook}" for hook in hooks)
    told = contract(host_of(tmp_path, code).plugins[0].code)

    assert "reverser_identity answered with something other than `Name <email>`" in told
    assert "reverser_select raises SystemExit: " in told


PUSH = Pushed("live", "main", "abc", ())


async def _told(folder: Path, code: str, *, limit: float = 30.0) -> tuple[Host, list[str], Counted]:
    """A host whose plugin runs, what is told of it, and what is counted."""
    host, told, counted = host_of(folder, code), [], Counted()
    host.count_with(counted)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reverser.plugins.worker.PluginWorker.__init__.__defaults__", (limit, 300.0))
        await host.open(lambda _, what, about: told.append(what))
    return host, told, counted


async def _until(done: Callable[[], object]) -> None:
    with trio.fail_after(10):
        while not done():
            await trio.sleep(0.01)


async def test_an_effect_that_exits_is_a_failure(tmp_path: Path) -> None:
    """The plugin goes on, and is told the next push."""
    code = """
seen = []
@hookimpl
async def reverser_pushed(push):
    seen.append(push)
    if len(seen) == 1: sys.exit(1)
"""
    host, _, counted = await _told(tmp_path, code)
    host.pushed(PUSH)
    host.pushed(PUSH)

    await _until(lambda: len(host.plugins[0].code.seen) == 2)
    await host.close()

    assert counted.failures == [("reverser_pushed", "raised")]


async def test_a_start_that_exits_refuses_the_start(tmp_path: Path) -> None:
    """It is a problem like any other, and whoever has started before is ended."""
    with pytest.raises(ConfigError, match=r"plugins.mine: did not start: SystemExit"):
        await _told(tmp_path, "@hookimpl\nasync def reverser_startup(): sys.exit(1)")


async def test_what_a_plugin_leaves_running_is_told_when_it_fails(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Nobody would know otherwise that it is told nothing any more; its error is not shown."""
    code = """
@hookimpl
async def reverser_pushed(push):
    async def task(): raise ValueError("canary")
    trio.lowlevel.spawn_system_task(task)
"""
    host, told, counted = await _told(tmp_path, code)
    host.pushed(PUSH)
    await _until(lambda: told)
    host.pushed(PUSH)
    await host.close()

    assert told == [ENDED]
    assert counted.failures[-1] == ("reverser_pushed", "dropped")
    out, err = capfd.readouterr()
    assert "canary" not in out + err


async def test_a_call_that_does_not_come_back_is_told(tmp_path: Path) -> None:
    """When it comes back all the same, all is well."""
    code = """
import threading
gate = threading.Event()
@hookimpl
async def reverser_pushed(push): gate.wait(10)
"""
    host, told, _ = await _told(tmp_path, code, limit=0.2)

    def pushed() -> bool:
        host.pushed(PUSH)
        return bool(told)

    await _until(pushed)
    assert told == [STUCK]
    host.plugins[0].code.gate.set()
    await _until(lambda: told[-1] == "")
    await host.close()


SETTINGS = """
from typing import Annotated
class Settings(msgspec.Struct, rename="kebab"):
    max_items: Annotated[int, msgspec.Meta(ge=1)] = 3
    word: Annotated[str, msgspec.Meta(pattern="^[A-Z]+$")] = "X"
@hookimpl
def reverser_settings(): return Settings
@hookimpl
def reverser_configure(settings): globals()["seen"] = settings
"""


def test_bounds_and_names_of_a_struct_are_kept(tmp_path: Path) -> None:
    """What msgspec would refuse is refused, each with its key; renamed fields are found."""
    assert problems(tmp_path, SETTINGS, '[plugins.mine]\nmax-items = 0\nword = "a"') == [
        "plugins.mine.max-items: must be `int` >= 1",
        "plugins.mine.word: must be `str` matching regex '^[A-Z]+$'",
    ]
    host = host_of(tmp_path, SETTINGS, "[plugins.mine]\nmax-items = 1")

    assert host.plugins[0].code.seen.max_items == 1


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        ("sys.exit(3)", "", ["plugins.mine: cannot be loaded: SystemExit: 3"]),
        (
            "@hookimpl\ndef reverser_configure(): sys.exit(3)",
            "",
            ["plugins.mine: SystemExit: 3 at mine.py:4"],
        ),
        (
            "@hookimpl(specname='reverser_select')\ndef a(): pass\n"
            + "@hookimpl(specname='reverser_select')\ndef b(): pass",
            "",
            ["plugins.mine: reverser_select: is there more than once (a plugin has one of each)"],
        ),
        (
            "@hookimpl\ndef reverser_xyzzy_qqqqqqqqqqq(): pass",
            "",
            [
                "plugins.mine: reverser_xyzzy_qqqqqqqqqqq: is not a hook (there are "
                f"{', '.join(SPECIFICATIONS)}; a newer reverser may have more)"
            ],
        ),
    ],
)
def test_more_misfits_refuse_the_start(tmp_path: Path, code: str, more: str, told: list[str]) -> None:
    """None ends the process without a word, and none is passed over."""
    assert problems(tmp_path, code, more) == told


def test_a_wrong_signature_is_one_problem(tmp_path: Path) -> None:
    """The plugin's table is not told to be of no use."""
    code = f"{SETTINGS}\n@hookimpl\ndef reverser_select(author): pass"

    assert len(problems(tmp_path, code, "[plugins.mine]\nmax-items = 1")) == 1


def test_two_files_of_one_name_are_told(tmp_path: Path) -> None:
    """Which of them would be loaded, nobody could say."""
    config = parse(f'{BASE}\n[plugins]\nenabled = ["mine"]\npaths = ["a/mine.py", "b/mine.py"]\n', {})

    with pytest.raises(ConfigError, match="2 of them are called 'mine'"):
        hosted(config, {})


def test_problems_of_plugins_are_told_with_all_others(tmp_path: Path) -> None:
    """Whoever mends a configuration mends it once."""
    file = tmp_path / "reverser.toml"
    file.write_text(
        BASE.replace("file:///srv/live.git", "nope") + '[plugins]\nenabled = ["nobodys"]\ndisabled = ["x"]'
    )

    with pytest.raises(ConfigError) as caught:
        configured(str(file), {})

    paths = [problem.path for problem in caught.value.problems]
    assert paths == ["destinations.live.url", "plugins.enabled", "plugins.disabled"]
