"""One HTTP request, read into the API's own words (verb, type, object, parameters), and its response."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from reverser.sandbox.refusal import Refusal
from reverser.sandbox.users import ADMIN, User, split_user

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

_VERBS = {
    "GET": ("list", "get"),
    "POST": ("create", "create"),
    "PUT": ("", "update"),
    "PATCH": ("", "patch"),
    "DELETE": ("", "delete"),
}
"""method -> (verb on a collection, verb on an object)"""


class ApiRequest(msgspec.Struct, frozen=True):
    """What is asked, as authorization would see it."""

    verb: str
    """get, list, watch, create, update, patch, delete, or a method in lower case."""
    path: str
    group: str = ""
    version: str = ""
    resource: str = ""
    """Empty: not about objects (discovery, version)."""
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    query: Mapping[str, str] = {}
    headers: Mapping[str, str] = {}
    body: bytes = b""
    user: User = ADMIN

    @property
    def media_type(self) -> str:
        """The content type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    @property
    def manager(self) -> str:
        """Who writes, by the field manager's name, else by the first word of the user agent."""
        return self.query.get("fieldManager") or self.headers.get("user-agent", "unknown").partition("/")[0]

    def flag(self, parameter: str) -> bool:
        """A boolean parameter, as Go spells them."""
        return self.query.get(parameter, "") in ("1", "t", "T", "true", "True", "TRUE")

    def json(self) -> dict[str, Any]:
        """The body as an object. Refuses anything but JSON."""
        if "json" not in self.media_type and self.media_type not in ("", "application/apply-patch+yaml"):
            raise Refusal("UnsupportedMediaType", f"the sandbox takes JSON, not {self.media_type}")
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except msgspec.DecodeError as error:
            raise Refusal("BadRequest", f"the object provided is unrecognized: {error}") from error


class Response:
    """Writes one response: whole, or piece by piece."""

    def __init__(self, send: Send) -> None:
        self._send = send

    async def start(
        self, status: int = 200, content_type: str = "application/json", length: int | None = None
    ) -> None:
        """Send the head; what follows is chunked unless its length is given."""
        headers = [(b"content-type", content_type.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await self._send({"type": "http.response.start", "status": status, "headers": headers})

    async def write(self, data: bytes) -> None:
        """Send a piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Send the last piece of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def whole(self, status: int, document: Any, content_type: str = "application/json") -> None:
        """Send a document."""
        body = msgspec.json.encode(document)
        await self.start(status, content_type, len(body))
        await self.end(body)


async def read_body(receive: Receive) -> bytes:
    """The whole body of a request."""
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    return body


def parse_request(scope: Mapping[str, Any], body: bytes) -> ApiRequest:
    """The request. Refuses a user whom nobody knows."""
    user, path = split_user(scope["path"])
    query = dict(parse_qsl(scope["query_string"].decode(), keep_blank_values=True))
    headers = {name.decode("latin1").lower(): value.decode("latin1") for name, value in scope["headers"]}
    target = _target(path)
    verb = _verb(scope["method"], target, query)
    return ApiRequest(verb=verb, path=path, query=query, headers=headers, body=body, user=user, **target)


def _verb(method: str, target: Mapping[str, Any], query: dict[str, str]) -> str:
    if "resource" not in target:
        return method.lower()
    if method == "GET" and query.get("watch", "") in ("1", "true"):
        return "watch"
    return _VERBS.get(method, ("", ""))["name" in target]


def _target(path: str) -> dict[str, Any]:
    """`/api/v1/…` and `/apis/GROUP/VERSION/…` as fields; absent ones are left out."""
    parts = path.strip("/").split("/")
    if parts[0] == "api":
        fields, rest = dict(zip(("version",), parts[1:2], strict=False)), parts[2:]
    elif parts[0] == "apis":
        fields, rest = dict(zip(("group", "version"), parts[1:3], strict=False)), parts[3:]
    else:
        return {}
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        fields["namespace"], rest = rest[1], rest[2:]
    return fields | dict(zip(("resource", "name", "subresource"), rest, strict=False))
