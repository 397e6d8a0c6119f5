"""What targets get: over real HTTP, signed, in their own form, and again when it did not work."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import reverser_notify as plugin
import trio
from receiver import Received, receiver
from reverser_notify.retry import Pace, backoff, retry_after
from reverser_notify.settings import Settings

from reverser.model.condition import Condition
from reverser.model.push import Pushed, PushedCommit
from reverser.testing import contract

COMMIT = PushedCommit(
    "c" * 40, "Alice <a@example.com>", 1767225600.0, 'say "<hi>" & *go*\n\nbody\n', ("shop/a.yaml",), ()
)
PUSH = Pushed("live", "main", "c" * 40, (COMMIT,))
ENDLESS = "Mon, 01 Jan 2020 00:00:00 +99999999999999999999"
LATER = Pushed("live", "main", "d" * 40, (COMMIT,))
CONDITION = Condition("Stalled", "destination/live", True, "Denied", "the remote knows us not; see é")
CLOUD = "application/cloudevents+json; charset=utf-8"


def settings(**target: Any) -> dict[str, Any]:
    """A table with one target."""
    return {"source": "https://example.com/a b", "targets": [{"name": "hook", **target}]}


Reports = list[tuple[str, str]]
"""(target, what is wrong with it)."""


@asynccontextmanager
async def started(table: dict[str, Any]) -> AsyncIterator[Reports]:
    """The plugin between start and end, and what it reports of its targets."""
    assert contract(plugin, table) == []
    reports: Reports = []
    await plugin.reverser_startup(lambda about, what: reports.append((about, what)))
    try:
        yield reports
    finally:
        await plugin.reverser_shutdown()


@asynccontextmanager
async def running(**target: Any) -> AsyncIterator[Reports]:
    """The same, with one target as TOML gives it."""
    async with started(settings(**target)) as reports:
        yield reports


async def until(done: Callable[[], object]) -> None:
    """Wait until something is so."""
    with trio.fail_after(20):
        while not done():
            await trio.sleep(0.01)


async def told(push: Pushed | None = PUSH, **target: Any) -> Received:
    """The one request that a push, or the condition, leads to."""
    with receiver() as server:
        async with running(url=server.url + target.pop("path", ""), **target):
            await (plugin.reverser_pushed(push) if push else plugin.reverser_condition(CONDITION))
        assert len(server.received) == 1
        return server.received[0]


async def test_structured_cloud_events() -> None:
    """Attributes and data are one JSON document of the CloudEvents media type."""
    got = await told()

    assert (got.method, got.headers["content-type"]) == ("POST", CLOUD)
    event = got.json
    assert {name: event[name] for name in ("specversion", "id", "source", "type", "subject")} == {
        "specversion": "1.0",
        "id": f"live/{'c' * 40}",
        "source": "https://example.com/a b",
        "type": "io.gitops-reverser.pushed",
        "subject": "live",
    }
    assert event["time"].endswith("Z")
    assert event["data"]["commits"][0]["written"] == ["shop/a.yaml"]
    assert event["data"]["commits"][0]["authored_at"] == "2026-01-01T00:00:00Z"


async def test_binary_cloud_events() -> None:
    """Attributes are headers, percent-encoded where a header cannot hold them; the body is the data."""
    got = await told(None, format="cloudevents-binary")

    assert got.headers["ce-specversion"] == "1.0"
    assert got.headers["ce-type"] == "io.gitops-reverser.condition"
    assert got.headers["ce-source"] == "https://example.com/a%20b"
    assert got.headers["content-type"].startswith("application/json")
    assert got.json["message"] == CONDITION.message
    assert "ce-datacontenttype" not in got.headers


@pytest.mark.parametrize("path", ["", "/services/T/B/x?y=1"])
async def test_slack(path: str) -> None:
    """What Slack would take for markup is escaped, and the URL is used as it is."""
    got = await told(format="slack", path=path)

    assert got.path == (path or "/")
    assert got.json == {
        "text": '1 commit new in live (main) by Alice: say "&lt;hi&gt;" &amp; *go*',
    }


async def test_teams() -> None:
    """An Adaptive Card in whose text nothing is markup."""
    got = await told(None, format="teams", condition="$reason: $message")

    (attachment,) = got.json["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    (block,) = attachment["content"]["body"]
    assert block == {
        "type": "RichTextBlock",
        "inlines": [{"type": "TextRun", "text": f"Denied: {CONDITION.message}"}],
    }


async def test_matrix() -> None:
    """A notice in the room, under an id that makes a repetition harmless."""
    got = await told(format="matrix", room="!a:example.com", token="secret")
    again = await told(format="matrix", room="!a:example.com", token="secret")

    assert got.method == "PUT"
    assert got.path.startswith("/_matrix/client/v3/rooms/%21a%3Aexample.com/send/m.room.message/")
    assert got.path == again.path
    assert got.headers["authorization"] == "Bearer secret"
    assert got.json["msgtype"] == "m.notice"


async def test_json_by_template() -> None:
    """Words go into the texts of the document and cannot break it."""
    body = '{"a": ["$text", 1], "b": {"c": "$$ $subject"}}'
    got = await told(
        format="json", body=body, events=["pushed"], pushed="$subject", headers={"X-Team": "shop"}
    )

    assert got.headers["x-team"] == "shop"
    assert got.json == {"a": ['say "<hi>" & *go*', 1], "b": {"c": '$ say "<hi>" & *go*'}}
    assert (await told(format="json")).json["commit_count"] == 1


@pytest.mark.parametrize(("key", "raw"), [("plain", b"plain"), ("whsec_AAEC", b"\0\1\2")])
async def test_requests_are_signed(tmp_path: Path, key: str, raw: bytes) -> None:
    """Who has the key can tell that the body is ours, as Standard Webhooks says."""
    file = tmp_path / "key"
    file.write_text(key + "\n")
    got = await told(signing_key={"file": str(file)})

    signed = f"{got.headers['webhook-id']}.{got.headers['webhook-timestamp']}.".encode() + got.body
    mac = base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
    assert got.headers["webhook-signature"] == f"v1,{mac}"


async def test_failures_are_tried_again_in_order() -> None:
    """What the server could not take comes again, unchanged, before what follows."""
    with receiver((503, {}), (429, {"Retry-After": "1"})) as server:
        async with running(url=server.url) as reports:
            await plugin.reverser_pushed(PUSH)
            await plugin.reverser_pushed(LATER)
            await server.got(4)
        ids = [each.json["id"] for each in server.received]

    assert ids == [f"live/{'c' * 40}"] * 3 + [f"live/{'d' * 40}"]
    assert reports == []


async def test_a_final_answer_is_reported_once(tmp_path: Path) -> None:
    """Nothing is tried again that cannot work, nothing follows a redirect, and the target is a condition."""
    with receiver((403, {}), (302, {"Location": "/elsewhere"})) as server:
        async with running(url=server.url) as reports:
            for push in (PUSH, LATER, PUSH):
                await plugin.reverser_pushed(push)
        assert len(server.received) == 3
    assert reports == [("hook", "messages are not delivered: answer 403"), ("hook", "")]
    async with running(url="ftp://example.com") as reports:
        await plugin.reverser_pushed(PUSH)
    assert reports == [("hook", "messages are not delivered: url must begin with http:// or https://")]
    async with running(url={"file": str(tmp_path / "missing")}, retry_seconds=0.1) as reports:
        await plugin.reverser_pushed(PUSH)
    assert [about for about, _ in reports] == ["hook"]


async def test_a_wish_to_wait_is_heeded() -> None:
    """Who asks for more time than a message has is not asked again."""
    with receiver((429, {"Retry-After": "3600"})) as server:
        async with running(url=server.url, retry_seconds=60) as reports:
            await plugin.reverser_pushed(PUSH)
            await plugin.reverser_pushed(LATER)
        assert [got.json["id"][-1] for got in server.received] == ["c", "d"]
    assert reports == [("hook", "messages are not delivered: answer 429"), ("hook", "")]


async def test_one_dead_target_delays_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """A call waits for no target: who is well hears of every push at once, who is not is a condition."""
    with receiver(*[(503, {})] * 1000) as down, receiver() as good:
        targets = [{"name": "down", "url": down.url}, {"name": "good", "url": good.url, "per_minute": 6000}]
        async with started({"targets": targets}) as reports:
            for number in range(20):
                await plugin.reverser_pushed(Pushed("live", "main", f"{number:040}", (COMMIT,)))
            await good.got(20)
            await until(lambda: reports)
            assert [each.target.name for each in plugin.couriers if each.waiting] == ["down"]
            monkeypatch.setattr(plugin, "LAST_SECONDS", 0.1)

    assert [got.json["id"] for got in good.received] == [f"live/{number:040}" for number in range(20)]
    assert reports == [("down", "messages are not delivered: answer 503")]


async def test_conditions_go_before_news() -> None:
    """That something stalled is told before pushes that wait, also before one that is tried again."""
    with receiver((503, {"Retry-After": "3"})) as server:
        async with running(url=server.url):
            await plugin.reverser_pushed(PUSH)
            await server.got(1)
            await plugin.reverser_pushed(LATER)
            await plugin.reverser_condition(CONDITION)
            await server.got(4)
        told = [got.json["type"].rpartition(".")[2] for got in server.received]

    assert told == ["pushed", "condition", "pushed", "pushed"]


async def test_news_make_room_for_conditions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is bounded; where something must go it is the oldest push, not what a person must know."""
    monkeypatch.setattr("reverser_notify.courier.WAITING_MOST", 3)
    with receiver((503, {"Retry-After": "3"})) as server:
        async with running(url=server.url):
            await plugin.reverser_pushed(PUSH)
            await server.got(1)
            for _ in range(2):
                await plugin.reverser_condition(CONDITION)
                await plugin.reverser_pushed(LATER)
            await server.got(4)
        told = [got.json["type"].rpartition(".")[2] for got in server.received]

    assert told == ["pushed", "condition", "condition", "pushed"]


