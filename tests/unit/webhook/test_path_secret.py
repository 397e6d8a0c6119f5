"""A secret in the webhook's path stands for a certificate, and is in no answer and no log."""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from reverser.errors import ConfigError
from reverser.http.asgi import Receive, Scope, Send, answer
from reverser.model.secret import SecretRef
from reverser.webhook.path_secret import PathSecretGuard, path_secret
from tests.unit.asgi import post

SECRET = "canary-0123456789abcdef0123456789"


async def _told(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with all that an application sees of the path."""
    del receive
    await answer(send, 200, f"{scope['path']} {scope['raw_path']!r}".encode())


async def test_behind_the_secret_is_the_application() -> None:
    """Which sees the path without it."""
    client = await post(PathSecretGuard(_told, SECRET), f"/{SECRET}/audit/east")

    assert (client.response.status, client.response.body) == (200, b"/audit/east b'/audit/east'")


@pytest.mark.parametrize(
    "path",
    [
        "/audit",
        "/",
        "",
        "*",
        f"/{SECRET[:-1]}/audit",
        f"/{SECRET}x/audit",
        f"//{SECRET}/audit",
        "/\udcff/audit",
    ],
)
async def test_without_it_there_is_nothing(path: str) -> None:
    """Not even a word of which paths there are; the log tells it once, without what was sent."""
    guarded = PathSecretGuard(_told, SECRET)
    with capture_logs() as lines:
        first, second = await post(guarded, path), await post(guarded, path)

    assert {(each.response.status, each.response.body) for each in (first, second)} == {(404, b"not found\n")}
    assert len(lines) == 1
    assert "canary" not in repr(lines)


async def test_it_is_compared_in_constant_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the function that is made for it."""
    compared = list[Any]()
    real = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda one, two: compared.append(two) or real(one, two))
    await post(PathSecretGuard(_told, SECRET), "/x/audit")

    assert compared == [SECRET.encode()]


def test_it_is_read_from_where_secrets_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A text, a file or a variable; none is none."""
    (tmp_path / "secret").write_text(f"{SECRET}\n")
    monkeypatch.setenv("THE_PATH", SECRET)

    given = [SecretRef(SECRET), SecretRef(file=str(tmp_path / "secret")), SecretRef(env="THE_PATH")]
    assert [path_secret(each) for each in given] == [SECRET] * 3
    assert path_secret(None) == ""


@pytest.mark.parametrize("text", ["", "canary-short", "canary/" * 10, "canary " * 10])
def test_one_that_protects_nothing_is_refused(text: str) -> None:
    """A path secret that anybody can guess is refused, and not quoted."""
    with pytest.raises(ConfigError) as caught:
        path_secret(SecretRef(text))

    assert "32 to 256 letters" in str(caught.value.problems)
    assert "canary" not in str(caught.value.problems)
