"""One stream against a scripted API server: lists, watches, and every way in which they break."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from reverser.kube.client import Client
from tests.integration.observing import PATH, Follow, Followed, connected, following, hurry, scripted, until
from tests.integration.scripted import (
    Answer,
    Scripted,
    bookmark,
    document,
    end_of_list,
    error,
    event,
    lines,
    page,
    status,
)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off in milliseconds."""
    hurry(monkeypatch)


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    return await scripted(nursery)


@pytest.fixture
async def client(api: Scripted, tmp_path: Path) -> AsyncIterator[Client]:
    async with connected(api, tmp_path) as opened:
        yield opened


@pytest.fixture
def follow(api: Scripted, client: Client, nursery: trio.Nursery) -> Follow:
    return following(api, client, nursery)


async def test_a_streaming_list_goes_on_as_the_watch(api: Scripted, follow: Follow) -> None:
    """One connection brings the list, its end, and then live changes and bookmarks."""
    followed = follow(
        lines(
            event("ADDED", "a", 1),
            event("ADDED", "b", 2),
            end_of_list(7),
            event("MODIFIED", "a", 8),
            bookmark(9),
            event("DELETED", "b", 10),
        )
    )

    await followed.taken.until(
        "list", "snapshot +a", "snapshot +b", "listed 7", "live +a 8", "at 9", "live -b 10"
    )
    assert api.requests[0].query["sendInitialEvents"] == "true"
    assert 240 <= int(api.requests[0].query["timeoutSeconds"]) <= 480
    assert followed.told.calls == ["listed configmaps 2"]
    assert len(api.requests) == 1


async def test_deletion_counts_from_the_intent(follow: Follow) -> None:
    """An object with a deletionTimestamp is deleted, and so is it when it is finally gone."""
    dying = {"deletionTimestamp": "2024-05-06T07:08:09Z"}
    followed = follow(
        lines(event("MODIFIED", "a", 8, metadata=dying), event("DELETED", "a", 9, metadata=dying)),
        position="7",
    )

    await followed.taken.until("live -a 8", "live -a 9")


async def test_a_position_is_resumed_without_a_list(api: Scripted, follow: Follow) -> None:
    """A stream that knows its position asks for what came after it and lists nothing."""
    followed = follow(lines(event("ADDED", "a", 8)), position="7")

    await followed.taken.until("live +a 8")
    assert api.requests[0].query["resourceVersion"] == "7"
    assert "sendInitialEvents" not in api.requests[0].query
    assert followed.watch.tried.is_set()


async def test_a_clean_close_is_routine(api: Scripted, follow: Follow) -> None:
    """A watch that the server closes goes on from its last position, and nobody is told."""
    followed = follow(lines(event("ADDED", "a", 8), then="end"), lines(event("ADDED", "b", 9)), position="7")

    await followed.taken.until("live +a 8", "live +b 9")
    assert [request.query["resourceVersion"] for request in api.requests] == ["7", "8"]
    assert followed.told.restarts == followed.told.calls == []


@pytest.mark.parametrize(
    "refusal",
    [
        status(410, "Gone"),
        lines(error(410, "Expired")),
        lines(error(410, "Gone")),
        lines({"type": "ERROR", "object": {"kind": "Status", "reason": "Expired"}}),
        status(400, "Expired"),
    ],
    ids=["http", "event", "event-gone", "event-reason-only", "http-reason-only"],
)
async def test_an_expired_position_means_a_new_list(api: Scripted, follow: Follow, refusal: Answer) -> None:
    """410 in each of its shapes starts a list, and is no failure of the type."""
    followed = follow(refusal, lines(event("ADDED", "a", 20), end_of_list(21)), position="7")

    await followed.taken.until("list", "snapshot +a", "listed 21")
    assert followed.told.restarts == ["expired"]
    assert followed.told.errors == []