@pytest.mark.parametrize("header", [ENDLESS, "1" * 400, "\xff", "-"])
async def test_no_answer_ends_the_plugin(header: str) -> None:
    """However odd a header is, later messages arrive."""
    with receiver((503, {"Retry-After": header})) as server:
        async with running(url=server.url, retry_seconds=5):
            await plugin.reverser_pushed(PUSH)
            await server.got(1)
            await plugin.reverser_condition(CONDITION)
            await until(lambda: any("condition" in got.json["type"] for got in server.received))


async def test_no_error_of_one_delivery_ends_the_plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """An error that nobody expected loses one message, quotes nothing, and is reported until one arrives."""
    with receiver() as server:
        async with running(url=server.url) as reports:
            real = plugin.couriers[0]._attempt
            monkeypatch.setattr(plugin.couriers[0], "_attempt", fails_once(real))
            await plugin.reverser_pushed(PUSH)
            await plugin.reverser_pushed(LATER)
            await server.got(1)

    assert server.received[0].json["id"].endswith("d")
    assert reports == [("hook", "messages are not delivered: RuntimeError"), ("hook", "")]


def fails_once(real: Callable[..., Any]) -> Callable[..., Any]:
    """The function, but for its first call."""
    calls: list[object] = []

    async def attempt(parcel: object) -> Any:
        calls.append(parcel)
        if len(calls) == 1:
            raise RuntimeError("hush")
        return await real(parcel)

    return attempt


