"""Where an API server calls: a Service or a URL, in words that it accepts."""

from __future__ import annotations

import pytest

from reverser.webhook.address import by_service, by_url


def test_a_service_is_named_with_its_port() -> None:
    """The certificate must be for the name that the API server asks for."""
    place = by_service("ops/reverser")

    assert place.host == "reverser.ops.svc"
    assert place.client_config("/x", b"PEM") == {
        "service": {"namespace": "ops", "name": "reverser", "port": 443, "path": "/x"},
        "caBundle": "UEVN",
    }
    assert by_service("ops/reverser:9443").client_config("/x", b"") == {
        "service": {"namespace": "ops", "name": "reverser", "port": 9443, "path": "/x"}
    }


@pytest.mark.parametrize(
    ("text", "host", "full"),
    [
        ("https://10.0.0.5:9443", "10.0.0.5", "https://10.0.0.5:9443/x"),
        ("https://Hook.example.com", "hook.example.com", "https://hook.example.com/x"),
        ("https://hook.example.com:443/behind/", "hook.example.com", "https://hook.example.com/behind/x"),
        ("https://[::1]:9443", "::1", "https://[::1]:9443/x"),
    ],
)
def test_a_url_is_continued_by_the_path(text: str, host: str, full: str) -> None:
    """Whatever stands before the listener keeps its own path."""
    place = by_url(text)

    assert (place.host, place.url("/x"), place.namespace) == (host, full, "")
    assert place.client_config("/x", b"") == {"url": full}


@pytest.mark.parametrize(
    "text", ["reverser", "/a", "a/", "A/b", "a/b:", "a/b:0", "a/b:x", "a/b:65536", "a/b/c"]
)
def test_what_is_no_service_is_refused(text: str) -> None:
    """With a sentence for the person who typed it."""
    with pytest.raises(ValueError, match=r"."):
        by_service(text)


@pytest.mark.parametrize(
    "text",
    [
        "http://a",
        "a:9443",
        "https://",
        "https://me@a",
        "https://a?x=1",
        "https://a#x",
        "https://a:0",
        "https://a:99999",
        "https://a b",
        "https://a/\n",
    ],
)
def test_what_no_api_server_would_call_is_refused(text: str) -> None:
    """Only https, without user, query and fragment, as the API server demands."""
    with pytest.raises(ValueError, match=r"."):
        by_url(text)
