"""The errors of requests to an API server.

    TransientError
    ├─ Unreachable          no answer, or a connection that broke
    │  └─ Silent            a connection on which nothing came for too long
    ├─ Garbled              an answer that cannot be read
    ├─ Faulty               an answer that we cannot handle
    ├─ Stuck                connections that are answered and bring nothing
    ├─ Rewound              versions lower than those already read
    ├─ Rejected             a position that the server does not take
    └─ ApiError             an answer that is no success
       ├─ Unauthorized · Forbidden · NotFound · Conflict · Expired · TooManyRequests

All of them are transient: the observer backs off and tries again, whatever it was, since a
permission comes back as well as a network. The type tells what to try.

httpx's errors are translated here: nothing of httpx leaves this package. An address in the kubeconfig that
httpx cannot use is a StalledError, which never quotes the address: a proxy's may hold a password.
"""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, ClassVar

import httpx
import msgspec
import trio

from reverser.errors import StalledError, TransientError

MESSAGE_LENGTH = 500


class KubeError(TransientError):
    """Whatever went wrong with an API server; `word` names it in metrics."""

    word: ClassVar[str] = "other"


class Unreachable(KubeError):
    """No answer, or a connection that broke."""

    word = "connection"


class Silent(Unreachable):
    """A connection on which nothing came for too long."""

    word = "silence"


class Garbled(KubeError):
    """An answer that cannot be read."""

    word = "garbled"


class Faulty(KubeError):
    """We cannot handle an answer: the bug is ours."""

    word = "bug"


class Stuck(KubeError):
    """Connections that are answered and bring nothing, from the same position each time."""

    word = "stuck"


class Rewound(KubeError):
    """Versions lower than those already read: the server was restored or made anew."""

    word = "started_over"


class Rejected(KubeError):
    """A position that the server does not take for one: what was kept is rubbish, or of another server."""

    word = "rejected"


class ApiError(KubeError):
    """An answer that is no success. `status` is the HTTP status, `reason` the API's own word."""

    word = "server_error"

    def __init__(self, status: int, reason: str, message: str, retry_after: float | None = None) -> None:
        super().__init__(message, retry_after=retry_after)
        self.status = status
        self.reason = reason


class Unauthorized(ApiError):
    """401, also after fresh credentials."""

    word = "unauthorized"


class Forbidden(ApiError):
    """403: this type is not ours to read."""

    word = "forbidden"


class NotFound(ApiError):
    """404: the type is not served (yet, or any more)."""

    word = "not_found"


class Conflict(ApiError):
    """409: the name is taken, or the object is no longer what was read."""


class Expired(ApiError):
    """410: the position has expired; list again."""

    word = "expired"


class TooManyRequests(ApiError):
    """429: the server is busy; `retry_after` is its own wish."""

    word = "overloaded"


BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    410: Expired,
    429: TooManyRequests,
}
EXPIRED_REASONS = ("Expired", "Gone")


def api_error(status: int, body: bytes, retry_after: str = "") -> ApiError:
    """The error of an HTTP status and its body, which may be a `Status` object or anything else."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        answer = None
    return status_error(answer if isinstance(answer, dict) else {}, status, retry_after)


def status_error(answer: dict[str, Any], status: int = 500, retry_after: str = "") -> ApiError:
    """The error of a `Status` object; `status` stands in for a code that is missing."""
    code = answer["code"] if isinstance(answer.get("code"), int) else status
    reason = str(answer.get("reason") or "")
    kind = Expired if reason in EXPIRED_REASONS else BY_STATUS.get(code, ApiError)
    message = str(answer.get("message") or f"the API server answered {code}")[:MESSAGE_LENGTH]
    return kind(code, reason, message, _seconds(retry_after, answer))


def _seconds(header: str, answer: dict[str, Any]) -> float | None:
    if header.isdigit():
        return float(header)
    details = answer.get("details")
    seconds = details.get("retryAfterSeconds") if isinstance(details, dict) else None
    return float(seconds) if isinstance(seconds, int) and seconds > 0 else None


CAUSES_MOST = 10


@contextmanager
def translated() -> Iterator[None]:
    """httpx's errors become ours, in words for a person."""
    try:
        yield
    except httpx.ConnectTimeout as error:
        raise Unreachable("the API server does not answer (connection timed out)") from error
    except (httpx.ReadTimeout, trio.TooSlowError) as error:
        raise Silent("the API server has gone silent") from error
    except httpx.DecodingError as error:
        raise Garbled("the API server's answer cannot be decompressed") from error
    except (httpx.HTTPError, httpx.InvalidURL, UnicodeError) as error:
        text, untrusted = _cause(error)
        hint = "check the certificate authority in the kubeconfig" if untrusted else ""
        raise Unreachable(f"the API server cannot be reached: {text}", hint=hint) from error


def _cause(error: BaseException) -> tuple[str, bool]:
    """What happened, and whether it was a certificate: httpx wraps the reason in up to four errors."""
    chain, link = list[BaseException](), error.__context__
    while link is not None and len(chain) < CAUSES_MOST:
        chain.append(link)
        link = link.__cause__ or link.__context__
    untrusted = [link for link in chain if isinstance(link, ssl.SSLCertVerificationError)]
    texts = [str(link) for link in (*untrusted, error, *chain) if str(link)]
    return (texts or [type(error).__name__])[0], bool(untrusted)


SERVERS = ("http", "https")
PROXIES = ("http", "https", "socks5", "socks5h")


@contextmanager
def addressed(key: str, address: str | None, schemes: tuple[str, ...] = SERVERS) -> Iterator[None]:
    """Raise StalledError that names the kubeconfig's `key` where its address cannot be used."""
    if address and not _usable(address, schemes):
        hint = f"an address looks like {schemes[-1]}://host:port; schemes are {', '.join(schemes)}"
        raise StalledError("KubeconfigUnusable", f"`{key}` of the kubeconfig is not an address", hint=hint)
    try:
        yield
    except (httpx.InvalidURL, ValueError, ImportError) as error:
        message = f"`{key}` of the kubeconfig cannot be used ({type(error).__name__})"
        raise StalledError("KubeconfigUnusable", message) from None


def _usable(address: str, schemes: tuple[str, ...]) -> bool:
    try:
        url = httpx.URL(address)
        # Both are read on demand: of a port beyond 65535 httpx complains only then.
        return url.scheme in schemes and bool(url.host) and (url.port is None or 0 < url.port < 65536)
    except (httpx.InvalidURL, ValueError, TypeError):
        return False
