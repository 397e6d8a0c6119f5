"""What an API server answers when it does not answer well, as errors of our tree.

All of them are transient: the observer backs off and tries again, whatever it was, since a
permission can come back as well as a network. The type tells what to try.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import msgspec

from reverser.errors import TransientError


class Unreachable(TransientError):
    """No answer, or none that can be read."""


class ApiError(TransientError):
    """An answer that is no success. `status` is the HTTP status, `reason` the API's own word."""

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.reason = reason


class Gone(ApiError):
    """410: the position is too old; list again."""


class Forbidden(ApiError):
    """403: this type is not ours to read."""


class NotFound(ApiError):
    """404: the type is not served (yet, or any more)."""


class Unauthorized(ApiError):
    """401, also after fresh credentials."""


BY_STATUS: dict[int, type[ApiError]] = {401: Unauthorized, 403: Forbidden, 404: NotFound, 410: Gone}


def api_error(status: int, body: bytes, retry_after: str = "") -> ApiError:
    """The error of an HTTP status and its body, which may be a `Status` object or anything else."""
    seconds = float(retry_after) if retry_after.isdigit() else None
    try:
        answer = msgspec.json.decode(body)
    except msgspec.DecodeError:
        answer = None
    return status_error(answer if isinstance(answer, dict) else {}, status, seconds)


def status_error(answer: dict[str, Any], status: int, retry_after: float | None = None) -> ApiError:
    """The error of a `Status` object; `status` stands in for a missing code."""
    code = answer.get("code") if isinstance(answer.get("code"), int) else status
    reason = str(answer.get("reason") or "")
    kind = Gone if reason in ("Expired", "Gone") else BY_STATUS.get(code or 0, ApiError)
    message = str(answer.get("message") or f"the API server answered {code}")
    return kind(code or 0, reason, message[:500], retry_after)


@contextmanager
def translated() -> Iterator[None]:
    """httpx's errors become `Unreachable`, in words for a person."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable("the API server does not answer (connection timed out)") from error
    except httpx.ReadTimeout as error:
        raise Unreachable("the API server has gone silent") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        text = str(error) or type(error).__name__
        hint = "check the certificate authority in the kubeconfig" if "CERTIFICATE" in text else ""
        raise Unreachable(f"the API server cannot be reached: {text}", hint=hint) from error
