"""Parameters of a request mean to us what they mean to the API server, whoever wrote them."""

from __future__ import annotations

import json

import pytest

from reverser.attribution.audit_body import read_events
from reverser.attribution.audit_event import parameters
from tests.audit_events import batch, event, told


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", {}),
        ("fieldManager=a", {"fieldManager": "a"}),
        ("fieldManager=a&fieldManager=b", {"fieldManager": "a"}),
        ("fieldManager=&fieldManager=b", {"fieldManager": ""}),
        ("fieldManager=a;b", {}),
        ("fieldManager=%zz", {}),
        ("fieldManager=%z", {}),
        ("%66ieldManager=a+b%2B", {"fieldManager": "a b+"}),
        ("x=1#&fieldManager=a", {"x": "1#", "fieldManager": "a"}),
        ("x=?&fieldManager=a", {"x": "?", "fieldManager": "a"}),
        ("&&fieldManager", {"fieldManager": ""}),
    ],
)
def test_a_query_is_read_as_the_api_server_reads_it(query: str, found: dict[str, str]) -> None:
    """What Go's `url.ParseQuery` leaves out counts for nothing here."""
    assert parameters(f"/api/v1/x?{query}") == found


def test_no_parameter_hides_another() -> None:
    """A parameter is read however many others stand before it."""
    assert parameters("/x?" + "a=1&" * 10_000 + "dryRun=All")["dryRun"] == "All"


@pytest.mark.parametrize(
    ("query", "agent", "manager"),
    [
        ("fieldManager=m", "curl/8", "m"),
        ("", "curl/8", "curl"),
        ("fieldManager=&fieldManager=liar", "curl/8", "curl"),
        ("fieldManager=li;ar", "curl/8", "curl"),
        ("", "c\u00fcrl/8", ""),
        ("", "", ""),
        ("", "x" * 300, "x" * 128),
    ],
)
def test_the_field_manager_is_that_of_the_api_server(query: str, agent: str, manager: str) -> None:
    """Where none is given it is taken from the user agent; what is not certain rules nothing out."""
    assert told(requestURI=f"/x?{query}", userAgent=agent).manager == manager


@pytest.mark.parametrize(
    ("body", "restamps"),
    [
        ('{"data":{}}', False),
        ('{"metadata":{"managedFields":[{}]}}', True),
        ('{"metadata":{"managed\\u0046ields":[{}]}}', True),
        ('[{"op":"copy","from":"/spec/x","path":"/metadata"}]', True),
    ],
)
def test_who_may_have_written_stamps_is_told(body: str, restamps: bool) -> None:
    """A body that holds managed fields, however it spells them."""
    text = json.dumps(event(requestObject="@")).replace('"@"', body)
    [fact] = read_events(batch(text.encode()), "default").facts
    assert fact.restamps is restamps
