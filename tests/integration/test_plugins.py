"""Plugins from a configuration to a decision: what they can do, and what happens when they go wrong."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio

from reverser import hookimpl
from reverser.app.plugin_setup import built_in_hooks, hosted
from reverser.builtin_hooks import BUILT_IN, BuiltInHooks
from reverser.config import parse
from reverser.errors import ConfigError, WithheldError
from reverser.model.attribution import Actor
from reverser.model.commit import CommitPlan
from reverser.model.condition import Condition
from reverser.model.destination import Destination
from reverser.model.message import Message
from reverser.model.push import Pushed
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.secret import SecretRef
from reverser.plugins.host import Host
from reverser.testing import ACTORS, DESTINATION, TYPES, contract, key_of, make, plan
from reverser.writer.commit_message import NOBODY
from tests.integration.plugged import ABOUT, BASE, OBJECT, Counted, deciding, host_of, problems


class Settings(msgspec.Struct):
    """Of a plugin that has a secret."""

    token: SecretRef


def test_every_deciding_hook_has_its_say(tmp_path: Path) -> None:
    """Selecting, cleaning, placing, naming and wording can all be replaced."""
    code = """
@hookimpl
def reverser_exclude_type(resource): return "no maps" if resource.kind == "ConfigMap" else None
@hookimpl
def reverser_select(obj): return "it has data" if "data" in obj else None
@hookimpl
def reverser_sanitize(content): return {**content, "data": {"k": MASK}}
@hookimpl
def reverser_layout(key): return f"flat/{key.namespace}-{key.name}.yaml"
@hookimpl
def reverser_identity(actor): return "Alice <a@example.com>" if "alice" in actor.name else None
@hookimpl
def reverser_message(message): return msgspec.structs.replace(message, subject="feat: " + message.subject)
"""
    hooks = deciding(host_of(tmp_path, code))

    assert hooks.exclude_type(TYPES["ConfigMap"]) == "no maps"
    assert hooks.leave_out(*ABOUT, {}, OBJECT) == "it has data"
    assert hooks.sanitize(*ABOUT, OBJECT) == {**OBJECT, "data": {"k": "masked"}}
    assert OBJECT["data"] == {"k": "v"}
    assert hooks.layout(*ABOUT, DESTINATION) == "flat/shop-web.yaml"
    assert hooks.identity(ACTORS[0]) == "Alice <a@example.com>"
    assert "deployer" in hooks.identity(ACTORS[1])
    assert hooks.message(plan(OBJECT)).subject.startswith("feat: [CREATE] shop/configmaps/web")


def test_a_plugin_changes_the_message_that_a_destination_asks_for(tmp_path: Path) -> None:
    """It gets the subject in the form of the destination, and has the last word."""
    code = "@hookimpl\ndef reverser_message(message):\n"
    code += " return msgspec.structs.replace(message, subject=f'feat: {message.subject}')"
    seed = Destination("live", "file:///live", message="seed")

    subject = deciding(host_of(tmp_path, code)).message(plan(OBJECT), seed).subject

    assert subject == "feat: [CREATE] v1/configmaps/web by user/alice@example.com"


def test_what_is_built_in_can_be_left_out(tmp_path: Path) -> None:
    """Without its plugin nothing is excluded by default, and a name that nobody has is told."""
    events = TYPES["ConfigMap"].__class__("", "v1", "events", "Event", True)
    config = parse(f'{BASE}\n[plugins]\ndisabled = ["builtin.exclusions"]\n', {})

    assert deciding(Host()).exclude_type(events)
    assert not hosted(config, {}).deciding(built_in_hooks(config)).exclude_type(events)
    assert problems(tmp_path, "@hookimpl\ndef reverser_select(): pass", 'disabled = ["builtin.layout"]') == [
        "plugins.disabled: no built-in plugin is called 'builtin.layout' (did you mean builtin.layouts?)"
    ]


@pytest.mark.parametrize(
    ("code", "more", "told"),
    [
        ("", "", "plugins.mine: has no hook (mark its functions with @reverser.hookimpl)"),
        ("1/0", "", "plugins.mine: cannot be loaded: ZeroDivisionError: division by zero"),
        (
            "@hookimpl\ndef reverser_sanitise(content): pass",
            "",
            "plugins.mine: reverser_sanitise: is not a hook (did you mean reverser_sanitize? there are ",
        ),
        (
            "@hookimpl\ndef reverser_select(author): pass",
            "",
            "reverser_select: has no argument 'author' (there are key, resource, labels, obj)",
        ),
        (
            "@hookimpl\nasync def reverser_select(key): pass",
            "",
            "plugins.mine: reverser_select: must be def (docs/plugins.md tells which hooks decide)",
        ),
        (
            "@hookimpl\ndef reverser_pushed(push): pass",
            "",
            "plugins.mine: reverser_pushed: must be async def (docs/plugins.md tells which hooks decide)",
        ),
        (
            "@hookimpl(wrapper=True)\ndef reverser_select(): yield",
            "",
            "plugins.mine: reverser_select: is a wrapper, and wrappers are not supported",
        ),
        (
            "@hookimpl(tryfirst=True)\ndef reverser_select(): pass",
            "",
            "reverser_select: asks to be called first or last (the order is that of plugins.enabled)",
        ),
        (
            "@hookimpl\ndef reverser_select(): pass",
            "[plugins.mine]\na = 1",
            "plugins.mine: has no settings (leave the table out)",
        ),
        (
            "@hookimpl\ndef reverser_select(): pass",
            "[plugins.mind]\na = 1",
            "plugins.mind: is not an enabled plugin (did you mean mine?)",
        ),
        (
            "@hookimpl\ndef reverser_configure(settings): 1/0",
            "",
            "plugins.mine: ZeroDivisionError: division by zero",
        ),
    ],
)
def test_a_misfit_refuses_the_start(tmp_path: Path, code: str, more: str, told: str) -> None:
    """Each misfit is told with its place and a hint, and nothing is loaded."""
    assert any(told in problem for problem in problems(tmp_path, code, more))


def test_settings_are_checked_by_the_plugins_own_struct(tmp_path: Path) -> None:
    """All wrong values are told at once, with their key paths."""
    code = """
