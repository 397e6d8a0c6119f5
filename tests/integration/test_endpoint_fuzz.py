"""Both webhooks, asked with everything: structures gone wrong, and recorded bodies with wrong bytes."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverser.http import connection
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from tests.golden.recorded import NAMES, event_list, review_body
from tests.integration.endpoints import Elsewhere, Endpoints, Reply, asked, chunked, head, request
from tests.property.hostile import HOSTILE

EXAMPLES = 120
ANSWERS = {ADMISSION_PATH: (200, 400, 413, 415), AUDIT_PATH: (200,)}
RECORDED = {
    ADMISSION_PATH: [review_body(name) for name in NAMES],
    AUDIT_PATH: [event_list(name) for name in NAMES],
}
RAW = (
    "[" * 20_000 + "]" * 20_000,
    '{"a":' * 10_000 + "1" + "}" * 10_000,
    "[" * 20_000,
    "9" * 5_000,
    "-" + "9" * 400,
    "1e999999",
    "-0",
    "NaN",
    '"\\ud800"',
    '"\\udc00\\ud800"',
    '"\\u0000"',
    '"\x00"',
    '"' + "x" * 50_000 + '"',
    "",
    '"2026-02-30T25:61:00Z"',
    '"0001-01-01T00:00:00Z"',
    '"9999-12-31T23:59:59-23:59"',
)
"""Values that no encoder would write."""
MARK = "@raw-{}@"
MEMBER = re.compile(r'(?<!\\)"\w+":')

scalars = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(HOSTILE)
    | st.text(st.characters(), max_size=20)
    | st.integers(0, len(RAW) - 1).map(MARK.format)
)
values = st.recursive(
    scalars, lambda each: st.lists(each, max_size=3) | st.dictionaries(st.text(max_size=5), each, max_size=3)
)
fuzzed = settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


@pytest.fixture(scope="module")
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elsewhere]:
    """One listener for all examples; at the end nothing is left of their connections."""
    with Elsewhere.open(tmp_path_factory.mktemp("endpoints")) as running:
        yield running


@st.composite
def damaged(draw: st.DrawFn, path: str) -> bytes:
    """A recorded document with fields that are missing, doubled, or something else."""
    document = json.loads(draw(st.sampled_from(RECORDED[path])))
    for _ in range(draw(st.integers(1, 4))):
        found = list(places(document))
        if not found:
            break  # everything was deleted
        holder, key = draw(st.sampled_from(found))
        if draw(st.booleans()):
            holder[key] = draw(values)
        else:
            del holder[key]
    text = json.dumps(document)
    for number, raw in enumerate(RAW):
        text = text.replace(f'"{MARK.format(number)}"', raw)
    return draw(doubled(text)).encode("utf-8", "surrogatepass")


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Every field and item as (what holds it, where in it); the document itself as one."""
    keys = (
        document if isinstance(document, dict) else range(len(document) if isinstance(document, list) else 0)
    )
    for key in list(keys):
        yield document, key
        yield from places(document[key])


def doubled(text: str) -> st.SearchStrategy[str]:
    """Perhaps with a key that is there twice, of another type."""
    members = [(found.start(), found[0]) for found in islice(MEMBER.finditer(text), 300)]
    if not members:
        return st.just(text)
    twice = st.tuples(st.sampled_from(members), st.sampled_from(("[]", "{}", '"x"', "1", "null")))
    return st.just(text) | twice.map(
        lambda both: text[: both[0][0]] + both[0][1] + both[1] + "," + text[both[0][0] :]
    )


@st.composite
def mutated(draw: st.DrawFn, path: str) -> bytes:
    """A recorded body with other bytes in it, or without some."""
    body = bytearray(draw(st.sampled_from(RECORDED[path])))
    for _ in range(draw(st.integers(0, 5))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(("change", "insert", "cut", "drop"))):
            case "change":
                body[at : at + 1] = draw(st.binary(min_size=1, max_size=1))
            case "insert":
                body[at:at] = draw(
                    st.binary(max_size=20) | st.sampled_from([b"\xff", b"\0", b"[" * 2000, b'"'])
                )
            case "cut":
                del body[at:]
            case "drop":
                del body[at : at + draw(st.integers(0, 200))]
    return bytes(body)


@st.composite
def sent(draw: st.DrawFn, path: str, body: bytes) -> list[bytes]:
    """A whole request with the body: packed or not, in chunks or not, in pieces or not."""
    coding = draw(st.sampled_from(("", "gzip", "broken", "other")))
    headers = []
    if coding:
        headers.append(b"Content-Encoding: " + (b"br" if coding == "other" else b"gzip"))
        body = gzip.compress(body, 1)
    if coding == "broken":
        at = draw(st.integers(0, len(body) - 1))
        body = body[:at] + draw(st.binary(max_size=3)) + body[at + 1 :]
    if draw(st.booleans()):
        size = draw(st.integers(1, 3000))
        whole = head(path, b"Transfer-Encoding: chunked", *headers) + chunked(body, size)
    else:
        whole = request(path, body, *headers)
    at = draw(st.integers(0, len(whole)))
    return [whole[:at], whole[at:]]


