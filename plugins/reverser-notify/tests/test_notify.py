"""What targets get: over real HTTP, signed, in their own form, and again when it did not work."""

from __future__ import annotations

import base64
import hashlib
import hmac
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import reverser_notify as plugin
import trio
from receiver import Received, receiver
from reverser_notify.patience import Pace, backoff, retry_after
from reverser_notify.settings import Settings

from reverser.model.condition import Condition
from reverser.model.push import Pushed, PushedCommit
from reverser.testing import contract

COMMIT = PushedCommit(
    "c" * 40, "Alice <a@example.com>", 1767225600.0, 'say "<hi>" & *go*\n\nbody\n', ("shop/a.yaml",), ()
)
PUSH = Pushed("live", "main", "c" * 40, (COMMIT,))
CONDITION = Condition("Stalled", "destination/live", True, "Denied", "the remote knows us not; see é")
CLOUD = "application/cloudevents+json; charset=utf-8"


def settings(**target: Any) -> dict[str, Any]:
    """A table with one target."""
    return {"source": "https://example.com/a b", "targets": [{"name": "hook", **target}]}


@asynccontextmanager
async def running(**target: Any) -> AsyncIterator[None]:
    """The plugin between start and end, with settings as TOML gives them."""
    assert contract(plugin, settings(**target)) == []
    await plugin.reverser_startup()
    try:
        yield
    finally:
        await plugin.reverser_shutdown()


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
        async with running(url=server.url):
            await plugin.reverser_pushed(PUSH)
            await plugin.reverser_condition(CONDITION)
        ids = [each.json["id"] for each in server.received]

    assert ids[:3] == [f"live/{'c' * 40}"] * 3
    assert len(ids) == 4


async def test_a_final_answer_is_a_failure(tmp_path: Path) -> None:
    """Nothing is tried again that cannot work, nothing follows a redirect, and the host is told."""
    with receiver((403, {}), (302, {"Location": "/elsewhere"})) as server:
        async with running(url=server.url):
            for _ in range(2):
                with pytest.raises(plugin.NotDeliveredError, match="hook"):
                    await plugin.reverser_pushed(PUSH)
            await plugin.reverser_pushed(PUSH)
        assert len(server.received) == 3
    async with running(url="ftp://example.com"):
        with pytest.raises(plugin.NotDeliveredError):
            await plugin.reverser_pushed(PUSH)
    async with running(url={"file": str(tmp_path / "missing")}, retry_seconds=0.1):
        with pytest.raises(plugin.NotDeliveredError):
            await plugin.reverser_pushed(PUSH)


async def test_a_wish_to_wait_is_heeded() -> None:
    """Who asks for more time than a message has is not asked again."""
    with receiver((429, {"Retry-After": "3600"})) as server:
        async with running(url=server.url, retry_seconds=60):
            with pytest.raises(plugin.NotDeliveredError):
                await plugin.reverser_pushed(PUSH)
            await plugin.reverser_condition(CONDITION)
        assert [got.json["type"].rpartition(".")[2] for got in server.received] == ["pushed", "condition"]


async def test_a_call_ends_though_its_target_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """The message is tried further after the call has failed, and arrives."""
    monkeypatch.setattr(plugin, "WAIT_SECONDS", 0.3)
    with receiver((500, {"Retry-After": "1"})) as server:
        async with running(url=server.url):
            with pytest.raises(plugin.NotDeliveredError):
                await plugin.reverser_pushed(PUSH)
            assert len(server.received) == 1
            await server.got(2)


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
    assert [retry_after(value, 0.0) for value in (None, "", "soon", "-1")] == [0.0] * 4


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
    monkeypatch.setattr(plugin, "WAIT_SECONDS", 0.1)
    with receiver(*[(503, {})] * 20) as server, trio.fail_after(10):
        async with running(url=server.url):
            with pytest.raises(plugin.NotDeliveredError):
                await plugin.reverser_pushed(PUSH)
        assert plugin.couriers[0].waiting == 1