class Settings(msgspec.Struct):
    url: str
    retries: int = 3
    words: dict[str, str] = {}
@hookimpl
def reverser_settings(): return Settings
@hookimpl
def reverser_configure(settings): globals()["seen"] = settings
"""
    told = problems(tmp_path, code, '[plugins.mine]\nretries = "x"\nword = {}\nwords = {a = 1}')
    assert {text.partition(":")[0] for text in told} == {
        *("plugins.mine.url", "plugins.mine.retries", "plugins.mine.word", "plugins.mine.words.a")
    }

    host = host_of(tmp_path, code, '[plugins.mine]\nurl = "x"\nwords = {a = "b"}')
    seen = host.plugins[0].code.seen
    assert (seen.url, seen.retries, seen.words) == ("x", 3, {"a": "b"})


def test_a_setting_of_a_type_that_no_table_can_have_is_told(tmp_path: Path) -> None:
    """Who wrote the struct learns what it may be made of."""
    code = """
class Settings(msgspec.Struct):
    words: list[str] = []
@hookimpl
def reverser_settings(): return Settings
"""
    told = problems(tmp_path, code, "[plugins.mine]\nwords = []")

    assert "plugins.mine.words is of a type that settings cannot have; use str" in told[0]


def test_a_plugin_that_cannot_be_loaded_is_one_problem(tmp_path: Path) -> None:
    """Its table is not told to be nobody's."""
    assert problems(tmp_path, "1/0", "[plugins.mine]\na = 1") == [
        "plugins.mine: cannot be loaded: ZeroDivisionError: division by zero"
    ]


def test_a_changed_plugin_is_another_one(tmp_path: Path) -> None:
    """What a file decides is looked at anew when the file or its settings changed, and only then."""
    code = "@hookimpl\ndef reverser_select(): return {}"
    before = host_of(tmp_path, code.format("None")).fingerprint

    assert host_of(tmp_path, code.format("None")).fingerprint == before
    assert host_of(tmp_path, code.format("'x'")).fingerprint != before


