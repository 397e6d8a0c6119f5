"""An API server that knows two things, a streaming list of each type and then silence, and both fast.

A process of its own (`python -m tests.bench.listserver SHAPE SIZE`): its memory and its processor time
are none of the daemon's. Everything that it will say is made before it prints its port.
"""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import trio

from reverser.model.resource import ResourceType
from tests.bench.samples import PER_NAMESPACE, TYPES, sample

ROOT = Path(__file__).parents[2]
SHAPES = ("one", "mixed")
MIXED_TYPES = 60
VALUE_LINES = 100
CHUNK = 200
"""Lines that are sent at once."""
VERBS = ("get", "list", "watch")
END = {"metadata": {"resourceVersion": "9000000", "annotations": {"k8s.io/initial-events-end": "true"}}}

Served = dict[str, list[bytes]]
"""Path of a collection -> its initial events, in chunks of lines."""


def types(shape: str) -> list[ResourceType]:
    """One type, or many: those of the samples and the same under other groups."""
    if shape == "one":
        return [TYPES[1]]
    groups = (f"g{number:02}.example.com" for number in itertools.count())
    copies = (msgspec.structs.replace(each, group=group) for group in groups for each in TYPES)
    return [*TYPES, *itertools.islice(copies, MIXED_TYPES - len(TYPES))]


def events(shape: str, size: int) -> Served:
    """What the lists of all types bring."""
    served: Served = {}
    kinds = types(shape)
    for index, resource in enumerate(kinds):
        numbers = range(index, size, len(kinds))
        lines = (_line(_config_map(n) if shape == "one" else _copy(n, index, resource)) for n in numbers)
        served[_path(resource)] = [b"".join(chunk) for chunk in _chunked(lines)]
    return served


def _chunked(lines: Iterator[bytes]) -> Iterator[list[bytes]]:
    while chunk := list(itertools.islice(lines, CHUNK)):
        yield chunk


def _line(content: Any) -> bytes:
    return msgspec.json.encode({"type": "ADDED", "object": content}) + b"\n"


def _copy(number: int, index: int, resource: ResourceType) -> dict[str, Any]:
    """A sample of the type's shape, under the type's own group."""
    content = sample((number // len(TYPES)) * len(TYPES) + index % len(TYPES), 0)
    content["metadata"]["namespace"] = f"team-{number // PER_NAMESPACE:04}"
    content["metadata"]["name"] = f"{resource.kind.lower()}-{number:06}"
    return content | {"apiVersion": resource.api_version}


def _config_map(number: int) -> dict[str, Any]:
    """4 kB of text that differs from object to object."""
    text = "".join(
        f"setting-{line}: value {number * 7919 + line * 104729:x}\n" for line in range(VALUE_LINES)
    )
    content = sample(1, 0)
    content["metadata"] |= {
        "name": f"settings-{number:06}",
        "namespace": f"team-{number // PER_NAMESPACE:04}",
    }
    return content | {"data": {"application.yaml": text, "more.yaml": text[::-1][:1200]}}


def _path(resource: ResourceType) -> str:
    root = f"/apis/{resource.group}" if resource.group else "/api"
    return f"{root}/{resource.version}/{resource.resource}"


def _group(resource: ResourceType) -> dict[str, Any]:
    row = {
        "resource": resource.resource,
        "scope": "Namespaced",
        "verbs": VERBS,
        "responseKind": {"kind": resource.kind},
        "subresources": [{"subresource": name} for name in resource.subresources],
    }
    versions = [{"version": resource.version, "resources": [row]}]
    return {"metadata": {"name": resource.group} if resource.group else {}, "versions": versions}


def _answers(shape: str) -> dict[str, bytes]:
    """Discovery; one row a type, since groups may be named more than once."""
    groups = [_group(each) for each in types(shape)]
    core = [each for each in groups if not each["metadata"]]
    others = [each for each in groups if each["metadata"]]
    listed = {"kind": "APIGroupDiscoveryList"}
    return {
        "/version": msgspec.json.encode({"gitVersion": "v1.34.4"}),
        "/api": msgspec.json.encode(listed | {"items": core}),
        "/apis": msgspec.json.encode(listed | {"items": others}),
    }


async def _converse(stream: trio.SocketStream, answers: dict[str, bytes], served: Served) -> None:
    received = b""
    with suppress(trio.BrokenResourceError):
        while data := await stream.receive_some():
            received += data
            if not received.endswith(b"\r\n\r\n"):
                continue
            target, received = received.split(b" ", 2)[1].decode(), b""
            path, _, query = target.partition("?")
            if path in served and "watch" in query:
                await _watch(stream, served[path] if "sendInitialEvents" in query else [])
                break
            body = answers.get(path, b"{}")
            head = f"HTTP/1.1 {200 if path in answers else 404} X\r\nContent-Type: application/json\r\n"
            await stream.send_all(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def _watch(stream: trio.SocketStream, chunks: list[bytes]) -> None:
    await stream.send_all(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    for chunk in chunks:
        await _send_chunk(stream, chunk)
    if chunks:
        await _send_chunk(stream, msgspec.json.encode({"type": "BOOKMARK", "object": END}) + b"\n")
    await stream.receive_some()


async def _send_chunk(stream: trio.SocketStream, data: bytes) -> None:
    await stream.send_all(b"%x\r\n%s\r\n" % (len(data), data))


async def _serve(shape: str, size: int) -> None:
    answers, served = _answers(shape), events(shape, size)

    async def connection(stream: trio.SocketStream) -> None:
        await _converse(stream, answers, served)

    listeners = await trio.open_tcp_listeners(0, host="127.0.0.1")
    sys.stdout.write(f"{listeners[0].socket.getsockname()[1]}\n")
    sys.stdout.flush()
    await trio.serve_listeners(connection, listeners)


@contextmanager
def listserver(folder: Path, shape: str, size: int) -> Iterator[Path]:
    """Its kubeconfig, for as long as the server runs."""
    command = [sys.executable, "-m", "tests.bench.listserver", shape, str(size)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            url = f"http://127.0.0.1:{int(process.stdout.readline())}"
            yield _kubeconfig(folder / "kubeconfig", url)
        finally:
            process.kill()


def _kubeconfig(path: Path, url: str) -> Path:
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": url}}],
        "users": [{"name": "me", "user": {}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    path.write_text(json.dumps(document))
    return path


if __name__ == "__main__":
    trio.run(_serve, sys.argv[1], int(sys.argv[2]))