@pytest.mark.parametrize("path", ANSWERS)
@fuzzed
@given(data=st.data())
def test_a_damaged_document_has_its_answer(elsewhere: Elsewhere, path: str, data: st.DataObject) -> None:
    """Yes, or the refusal that fits; never an error of ours, and what it told can be kept."""
    checked(path, elsewhere.ask(request(path, data.draw(damaged(path)))))


@pytest.mark.parametrize("path", ANSWERS)
@fuzzed
@given(data=st.data())
def test_a_mutated_body_has_its_answer(elsewhere: Elsewhere, path: str, data: st.DataObject) -> None:
    """However it is packed and sent."""
    checked(path, elsewhere.ask(*data.draw(sent(path, data.draw(mutated(path))))))


def checked(path: str, reply: Reply) -> None:
    """One of the answers that there are; of a review that is answered, yes."""
    assert reply.status in ANSWERS[path]
    if reply.status == 200 and path == ADMISSION_PATH:
        assert json.loads(reply.body)["response"]["allowed"] is True


@pytest.fixture
async def impatient(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Endpoints]:
    """A listener that waits for no request for long."""
    monkeypatch.setattr(connection, "HEAD_SECONDS", 1.0)
    async with Endpoints.open(tmp_path, read_seconds=0.5) as running:
        yield running


async def test_mutated_http_is_answered_or_ended(impatient: Endpoints) -> None:
    """Whatever is wrong with a head or with chunks: a refusal or an end, and no connection is left."""
    random, statuses = Random(4), list[int]()
    slots = trio.CapacityLimiter(40)

    async def ask(whole: bytes) -> None:
        async with slots:
            statuses.append((await impatient.ask(whole)).status)

    async with trio.open_nursery() as nursery:
        for number in range(400):
            nursery.start_soon(ask, spoiled(random, number))

    assert len(statuses) == 400
    assert not [status for status in statuses if status >= 500 and status not in (501, 505)]
    assert {200, 400} <= set(statuses)
    await impatient.alone()
    await impatient.well()


def spoiled(random: Random, number: int) -> bytes:
    """A request with some wrong bytes, most of them in its head or in the first chunks."""
    path = (ADMISSION_PATH, AUDIT_PATH)[number % 2]
    body = random.choice(RECORDED[path])
    if number % 3:
        whole = bytearray(head(path, b"Transfer-Encoding: chunked") + chunked(body, random.randint(1, 500)))
    else:
        whole = bytearray(request(path, body))
    for _ in range(random.randint(1, 3)):
        at = random.randrange(min(len(whole), 300))
        whole[at : at + random.randint(0, 2)] = random.choice(
            (random.randbytes(1), b"\r\n", b"\n", b"0", b"f", b":", b" ", b"\0", b"\xff", b"")
        )
    return bytes(whole)


async def test_memory_is_flat(tmp_path: Path) -> None:
    """After thousands of requests, good and bad, the process is as large as after some hundreds."""
    random = Random(5)
    async with Endpoints.open(tmp_path) as endpoints:
        await many(endpoints, random, 500)
        before = resident_bytes()
        await many(endpoints, random, 4000)

        assert resident_bytes() - before < 16 * 2**20
        await endpoints.well()
        await endpoints.alone()


async def many(endpoints: Endpoints, random: Random, count: int) -> None:
    """So many requests, some of each kind, on connections that are used for a while."""
    left = count
    while left:
        async with endpoints.secure() as stream:
            for _ in range(min(left, random.randint(1, 50))):
                left -= 1
                reply = await asked(stream, some(random))
                assert reply.status in (200, 400, 404, 405, 413, 415)
                if reply.status not in (200, 400):
                    break  # it may close the connection
        endpoints.facts.clear()


def some(random: Random) -> bytes:
    """A request that is complete, with whatever in it."""
    path = random.choice([*ANSWERS] * 10 + ["/nowhere"])
    body = bytearray(random.choice(RECORDED[random.choice([*ANSWERS])]))
    for _ in range(random.randint(0, 3)):
        body[random.randrange(len(body))] = random.randrange(256)
    if random.random() < 0.1:
        body *= 60
    if random.random() < 0.3:
        return request(path, gzip.compress(bytes(body), 1), b"Content-Encoding: gzip")
    return request(path, bytes(body))


def resident_bytes() -> int:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
