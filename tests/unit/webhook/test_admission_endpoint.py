"""The admission endpoint: yes to all that can be read, the right refusal to all else."""

from __future__ import annotations

import gzip
import json
from typing import Any

import pytest
import trio.testing

from reverser.model.fact import Fact
from reverser.webhook.address import ADMISSION_PATH as PATH
from reverser.webhook.admission_endpoint import AdmissionEndpoint
from tests.admission import CONFIG_MAPS, KEY, body
from tests.catalogs import catalog
from tests.unit.asgi import Client, post

GZIP = ((b"content-encoding", b"gzip"),)


class Heard:
    """An endpoint with what it told."""

    def __init__(self, clusters: tuple[str, ...] = ("default",), **settings: Any) -> None:
        self.facts: list[Fact] = []
        self.results: list[str] = []
        self.app = AdmissionEndpoint(
            self.facts.append,
            catalog(CONFIG_MAPS, clusters=clusters),
            KEY,
            clusters,
            now=lambda: 100.0,
            observe=lambda result, _seconds: self.results.append(result),
            **settings,
        )


@pytest.fixture
def heard() -> Heard:
    return Heard()


def allowed(client: Client) -> bool:
    """Whether it is a yes to review r1."""
    assert client.response.headers[b"content-type"] == b"application/json"
    answer = json.loads(client.response.body)
    return bool(client.response.status == 200 and answer["response"] == {"uid": "r1", "allowed": True})


async def test_nobody_hides_by_a_deep_object(heard: Heard) -> None:
    """It is told who wrote it; what had to be cut is not compared."""
    deep = {"metadata": {"name": "a", "namespace": "shop", "uid": "u1", "resourceVersion": "5"}, "x": "@"}
    hostile = body(object=deep).replace(b'"@"', b'{"a":' * 5000 + b"1" + b"}" * 5000)

    assert allowed(await post(heard.app, PATH, hostile))
    assert [(fact.actor.name, fact.uid, fact.digest) for fact in heard.facts] == [("alice", "u1", b"")]


async def test_a_review_is_allowed_and_told(heard: Heard) -> None:
    """The fact is there before the answer is read, also when the body comes in pieces."""
    whole = body()
    for chunks in ([whole], [whole[:10], b"", whole[10:]]):
        assert allowed(await post(heard.app, PATH, *chunks))

    assert [fact.uid for fact in heard.facts] == ["u1", "u1"]
    assert heard.facts[0].cluster == "default"
    assert heard.facts[0].at == 100.0
    assert heard.results == ["fact", "fact"]


async def test_an_odd_object_is_allowed(heard: Heard) -> None:
    """No write waits for, or fails by, what we cannot read."""
    odd: list[dict[str, Any]] = [
        {"object": "text"},
        {"object": {"metadata": []}},
        {"dryRun": True},
        {"operation": "x"},
    ]
    for fields in odd:
        assert allowed(await post(heard.app, PATH, body(**fields)))

    assert heard.facts == []
    assert heard.results == ["nothing"] * 4


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "OPTIONS"])
async def test_another_method_is_refused(heard: Heard, method: str) -> None:
    """405, without reading the body."""
    client = await post(heard.app, PATH, body(), method=method)

    assert (client.response.status, client.response.headers[b"allow"], client.taken) == (405, b"POST", 0)


@pytest.mark.parametrize("content_type", [b"", b"text/plain", b"application/yaml", b"application/jsonx"])
async def test_another_content_type_is_refused(heard: Heard, content_type: bytes) -> None:
    """415, without reading the body."""
    client = await post(heard.app, PATH, body(), content_type=content_type)

    assert (client.response.status, client.taken) == (415, 0)


async def test_parameters_of_the_content_type_do_not_matter(heard: Heard) -> None:
    """A content type with parameters, or in other case, is accepted."""
    assert allowed(await post(heard.app, PATH, body(), content_type=b"Application/JSON; charset=utf-8"))


@pytest.mark.parametrize("odd", [b"", b"{", b"[]", b'{"kind":"EventList"}', b"\xff"])
async def test_what_is_no_review_is_refused(heard: Heard, odd: bytes) -> None:
    """A body that is no AdmissionReview is refused with 400 and counted."""
    assert (await post(heard.app, PATH, odd)).response.status == 400
    assert heard.results == ["undecodable"]


async def test_an_announced_length_is_enough_to_refuse() -> None:
    """413 before anything is read, however absurd the number."""
    heard = Heard(max_bytes=100)
    for length in (b"101", b"9" * 5000):
        client = await post(heard.app, PATH, body(), headers=[(b"content-length", length)])
        assert (client.response.status, client.taken) == (413, 0)


async def test_a_body_is_counted_while_it_is_read() -> None:
    """413 as soon as the limit is passed; a body of just the limit is taken."""
    whole = body()
    exact, small = Heard(max_bytes=len(whole)), Heard(max_bytes=len(whole) - 1)

    assert allowed(await post(exact.app, PATH, whole))
    assert (await post(small.app, PATH, whole)).response.status == 413
    endless = await post(small.app, PATH, *[b" " * 100] * 1000)

    assert endless.response.status == 413
    assert endless.taken <= len(whole) / 100 + 1
    assert small.results == ["too-large"] * 2


async def test_a_compressed_body_is_counted_unpacked() -> None:
    """A small bomb is refused within the limit."""
    heard = Heard(max_bytes=10_000)

    assert allowed(await post(heard.app, PATH, gzip.compress(body()), headers=GZIP))
    assert (
        await post(heard.app, PATH, gzip.compress(b" " * 10_000_000), headers=GZIP)
    ).response.status == 413


@pytest.mark.parametrize(
    ("coding", "sent"),
    [(b"br", b"x"), (b"gzip", b"no gzip"), (b"gzip", gzip.compress(body())[:-4]), (b"gzip", b"")],
)
async def test_another_compression_is_refused(heard: Heard, coding: bytes, sent: bytes) -> None:
    """415, when it is unknown, broken, or ends too early."""
    client = await post(heard.app, PATH, sent, headers=[(b"content-encoding", coding)])

    assert client.response.status == 415
    assert heard.results == ["coding"]


async def test_a_slow_body_is_given_up(heard: Heard, autojump_clock: trio.testing.MockClock) -> None:
    """408 after a while: half a request holds nothing for ever."""
    client = await post(heard.app, PATH, body()[:10], whole=False)

    assert client.response.status == 408
    assert heard.facts == []


async def test_a_client_that_goes_away_gets_no_answer(heard: Heard) -> None:
    """A client that goes away amid its body gets no answer, and leaves no fact."""
    client = await post(heard.app, PATH, body(), whole=False, gone=True)

    assert client.response.status == 0
    assert heard.facts == []
    assert heard.results == ["gone"]


async def test_the_path_names_the_cluster() -> None:
    """Where there are several it must; otherwise the review is allowed, and told to nobody."""
    heard = Heard(clusters=("one", "two"))
    for suffix in ("/one", "/two/", "", "/three", "/one/two"):
        assert allowed(await post(heard.app, PATH + suffix, body()))

    assert [fact.cluster for fact in heard.facts] == ["one", "two"]
    assert heard.results == ["fact", "fact", *["unknown-cluster"] * 3]


async def test_other_protocols_are_declined(heard: Heard) -> None:
    """A websocket is declined by NotImplementedError, as ASGI wants it."""
    client = Client([], whole=True, gone=True)
    with pytest.raises(NotImplementedError):
        await heard.app({"type": "websocket"}, client.receive, client.send)