@pytest.mark.parametrize(
    "refusal",
    [
        status(400, "BadRequest"),
        status(422, "Invalid"),
        status(500, ""),
        lines(error(400, "BadRequest")),
        lines(error(500, "InternalError")),
    ],
    ids=["400", "422", "500", "event-400", "event-500"],
)
async def test_a_position_that_is_refused_means_a_new_list(follow: Follow, refusal: Answer) -> None:
    """A position that the server calls rubbish is told of, and the type is listed again."""
    followed = follow(
        refusal,
        lines(event("ADDED", "a", 20), end_of_list(21), event("MODIFIED", "a", 22)),
        position="rubbish",
    )

    await followed.taken.until("list", "snapshot +a", "listed 21", "live +a 22")
    assert followed.told.restarts == ["rejected"]
    assert "'rubbish'" in followed.told.errors[0].message
    assert followed.told.calls == ["failed configmaps", "recovered configmaps", "listed configmaps 1"]


async def test_a_server_that_refuses_every_watch_is_listed_once(api: Scripted, follow: Follow) -> None:
    """Where the server's own position is refused, too, another list would not help."""
    followed = follow(
        status(400, "BadRequest"),
        lines(end_of_list(21), then="end"),
        status(400, "BadRequest"),
        status(400, "BadRequest"),
        status(400, "BadRequest"),
        lines(event("ADDED", "a", 22)),
        position="7",
    )

    await followed.taken.until("list", "listed 21", "live +a 22")
    assert followed.told.restarts == ["rejected"] + ["server_error"] * 3


async def test_a_server_that_always_expires_is_not_hammered(api: Scripted, follow: Follow) -> None:
    """A server that answers 410 again and again is asked at growing intervals."""
    followed = follow(status(410, "Expired"), position="7")
    await until(lambda: followed.told.restarts)

    with trio.move_on_after(0.3):
        await trio.sleep_forever()

    assert len(api.requests) < 40


async def test_a_broken_list_is_never_completed(follow: Follow) -> None:
    """A list that breaks off before its end mark starts over; only the second one counts."""
    whole = lines(event("ADDED", "a", 1), event("ADDED", "b", 2), end_of_list(3))
    followed = follow(lines(event("ADDED", "a", 1), then="break"), whole)

    await followed.taken.until("list", "snapshot +a", "list", "snapshot +a", "snapshot +b", "listed 3")
    assert followed.told.calls == ["failed configmaps", "recovered configmaps", "listed configmaps 2"]


@pytest.mark.parametrize("then", ["end", "break"])
async def test_half_a_line_is_no_event(api: Scripted, follow: Follow, then: str) -> None:
    """A line without its newline is dropped and comes again after the last whole one."""
    followed = follow(
        lines(event("ADDED", "a", 8), '{"type": "ADDED", "obj', then=then),
        lines(event("ADDED", "b", 9)),
        position="7",
    )

    await followed.taken.until("live +a 8", "live +b 9")
    assert api.requests[1].query["resourceVersion"] == "8"


@pytest.mark.parametrize(
    "garbage",
    [
        "what?\n",
        "{}\n",
        '{"type": "ADDED", "object": []}\n',
        '{"type": "ADDED", "object": {"metadata": 5}}\n',
        '{"type": "ADDED", "object": {"metadata": {"name": {}}}}\n',
        '{"type": "ADDED", "object": ' + "[" * 3000 + "]" * 3000 + "}\n",
    ],
    ids=["text", "empty", "no-object", "no-metadata", "no-name", "too-deep"],
)
async def test_garbage_is_survived(api: Scripted, follow: Follow, garbage: str) -> None:
    """A line that makes no sense is a failure of the stream, which goes on from its last position."""
    followed = follow(
        lines(event("ADDED", "a", 8), garbage, event("ADDED", "x", 99)),
        lines(event("ADDED", "b", 9)),
        position="7",
    )

    await followed.taken.until("live +a 8", "live +b 9")
    assert followed.told.restarts == ["garbled"]
    assert api.requests[1].query["resourceVersion"] == "8"


async def test_unicode_line_breaks_do_not_split_events(follow: Follow) -> None:
    """U+2028, U+2029 and U+0085 inside a value stay inside it."""
    value = "one\u2028two\u2029three\u0085four"
    followed = follow(lines(event("ADDED", "a", 8, data={"text": value})), position="7")

    await followed.taken.until("live +a 8")
    assert followed.taken.changes[0].object["data"] == {"text": value}


async def test_an_event_may_be_large_and_come_in_pieces(follow: Follow) -> None:
    """1.5 MB in one object arrive whole, wherever the network cuts."""
    value = "é" * 750_000
    followed = follow(
        lines(event("ADDED", "a", 8, data={"text": value}), event("ADDED", "b", 9)), position="7"
    )

    await followed.taken.until("live +a 8", "live +b 9")
    assert followed.taken.changes[0].object["data"]["text"] == value