def test_a_plugin_withholds_on_purpose(tmp_path: Path) -> None:
    """Its reason and its words are told, and it has not failed."""
    code = """
from reverser.errors import WithheldError
@hookimpl
def reverser_sanitize(): raise WithheldError("TooMany", "more than 50 replicas")
@hookimpl
def reverser_identity(): raise WithheldError("No", "no")
"""
    host = host_of(tmp_path, code)
    counted = Counted()
    host.count_with(counted)
    hooks = deciding(host)

    with pytest.raises(WithheldError) as caught:
        hooks.sanitize(*ABOUT, OBJECT)
    assert (caught.value.reason, caught.value.message) == ("TooMany", "plugin mine: more than 50 replicas")
    assert counted.failures == []
    assert "alice" in hooks.identity(ACTORS[0])


def test_an_unknown_plugin_refuses_the_start() -> None:
    """What is enabled must be there."""
    config = parse(
        f'{BASE}\n[plugins]\nenabled = ["tempalte", "builtin.layouts"]\npaths = ["template.py"]', {}
    )

    with pytest.raises(ConfigError) as caught:
        hosted(config, {})

    assert "did you mean template?" in str(caught.value)
    assert "'builtin.layouts' cannot be the name of a plugin" in str(caught.value)
    assert "template.py is not enabled" in str(caught.value)


BAD = {
    "raised": "1/0",
    "slow": "time.sleep(60)",
    "wrong": "return 7",
}


