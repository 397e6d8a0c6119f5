"""Laws of the evidence: whatever the bodies hold, nothing escapes, and nothing of them is kept."""

from __future__ import annotations

import copy
import gzip
import json
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverser.attribution import admission_review
from reverser.attribution.audit_body import read_events
from reverser.attribution.object_digest import evidence_digest
from reverser.attribution.payloads import UndecodableError
from reverser.model.fact import Fact
from reverser.model.resource import ObjectKey, ResourceType
from reverser.webhook.address import ADMISSION_PATH, AUDIT_PATH
from reverser.webhook.admission_endpoint import AdmissionEndpoint, allowed
from reverser.webhook.audit_endpoint import AuditEndpoint
from tests.catalogs import catalog
from tests.golden.recorded import CHANGES, KEY, NAMES, event_list, resource_type, review_body, watched
from tests.property.json_paths import places, put
from tests.unit.asgi import post

CANARY = "canary-7f3e"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAME = st.sampled_from(NAMES)
TRIES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
JOINING = {"kind", "metadata", "uid", "resourceVersion", "name", "namespace", "dryRun"}
"""What a fact consists of, or what decides whether there is one."""


def admitted(body: bytes, resource: ResourceType) -> Fact | None:
    return admission_review.fact(admission_review.decode(body), "default", resource, KEY, 0.0)


def spoilt(body: bytes, data: st.DataObject) -> bytes:
    """The body with some bytes cut, doubled or replaced."""
    start = data.draw(st.integers(0, len(body)))
    end = data.draw(st.integers(start, min(len(body), start + 50)))
    return body[:start] + data.draw(st.binary(max_size=20)) + body[end:]


@TRIES
@given(body=st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_any_body_is_read_or_refused(body: bytes) -> None:
    """A review or UndecodableError; facts or problems."""
    reading = read_events(body, "default")
    with suppress(UndecodableError):
        admission_review.decode(body)

    assert reading.facts == ()


@TRIES
@given(data=st.data(), name=NAME)
def test_recorded_bodies_may_be_spoilt(data: st.DataObject, name: str) -> None:
    """Bytes are cut and replaced: still one error, or an answer and perhaps a fact."""
    read_events(spoilt(event_list(name), data), "default")
    body = spoilt(review_body(name), data)
    try:
        review = admission_review.decode(body)
    except UndecodableError:
        return

    assert json.loads(allowed(review))["response"]["allowed"] is True
    admission_review.fact(review, "default", resource_type(name), KEY, 0.0)


@TRIES
@given(data=st.data(), name=NAME, value=JSON)
def test_anything_may_stand_anywhere(data: st.DataObject, name: str, value: Any) -> None:
    """The structure is that of a real body, with something else in one place."""
    review, events = json.loads(review_body(name)), json.loads(event_list(name))
    for body in (review, events):
        put(body, data.draw(st.sampled_from(list(places(body)))), value)

    read_events(json.dumps(events).encode(), "default")
    with suppress(UndecodableError):
        admitted(json.dumps(review).encode(), resource_type(name))


@TRIES
@given(data=st.data(), name=NAME)
def test_a_canary_in_a_body_is_in_no_fact(data: st.DataObject, name: str) -> None:
    """Planted as a value in any place that is not a key of the join, it is not there afterwards."""
    review, events = json.loads(review_body(name)), json.loads(event_list(name))
    plant(review["request"], ("object", "oldObject"), data)
    plant(events["items"][0], ("requestObject", "responseObject"), data)

    fact = admitted(json.dumps(review).encode(), resource_type(name))
    reading = read_events(json.dumps(events).encode(), "default")

    assert CANARY in json.dumps(review) + json.dumps(events)
    assert CANARY not in repr(fact)
    assert CANARY not in repr(reading)


@TRIES
@given(data=st.data(), name=NAME, poison=JSON | st.binary(max_size=30).filter(lambda raw: b'"' not in raw))
def test_poison_spoils_no_neighbour(data: st.DataObject, name: str, poison: Any) -> None:
    """An event of any shape, JSON or not, beside good ones: these give the facts that they gave alone."""
    alone = read_events(event_list(name), "default").facts
    good = json.dumps(json.loads(event_list(name))["items"][0]).encode()
    raw = poison if isinstance(poison, bytes) else json.dumps(poison).encode()
    raw = bytes(each for each in raw if each not in b"[]{},") if isinstance(poison, bytes) else raw

    body = b'{"kind":"EventList","items":[' + good + b"," + raw + b"," + good + b"]}"

    assert read_events(body, "default").facts == alone * 2


@TRIES
@given(data=st.data(), name=st.sampled_from(CHANGES), value=JSON)
def test_a_digest_never_raises(data: st.DataObject, name: str, value: Any) -> None:
    """And is 16 bytes or none; what was digested stays as it was."""
    obj, resource = watched(name)[-1]["object"], resource_type(name)
    put(obj, data.draw(st.sampled_from(list(places(obj)))), value)
    before = copy.deepcopy(obj)

    digest = evidence_digest(obj, ObjectKey("default", "", "", "", ""), resource, KEY)

    assert len(digest) in (0, 16)
    assert obj == before


@TRIES
@given(data=st.data(), name=NAME, packed=st.booleans())
def test_an_endpoint_answers_whatever_comes(data: st.DataObject, name: str, packed: bool) -> None:
    """Spoilt bodies, some packed and spoilt again, in two pieces: an answer each, and none of them 5xx."""

    async def keep(facts: Sequence[Fact]) -> None:
        assert facts

    admission_app = AdmissionEndpoint(id, catalog(resource_type(name)), KEY, ("default",))
    audit_app = AuditEndpoint(keep, catalog(), ("default",))
    headers = [(b"content-encoding", b"gzip")] if packed else []
    for app, path, body in (
        (admission_app, ADMISSION_PATH, review_body(name)),
        (audit_app, AUDIT_PATH, event_list(name)),
    ):
        sent = spoilt(body, data)
        sent = spoilt(gzip.compress(sent), data) if packed else sent
        cut = data.draw(st.integers(0, len(sent)))
        answered = trio.run(partial(post, app, path, sent[:cut], sent[cut:], headers=headers)).response

        assert answered.status in ((200, 400, 415) if path == ADMISSION_PATH else (200,))


def plant(parent: dict[str, Any], keys: tuple[str, ...], data: st.DataObject) -> None:
    """Put the canary over one value of each object."""
    for key in keys:
        body = parent.get(key)
        if not isinstance(body, dict):
            continue
        ways = [way for way in places(body) if JOINING.isdisjoint({way[-1]}) and "ownerReferences" not in way]
        if ways:
            put(body, data.draw(st.sampled_from(ways)), CANARY)