async def test_conditions_of_targets_lead_to_no_more(tmp_path: Path) -> None:
    """A target hears that another fails; whether it could be told that is no reason for a condition."""
    failing = Condition("Stalled", "plugin/notify/other", True, "PluginFailed", "messages are not delivered")
    with receiver((403, {})) as server:
        table = settings(url=server.url)
        table["targets"].append({"name": "other", "url": server.url, "events": ["pushed"]})
        async with started(table) as reports:
            await plugin.reverser_condition(failing)
            await plugin.reverser_condition(failing)
            await server.got(2)

    assert reports == []


async def test_targets_choose_what_they_are_told() -> None:
    """By kind, and by destination."""
    with receiver() as server:
        async with running(url=server.url, events=["pushed"], destinations=["prod-*"]):
            await plugin.reverser_condition(CONDITION)
            await plugin.reverser_pushed(PUSH)
            await plugin.reverser_pushed(Pushed("prod-eu", "main", "d" * 40, (COMMIT,) * 150))
        (got,) = server.received

    assert (got.json["data"]["commit_count"], len(got.json["data"]["commits"])) == (150, 100)


def test_the_pace_is_kept() -> None:
    """A tenth of a minute's requests at once, then one after the other."""
    pace = Pace(60)

    assert [pace.wait(1000.0) for _ in range(8)] == [0, 0, 0, 0, 0, 0, 1.0, 2.0]
    assert pace.wait(1060.0) == 0
    assert [Pace(1).wait(5.0)] == [0]


def test_waiting_grows_and_heeds_the_other_side() -> None:
    """Never above a minute of our own; `Retry-After` is read as a number or a date."""
    rng = random.Random(1)

    assert all(0.25 <= backoff(n, rng) <= min(60.0, 0.5 * 2**n) for n in range(1, 40))
    assert retry_after("120", 0.0) == 120.0
    assert retry_after("Thu, 01 Jan 1970 00:01:00 GMT", 10.0) == 50.0
    assert [retry_after(value, 0.0) for value in (None, "", "soon", "-1", ENDLESS)] == [0.0] * 5


@pytest.mark.parametrize(
    ("target", "told"),
    [
        ({"format": "matrix"}, "needs a room"),
        ({"pushed": "$nope"}, "$nope is not one of"),
        ({"pushed": "$5"}, "written twice"),
        ({"body": "{}"}, "only for format"),
        ({"format": "json", "body": "{"}, "hook"),
        ({"format": "json", "body": '{"a": "$branch"}'}, "$branch is not one of kind, text"),
        ({"per_minute": 0}, "above 0"),
        ({"format": "xml"}, "must be"),
    ],
)
def test_settings_that_cannot_work_refuse_the_start(target: dict[str, Any], told: str) -> None:
    """Each is told with what would be right."""
    assert told in contract(plugin, settings(url="http://localhost", **target))[0]


def test_secrets_are_not_shown() -> None:
    """Neither the URL nor a key is in what settings look like."""
    assert contract(plugin, settings(url="http://localhost/hush", token="hush")) == []
    assert isinstance(plugin.settings, Settings)
    assert "hush" not in repr(plugin.settings)


async def test_nothing_waits_for_ever_at_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A target that is away does not hold up the end of the process."""
    monkeypatch.setattr(plugin, "LAST_SECONDS", 0.1)
    with receiver(*[(503, {})] * 20) as server, trio.fail_after(10):
        async with running(url=server.url):
            await plugin.reverser_pushed(PUSH)
        assert plugin.couriers[0].waiting == 1