async def test_silence_means_a_new_connection(api: Scripted, follow: Follow) -> None:
    """A stream on which nothing comes for too long is opened anew at its last position."""
    followed = follow(
        lines(event("ADDED", "a", 8)), lines(event("ADDED", "b", 9)), position="7", silence_seconds=0.2
    )

    await followed.taken.until("live +a 8", "live +b 9")
    assert followed.told.restarts[0] == "silence"
    assert followed.told.errors == []
    assert api.requests[1].query["resourceVersion"] == "8"


async def test_a_busy_server_is_obeyed(api: Scripted, follow: Follow) -> None:
    """After a 429 the stream waits for as long as Retry-After says."""
    began = trio.current_time()
    followed = follow(status(429, "TooManyRequests", "Retry-After: 1"), lines(end_of_list(3)))

    await until(lambda: followed.told.calls[-1:] == ["listed configmaps 0"])

    assert trio.current_time() - began >= 1
    assert followed.told.restarts == ["overloaded"]


async def test_other_errors_back_off_and_resume(api: Scripted, follow: Follow) -> None:
    """An ERROR event that is no 410, a 500, and a refused watch keep the position."""
    followed = follow(
        lines(error(500, "InternalError")),
        status(503, "ServiceUnavailable"),
        status(403, "Forbidden"),
        lines(event("ADDED", "a", 8)),
        position="7",
    )

    await followed.taken.until("live +a 8")
    assert {request.query["resourceVersion"] for request in api.requests} == {"7"}
    assert followed.told.restarts == ["server_error", "server_error", "forbidden"]
    assert followed.told.calls == ["failed configmaps"] * 3 + ["recovered configmaps"]


