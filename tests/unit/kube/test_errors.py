"""What API servers answer, as errors of our tree."""

from __future__ import annotations

import httpx
import pytest

from reverser.kube.errors import (
    ApiError,
    Expired,
    Forbidden,
    NotFound,
    Silent,
    TooManyRequests,
    Unauthorized,
    Unreachable,
    api_error,
    status_error,
    translated,
)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, Unauthorized),
        (403, Forbidden),
        (404, NotFound),
        (410, Expired),
        (429, TooManyRequests),
        (500, ApiError),
        (302, ApiError),
    ],
)
def test_the_status_decides_the_kind(status: int, kind: type[ApiError]) -> None:
    """The HTTP status decides the kind of error, with any body or none."""
    for body in (b"", b"<html>", b"[]", b'{"kind": "Status"}', b"\xff"):
        error = api_error(status, body)
        assert type(error) is kind
        assert error.status == status


def test_the_server_s_words_are_kept() -> None:
    """Message and reason come from the Status object; very long messages are cut."""
    error = api_error(403, b'{"reason": "Forbidden", "message": "user \\"x\\" may not list"}')

    assert (error.reason, error.message) == ("Forbidden", 'user "x" may not list')
    assert len(api_error(500, b'{"message": "' + b"x" * 10_000 + b'"}').message) == 500


def test_expired_is_gone_whatever_the_code() -> None:
    """Servers spell 410 in three ways."""
    assert type(status_error({"reason": "Expired", "code": 500})) is Expired
    assert type(status_error({"reason": "Gone"}, 400)) is Expired
    assert type(status_error({"code": 410})) is Expired


def test_the_server_s_wish_for_patience_is_kept() -> None:
    """Retry-After as header, or as a detail of the Status; anything else is no wish."""
    assert api_error(429, b"", "7").retry_after == 7
    assert status_error({"code": 429, "details": {"retryAfterSeconds": 3}}).retry_after == 3
    assert api_error(503, b"", "Wed, 21 Oct 2015 07:28:00 GMT").retry_after is None
    assert status_error({"code": 429, "details": {"retryAfterSeconds": "soon"}}).retry_after is None


@pytest.mark.parametrize(
    ("foreign", "kind"),
    [
        (httpx.ConnectTimeout("x"), Unreachable),
        (httpx.ReadTimeout("x"), Silent),
        (httpx.ConnectError("x"), Unreachable),
        (httpx.RemoteProtocolError("x"), Unreachable),
        (httpx.InvalidURL("x"), Unreachable),
    ],
)
def test_httpx_s_errors_do_not_leave_the_package(foreign: Exception, kind: type[Exception]) -> None:
    """They become ours, with the foreign one as the cause."""
    with pytest.raises(Unreachable) as caught, translated():
        raise foreign

    assert type(caught.value) is kind
    assert caught.value.__cause__ is foreign


def test_the_innermost_reason_is_told() -> None:
    """An error of httpx that says nothing passes on the words of what caused it."""
    wrapper = httpx.ConnectError("")
    wrapper.__context__ = ValueError("")
    wrapper.__context__.__cause__ = OSError("no route to host")

    with pytest.raises(Unreachable, match="no route to host"), translated():
        raise wrapper
