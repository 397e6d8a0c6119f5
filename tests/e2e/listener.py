"""A listener that an API server can call: TLS as the daemon has it, and a memory of what was sent."""

from __future__ import annotations

import gzip
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import msgspec
import trio

from reverser.certs.tls_context import Tls
from reverser.http.server import serve


class Listener:
    """Keeps every body; answers an AdmissionReview with yes, all else with nothing."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.port = 0

    @classmethod
    @asynccontextmanager
    async def open(cls, tls: Tls, port: int = 0) -> AsyncIterator[Listener]:
        """Listening for as long as the context lasts."""
        listener = cls()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(tls.watch, 0.1)
            bind = f"127.0.0.1:{port}"
            url = await nursery.start(serve, listener._app, bind, "webhook.bind", tls.context)
            listener.port = int(url.rpartition(":")[2])
            yield listener
            nursery.cancel_scope.cancel()

    @property
    def calls(self) -> list[tuple[str, str, str, str]]:
        """(operation, plural or plural/subresource, namespace, name) of each admission request."""
        return [
            (
                request["operation"],
                "/".join(filter(None, (request["resource"]["resource"], request.get("subResource")))),
                request.get("namespace", ""),
                request.get("name", ""),
            )
            for request in (body["request"] for body in self.bodies if body["kind"] == "AdmissionReview")
        ]

    @property
    def events(self) -> list[dict[str, Any]]:
        """All audit events."""
        return [each for body in self.bodies if body["kind"] == "EventList" for each in body["items"]]

    async def _app(self, scope: Any, receive: Any, send: Any) -> None:
        body = await _body(receive)
        if dict(scope["headers"]).get(b"content-encoding") == b"gzip":
            body = gzip.decompress(body)
        document = msgspec.json.decode(body)
        self.bodies.append(document)
        answer = msgspec.json.encode(_answer(document))
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(answer)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": answer})


async def eventually(what: str, condition: Callable[[], Any], seconds: float = 30) -> None:
    """Poll, with a bound."""
    with trio.move_on_after(seconds):
        while not condition():
            await trio.sleep(0.05)
        return
    raise AssertionError(f"waited {seconds} s in vain for: {what}")


def _answer(document: dict[str, Any]) -> dict[str, Any]:
    if document["kind"] != "AdmissionReview":
        return {}
    response = {"uid": document["request"]["uid"], "allowed": True}
    return {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": response}


async def _body(receive: Any) -> bytes:
    parts, more = [], True
    while more:
        message = await receive()
        parts.append(message.get("body", b""))
        more = message.get("more_body", False)
    return b"".join(parts)