async def test_a_type_that_is_not_there_yet_is_asked_again(
    api: Scripted, follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """404 waits, but no longer than until discovery has answered; then the type is listed."""
    monkeypatch.setattr("reverser.kube.stream_health.RETRY_SECONDS", 3600)
    monkeypatch.setattr("reverser.kube.stream_health.RETRY_SECONDS_MOST", 3600)
    followed = follow(status(404, "NotFound"), lines(end_of_list(3)), position="2")
    await until(lambda: followed.told.errors)

    followed.watch.discovered(served=True)

    await followed.taken.until("list", "listed 3")


async def test_a_type_that_discovery_dropped_is_no_failure(api: Scripted, follow: Follow) -> None:
    """404 of a type that is gone is tried again, but nobody is told of a failure."""
    followed = follow(lines(then="end"), status(404, "NotFound"), position="2")
    followed.watch.discovered(served=False)

    await until(lambda: len(followed.told.restarts) > 2)

    assert followed.told.errors == []


@pytest.mark.parametrize("code", [400, 422])
async def test_a_server_without_streaming_lists_is_paged(api: Scripted, follow: Follow, code: int) -> None:
    """A refused streaming list is taken page by page; items get the type's apiVersion and kind."""
    followed = follow(
        status(code, "Invalid"),
        document(page("a", "b", token="more")),
        document(page("c")),
        lines(event("MODIFIED", "a", 11)),
    )

    await followed.taken.until("list", "snapshot +a", "snapshot +b", "snapshot +c", "listed 10", "live +a 11")
    assert [request.query.get("limit") for request in api.requests] == [None, "20", "80", None]
    assert api.requests[2].query["continue"] == "more"
    assert api.requests[3].query["resourceVersion"] == "10"
    first = followed.taken.changes[0].object
    assert (first["apiVersion"], first["kind"]) == ("v1", "ConfigMap")
    assert followed.lists.paged == {""}


async def test_heavy_objects_are_listed_few_at_a_time(api: Scripted, follow: Follow) -> None:
    """A page is chosen by what the one before it weighed, so that it takes some 16 MiB at most."""
    heavy = page("a", "b", token="more")
    for item in heavy["items"]:
        item["data"] = {"big": "x" * 1_500_000}
    followed = follow(status(400, "Invalid"), document(heavy), document(page("c")), lines())

    await followed.taken.until("list", "snapshot +a", "snapshot +b", "snapshot +c", "listed 10")
    assert [request.query.get("limit") for request in api.requests[:3]] == [None, "20", "11"]


async def test_a_server_that_wants_pages_of_one_size_gets_them(api: Scripted, follow: Follow) -> None:
    """Where another limit is refused, the rest of the list is taken by the first one."""
    followed = follow(
        status(400, "Invalid"),
        document(page("a", token="more")),
        status(400, "BadRequest"),
        document(page("b", token="even more")),
        document(page("c")),
        lines(),
    )

    await followed.taken.until("list", "snapshot +a", "snapshot +b", "snapshot +c", "listed 10")
    limits = [request.query.get("limit") for request in api.requests[:5]]
    assert limits == [None, "20", "80", "20", "20"]


async def test_a_server_that_ignores_streaming_lists_is_paged(
    follow: Follow, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Objects without an end mark are not taken for a list; pages are."""
    monkeypatch.setattr("reverser.kube.lists.SILENCE_SECONDS", 0.2)
    followed = follow(lines(event("ADDED", "a", 1)), document(page("a")), lines())

    await followed.taken.until("list", "snapshot +a", "list", "snapshot +a", "listed 10")


async def test_a_page_token_that_expired_starts_the_list_over(follow: Follow) -> None:
    """A list of which one page came and the next is 410 is no list."""
    followed = follow(
        status(422, "Invalid"),
        document(page("a", token="more")),
        status(410, "Expired"),
        document(page("a", "b", version=20)),
        lines(),
    )

    await followed.taken.until("list", "snapshot +a", "list", "snapshot +a", "snapshot +b", "listed 20")
    assert followed.told.restarts == ["expired"]


async def test_a_full_channel_holds_the_stream_up_but_breaks_nothing(
    api: Scripted, client: Client, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While nobody takes observations, a list waits; it is neither given up nor taken twice."""
    monkeypatch.setattr("reverser.kube.lists.SILENCE_SECONDS", 0.2)
    names = [f"n{number}" for number in range(200)]
    api.script[PATH] = [lines(*(event("ADDED", name, 1) for name in names), end_of_list(3))]
    followed = Followed(client, 0.2)
    nursery.start_soon(followed.watch.run, "")
    await until(lambda: followed.taken.send.statistics().tasks_waiting_send)
    await trio.sleep(0.5)

    nursery.start_soon(followed.taken.run)

    await followed.taken.until("list", *(f"snapshot +{name}" for name in names), "listed 3")
    assert len(api.requests) == 1


async def test_a_server_that_closes_at_once_is_not_hammered(api: Scripted, follow: Follow) -> None:
    """A watch that ends as soon as it begins is opened again after a pause."""
    followed = follow(lines(then="end"), position="7")

    await until(lambda: len(api.requests) > 3)

    assert len(api.requests) < 10
    assert followed.told.errors == []


ODD = f'{{"metadata":{{"name":"odd","resourceVersion":"4"}},"spec":{{"a":{"1" * 5000}}}}}'
"""A number that our parser refuses."""
GOOD = '{"metadata":{"name":"b","resourceVersion":"5"}}'


@pytest.mark.parametrize(
    "answers",
    [
        pytest.param(
            [lines(f'{{"type":"ADDED","object":{ODD}}}\n', event("ADDED", "b", 5), end_of_list(6))], id="list"
        ),
        pytest.param(
            [
                status(400, "BadRequest"),
                lines(f'{{"metadata":{{"resourceVersion":"6"}},"items":[{ODD},{GOOD}]}}', then="end"),
                lines(),
            ],
            id="page",
        ),
        pytest.param(
            [lines(end_of_list(3), f'{{"type":"ADDED","object":{ODD}}}\n', event("ADDED", "b", 5))],
            id="watch",
        ),
    ],
)
async def test_an_object_that_cannot_be_decoded_is_handed_on_by_its_name(
    follow: Follow, answers: list[Answer]
) -> None:
    """It alone is withheld, and may not seem to be gone; the stream goes on behind it."""
    followed = follow(*answers)

    await until(lambda: len(followed.taken.changes) == 2)
    first, second = followed.taken.changes
    assert (first.key.name, first.unreadable, first.deleted) == ("odd", True, False)
    assert (second.key.name, second.unreadable) == ("b", False)
    assert followed.told.errors == []
