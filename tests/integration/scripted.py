"""An API server that does exactly what a test tells it to, faults included.

A script maps a path to its answers, one a request; the last one stays. An answer is a coroutine
that gets the request and writes what it likes, so that half a line, silence or a broken connection
are as easy as a proper list.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import trio

KUBE_SYSTEM = "/api/v1/namespaces/kube-system"


class Request:
    """One request, and the connection to answer it on."""

    def __init__(self, head: str, stream: trio.SocketStream, rest: bytes) -> None:
        line, *headers = head.split("\r\n")
        self.method, target, _ = line.split(" ")
        self.path = urlsplit(target).path
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(target).query).items()}
        self.headers = {name.lower(): value for name, value in (h.split(": ", 1) for h in headers if h)}
        self._stream = stream
        self._rest = rest

    async def body(self) -> Any:
        data = self._rest
        while len(data) < int(self.headers.get("content-length", 0)):
            data += await self._stream.receive_some()
        return json.loads(data)

    async def head(self, status: int, *headers: str) -> None:
        lines = (f"HTTP/1.1 {status} X", "Connection: close", *headers)
        await self._stream.send_all(("\r\n".join(lines) + "\r\n\r\n").encode())

    async def write(self, text: str) -> None:
        """One HTTP chunk."""
        data = text.encode()
        await self._stream.send_all(b"%x\r\n%s\r\n" % (len(data), data))

    async def end(self) -> None:
        """The proper end of a chunked answer."""
        await self._stream.send_all(b"0\r\n\r\n")


Answer = Callable[[Request], Awaitable[None]]


class Scripted:
    """The server: fill `script`, read `requests`."""

    def __init__(self) -> None:
        self.script: dict[str, list[Answer]] = {}
        self.requests: list[Request] = []
        self.checks: list[Request] = []
        """Requests for the server's own version, which is `newest`; empty: it names none."""
        self.newest = ""
        self.check: Answer | None = None
        self.uid = ""
        """Of the namespace `kube-system`; empty: there is none."""
        self.port = 0

    async def serve(self, *, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        async with trio.open_nursery() as nursery:
            listeners = await nursery.start(partial(trio.serve_tcp, self._connection, 0, host="127.0.0.1"))
            self.port = listeners[0].socket.getsockname()[1]
            task_status.started()

    def to(self, path: str) -> list[Request]:
        """The requests for one path, oldest first."""
        return [request for request in self.requests if request.path == path]

    def kubeconfig(self, folder: Path, **user: Any) -> Path:
        """A kubeconfig that leads here."""
        path = folder / "kubeconfig"
        document = {
            "current-context": "here",
            "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{self.port}"}}],
            "users": [{"name": "me", "user": user}],
            "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        }
        path.write_text(json.dumps(document))
        return path

    async def _connection(self, stream: trio.SocketStream) -> None:
        data = b""
        with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
            while b"\r\n\r\n" not in data:
                some = await stream.receive_some()
                if not some:
                    return
                data += some
            head, _, rest = data.partition(b"\r\n\r\n")
            request = Request(head.decode(), stream, rest)
            if request.query.get("limit") == "1":
                self.checks.append(request)
                told = document({"metadata": {"resourceVersion": self.newest}})
                await (self.check or told)(request)
                return
            if request.path == KUBE_SYSTEM and self.uid:
                await document({"metadata": {"uid": self.uid}})(request)
                return
            if request.path == KUBE_SYSTEM and KUBE_SYSTEM not in self.script:
                await status(404, "NotFound")(request)
                return
            self.requests.append(request)
            await self._answer(request)(request)

    def _answer(self, request: Request) -> Answer:
        answers = self.script.get(request.path, [status(404, "NotFound")])
        return answers.pop(0) if len(answers) > 1 else answers[0]


def document(body: Any, code: int = 200, *headers: str) -> Answer:
    """Answers with a JSON document."""

    async def answer(request: Request) -> None:
        data = json.dumps(body)
        await request.head(code, "Transfer-Encoding: chunked", "Content-Type: application/json", *headers)
        await request.write(data)
        await request.end()

    return answer


def status(code: int, reason: str, *headers: str) -> Answer:
    """Refuses, as an API server does."""
    body = {"kind": "Status", "code": code, "reason": reason, "message": f"refused: {reason}"}
    return document(body, code, *headers)


def lines(*parts: str | dict[str, Any], then: str = "hang") -> Answer:
    """A stream: events and raw text, then `hang`, a proper `end`, or a `break` of the connection."""

    async def answer(request: Request) -> None:
        await request.head(200, "Transfer-Encoding: chunked")
        for part in parts:
            await request.write(
                part if isinstance(part, str) else json.dumps(part, ensure_ascii=False) + "\n"
            )
        if then == "end":
            await request.end()
        elif then == "hang":
            await trio.sleep_forever()

    return answer


def event(kind: str, name: str, version: int | str, **fields: Any) -> dict[str, Any]:
    """An event about a ConfigMap in the namespace `shop`."""
    metadata = {"name": name, "namespace": "shop", "resourceVersion": str(version)}
    metadata |= fields.pop("metadata", {})
    return {"type": kind, "object": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata} | fields}


def bookmark(version: int | str) -> dict[str, Any]:
    """A bookmark."""
    return {
        "type": "BOOKMARK",
        "object": {"kind": "ConfigMap", "metadata": {"resourceVersion": str(version)}},
    }


def end_of_list(version: int | str) -> dict[str, Any]:
    """The bookmark that completes a streaming list."""
    mark = bookmark(version)
    mark["object"]["metadata"]["annotations"] = {"k8s.io/initial-events-end": "true"}
    return mark


def error(code: int, reason: str) -> dict[str, Any]:
    """An ERROR event."""
    return {"type": "ERROR", "object": {"kind": "Status", "code": code, "reason": reason, "message": "no"}}


def page(*names: str, version: int | str = 10, token: str = "") -> dict[str, Any]:
    """One page of a list, whose items say neither apiVersion nor kind."""
    metadata = {"resourceVersion": str(version)} | ({"continue": token} if token else {})
    items = [event("ADDED", name, version)["object"]["metadata"] for name in names]
    return {"kind": "ConfigMapList", "metadata": metadata, "items": [{"metadata": item} for item in items]}


def groups(*resources: str, stale: str = "", verbs: tuple[str, ...] = ("list", "watch")) -> dict[str, Any]:
    """An aggregated discovery document of resources spelt `configmaps` or `widgets.example.com`."""
    names = dict.fromkeys(resource.partition(".")[2] for resource in resources)
    return {
        "kind": "APIGroupDiscoveryList",
        "items": [
            {
                "metadata": {"name": name},
                "versions": [
                    {
                        "version": "v1",
                        "freshness": "Stale" if name == stale else "Current",
                        "resources": [
                            {
                                "resource": resource.partition(".")[0],
                                "responseKind": {"group": name, "version": "v1", "kind": resource.title()},
                                "scope": "Namespaced",
                                "verbs": list(verbs),
                            }
                            for resource in resources
                            if resource.partition(".")[2] == name
                        ],
                    }
                ],
            }
            for name in names
        ],
    }