@pytest.mark.parametrize("reason", BAD)
def test_a_bad_hook_is_handled_by_its_rule(
    tmp_path: Path, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who raises, hangs or answers rubbish withholds the object, or is passed over; it is counted."""
    monkeypatch.setattr("reverser.plugins.watchdog.LIMIT_SECONDS", 0.05)
    names = ("exclude_type", "select", "sanitize", "layout", "identity", "message")
    code = "".join(f"@hookimpl\ndef reverser_{name}():\n    {BAD[reason]}\n" for name in names)
    host = host_of(tmp_path, code)
    counted = Counted()
    host.count_with(counted)
    hooks = deciding(host)

    assert hooks.exclude_type(TYPES["ConfigMap"]) == ""
    for strict in (
        lambda: hooks.leave_out(*ABOUT, {}, OBJECT),
        lambda: hooks.sanitize(*ABOUT, OBJECT),
        lambda: hooks.layout(*ABOUT, DESTINATION),
    ):
        with pytest.raises(WithheldError) as caught:
            strict()
        assert caught.value.reason == "PluginFailed"
        assert "plugin mine" in caught.value.message
    assert "alice" in hooks.identity(ACTORS[0])
    assert hooks.message(plan(OBJECT)).subject.startswith("[CREATE]")
    assert counted.failures == [(f"reverser_{name}", reason) for name in names]


def test_a_hook_that_will_not_end_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A loop that catches every exception is interrupted again, until it gives in."""
    monkeypatch.setattr("reverser.plugins.watchdog.LIMIT_SECONDS", 0.05)
    code = """
@hookimpl
def reverser_select():
    for _ in range(3):
        try:
            while True: pass
        except BaseException: pass
    while True: pass
"""
    hooks = deciding(host_of(tmp_path, code))

    with pytest.raises(WithheldError, match="took longer than"):
        hooks.leave_out(*ABOUT, {}, OBJECT)


ESCAPES = {
    "adds": 'content["data"]["new"] = "x"',
    "changes": 'content["data"]["k"] = "w"',
    "renames": 'content["metadata"]["name"] = "other"',
    "turns into a Secret": 'content["kind"] = "Secret"',
}


@pytest.mark.parametrize("escape", ESCAPES)
def test_a_sanitizer_cannot_add(tmp_path: Path, escape: str) -> None:
    """What goes further than taking away withholds the object, and names who did it."""
    hooks = deciding(host_of(tmp_path, f"@hookimpl\ndef reverser_sanitize(content):\n    {ESCAPES[escape]}"))

    with pytest.raises(WithheldError, match="plugin mine: reverser_sanitize"):
        hooks.sanitize(*ABOUT, OBJECT)


def test_a_failure_quotes_nothing_of_the_object(tmp_path: Path) -> None:
    """A plugin's error may hold values; what is told of it does not."""
    hooks = deciding(host_of(tmp_path, "@hookimpl\ndef reverser_select(obj): raise ValueError(obj)"))

    with pytest.raises(WithheldError) as caught:
        hooks.leave_out(*ABOUT, {}, make("ConfigMap", data={"k": "canary"}))

    assert "canary" not in caught.value.message
    assert caught.value.__cause__ is None


async def _until(done: Any) -> None:
    with trio.fail_after(10):
        while not done():
            await trio.sleep(0.01)


async def _opened(folder: Path, code: str, paused: list[bool] | None = None) -> Host:
    host = host_of(folder, code)
    await host.open(lambda _, state, about: (paused if paused is not None else []).append(bool(state)))
    return host


PUSH = Pushed("live", "main", "abc", ())


async def test_effects_come_in_order_and_nobody_waits(tmp_path: Path) -> None:
    """A hook that blocks its thread delays its own plugin only."""
    code = """
seen = []
@hookimpl
async def reverser_startup(): seen.append("up")
@hookimpl
async def reverser_pushed(push): time.sleep(0.2); seen.append(push.head)
@hookimpl
async def reverser_condition(condition): seen.append(condition.reason)
@hookimpl
async def reverser_shutdown(): seen.append("down")
"""
    host = await _opened(tmp_path, code)
    seen = host.plugins[0].code.seen
    assert seen == ["up"]
    before = trio.current_time()
    host.pushed(PUSH)
    host.condition(Condition("Stalled", "x", True, "Because", "y"))
    assert trio.current_time() - before < 0.1

    await _until(lambda: len(seen) == 3)
    await host.close()

    assert seen == ["up", "abc", "Because", "down"]


async def test_a_plugin_that_does_not_start_refuses_the_start(tmp_path: Path) -> None:
    """Its error is told with its name."""
    with pytest.raises(ConfigError, match=r"plugins.mine: did not start: ZeroDivisionError"):
        await _opened(tmp_path, "@hookimpl\nasync def reverser_startup(): 1/0")


async def test_a_plugin_reports_on_its_parts(tmp_path: Path) -> None:
    """What a plugin says of a part of itself is handed on with the part's name."""
    code = """
@hookimpl
async def reverser_startup(report):
    report("chat", "no answer")
    report("chat", "")
    report("", 7)
"""
    told: list[tuple[str, str, str]] = []
    host = host_of(tmp_path, code)

    await host.open(lambda plugin, what, about: told.append((plugin.name, what, about)))
    await host.close()

    assert told == [("mine", "no answer", "chat"), ("mine", "", "chat"), ("mine", "7", "unnamed")]


async def test_five_failures_in_a_row_pause_a_plugin(tmp_path: Path) -> None:
    """It is told once, and what waits is not lost."""
    code = "calls = []\n@hookimpl\nasync def reverser_pushed(push):\n    calls.append(push)\n    1/0"
    paused: list[bool] = []
    host = await _opened(tmp_path, code, paused)
    for _ in range(8):
        host.pushed(PUSH)

    await _until(lambda: paused)
    calls = host.plugins[0].code.calls
    await trio.testing.wait_all_tasks_blocked()

    assert paused == [True]
    assert len(calls) == 5
    await host.close()
    assert len(calls) == 8


async def test_a_plugin_that_blocks_every_call_is_one_trouble(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That it comes back from a call far too late is no recovery: a call that is well is."""
    monkeypatch.setattr("reverser.plugins.worker.LIMIT_SECONDS", 0.02)
    code = """
calls = []
@hookimpl
async def reverser_pushed(push):
    calls.append(push)
    time.sleep(0.1 if len(calls) < 4 else 0)
"""
    told: list[bool] = []
    host = await _opened(tmp_path, code, told)
    calls = host.plugins[0].code.calls
    for number in range(1, 4):
        host.pushed(PUSH)
        await _until(lambda number=number: len(calls) == number)
        while not told:
            host.condition(Condition("Stalled", "x", True, "Because", "y"))
            await trio.sleep(0.005)
    assert told == [True]

    host.pushed(PUSH)

    await _until(lambda: len(told) == 2)
    assert told == [True, False]
    await host.close()


async def test_a_plugin_that_never_ends_is_left_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process ends all the same."""
    monkeypatch.setattr("reverser.plugins.host.CLOSE_SECONDS", 0.2)
    host = await _opened(tmp_path, "@hookimpl\nasync def reverser_pushed(push): time.sleep(3)")
    host.pushed(PUSH)
    began = time.monotonic()

    await host.close()

    assert time.monotonic() - began < 2
    assert any(thread.name == "plugin mine" for thread in threading.enumerate())


def test_the_contract_finds_what_is_wrong() -> None:
    """Impure answers, changed arguments, unsafe paths, shared paths, and cleaning that never settles."""
    from tests.integration import badplugin

    told = "\n".join(contract(badplugin))

    for expected in (
        "reverser_select changes its arguments",
        "reverser_identity answers differently when asked again",
        "reverser_message answered with int",
        "reverser_sanitize changes again what it has cleaned",
        "into one file",
    ):
        assert expected in told, told


def test_the_contract_tells_what_a_plugin_raises() -> None:
    """A hook that raises, and settings that do not fit, are told and do not end the check."""

    class Raising:
        @hookimpl
        def reverser_settings(self) -> type[Settings]:
            return Settings

        @hookimpl
        def reverser_sanitize(self) -> None:
            raise KeyError("spec")

    assert contract(Raising(), {"token": "literal"}) == ["reverser_sanitize raises KeyError: 'spec'"]
    assert contract(Raising()) == ['plugins.plugin.token: is missing (add token = "…")']


def test_the_built_in_plugins_keep_the_contract() -> None:
    """What is asked of others holds for us."""
    built_in = BuiltInHooks()

    class AsPlugin:
        @hookimpl
        def reverser_exclude_type(self, resource: ResourceType) -> str | None:
            return built_in.exclude_type(resource) or None

        @hookimpl
        def reverser_select(
            self, key: ObjectKey, resource: ResourceType, labels: dict[str, str], obj: dict[str, Any]
        ) -> str | None:
            return built_in.leave_out(key, resource, labels, obj) or None

        @hookimpl
        def reverser_layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
            return built_in.layout(key, resource, destination)

        @hookimpl
        def reverser_identity(self, actor: Actor) -> str:
            return built_in.identity(actor)

        @hookimpl
        def reverser_message(self, plan: CommitPlan) -> Message:
            return built_in.message(plan)

    assert {name for names in BUILT_IN.values() for name in names} == {
        name for name in vars(AsPlugin) if name.startswith("reverser_")
    }
    assert contract(AsPlugin()) == []


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_built_in_plugin_is_left_out_alone(name: str) -> None:
    """Without it nobody answers its hooks, and the others answer as before."""
    pod = make("ConfigMap", "kube-root-ca.crt")
    about = (key_of(pod), TYPES["ConfigMap"])

    def answers(hooks: BuiltInHooks) -> dict[str, str]:
        try:
            path = hooks.layout(*about, DESTINATION)
        except WithheldError as error:
            path = error.reason
        return {
            "builtin.exclusions": hooks.leave_out(*about, {}, pod),
            "builtin.layouts": path,
            "builtin.identities": hooks.identity(ACTORS[0]),
            "builtin.messages": hooks.message(plan(pod)).subject,
        }

    every, without = answers(BuiltInHooks()), answers(BuiltInHooks(disabled=[name]))

    nobody = {"builtin.layouts": "NoPath", "builtin.identities": NOBODY}.get(name, "")
    assert without == {**every, name: nobody}
    assert every[name] != nobody
