"""The HTTP client: proxies, certificates, and connections that end badly."""

from __future__ import annotations

import base64
import gc
import json
import ssl
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio
import trustme

from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.errors import Silent, Unreachable
from tests.integration.scripted import Request, Scripted, document, event, lines


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    server = Scripted()
    await nursery.start(server.serve)
    server.script["/version"] = [document({"gitVersion": "v1"})]
    return server


def _kubeconfig(folder: Path, server: str, **cluster: Any) -> str:
    document = {
        "current-context": "here",
        "clusters": [{"name": "here", "cluster": {"server": server} | cluster}],
        "users": [{"name": "me", "user": {"token": "secret"}}],
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
    }
    path = folder / "kubeconfig"
    path.write_text(json.dumps(document))
    return str(path)


@pytest.fixture
async def tls(nursery: trio.Nursery, tmp_path: Path) -> tuple[int, trustme.CA]:
    """A TLS server that is called kube.example and answers anything with an empty document."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("kube.example").configure_cert(context)

    async def answer(stream: trio.SSLStream[trio.SocketStream]) -> None:
        try:
            await stream.receive_some()
            await stream.send_all(b"HTTP/1.1 200 X\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
        except trio.BrokenResourceError:
            await stream.aclose()

    async def serve(*, task_status: trio.TaskStatus[Any]) -> None:
        await trio.serve_ssl_over_tcp(answer, 0, context, host="127.0.0.1", task_status=task_status)

    (listener,) = await nursery.start(serve)
    return listener.transport_listener.socket.getsockname()[1], authority


async def test_the_kubeconfig_s_proxy_is_used(api: Scripted, tmp_path: Path) -> None:
    """A server that only the proxy knows is reached through it."""
    proxy = f"http://127.0.0.1:{api.port}"
    kubeconfig = _kubeconfig(tmp_path, "http://kube.invalid", **{"proxy-url": proxy})

    async with Client.open(await load(kubeconfig, "")) as client:
        assert await client.get("/version") == {"gitVersion": "v1"}

    assert api.requests[0].headers["host"] == "kube.invalid"


async def test_no_other_proxy_is_used(api: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A proxy of the environment does not come between us and the cluster."""
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")

    async with Client.open(await load(str(api.kubeconfig(tmp_path)), "")) as client:
        assert await client.get("/version") == {"gitVersion": "v1"}


async def test_the_tls_name_of_the_kubeconfig_counts(tls: tuple[int, trustme.CA], tmp_path: Path) -> None:
    """The certificate is checked for `tls-server-name`, not for the address that was dialled."""
    port, authority = tls
    trusted = {"certificate-authority-data": base64.b64encode(authority.cert_pem.bytes()).decode()}
    server = f"https://127.0.0.1:{port}"

    async with Client.open(await load(_kubeconfig(tmp_path, server, **trusted), "")) as client:
        with pytest.raises(Unreachable, match="CERTIFICATE"):
            await client.get("/version")
    named = trusted | {"tls-server-name": "kube.example"}
    async with Client.open(await load(_kubeconfig(tmp_path, server, **named), "")) as client:
        assert await client.get("/version") == {}


async def test_an_unknown_authority_is_refused(tls: tuple[int, trustme.CA], tmp_path: Path) -> None:
    """A server that nobody vouches for gets no token, and the error says where to look."""
    other = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    server, cluster = f"https://127.0.0.1:{tls[0]}", {"tls-server-name": "kube.example"}
    kubeconfig = _kubeconfig(tmp_path, server, **cluster, **{"certificate-authority-data": other})

    async with Client.open(await load(kubeconfig, "")) as client:
        with pytest.raises(Unreachable) as caught:
            await client.get("/version")

    assert "certificate authority" in caught.value.hint


async def test_a_path_in_the_server_s_address_is_kept(api: Scripted, tmp_path: Path) -> None:
    """Clusters behind a gateway live below a path."""
    api.script["/k8s/clusters/c-1/version"] = [document({})]
    kubeconfig = _kubeconfig(tmp_path, f"http://127.0.0.1:{api.port}/k8s/clusters/c-1/")

    async with Client.open(await load(kubeconfig, "")) as client:
        assert await client.get("/version") == {}


async def test_a_server_that_accepts_and_says_nothing_is_silent(
    api: Scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a request nor a stream waits for ever for its answer to begin."""
    monkeypatch.setattr("reverser.kube.client.REQUEST_SECONDS", 0.2)

    async def nothing(_: Request) -> None:
        await trio.sleep_forever()

    api.script["/silent"] = [nothing]
    async with Client.open(await load(str(api.kubeconfig(tmp_path)), "")) as client:
        with pytest.raises(Silent):
            await client.get("/silent")
        with pytest.raises(Silent):
            async with client.stream("/silent", {}, silence_seconds=60):
                pytest.fail("a stream began that has no answer")


async def test_a_stream_can_be_left_at_any_time(api: Scripted, tmp_path: Path) -> None:
    """Leaving a stream early, or never reading it, closes its connection and leaks no generator."""
    api.script["/stream"] = [lines(event("ADDED", "a", 1), event("ADDED", "b", 2))]
    async with Client.open(await load(str(api.kubeconfig(tmp_path)), "")) as client:
        async with client.stream("/stream", {}, silence_seconds=60) as read:
            assert b'"a"' in await anext(read)
        async with client.stream("/stream", {}, silence_seconds=60):
            pass
        with trio.move_on_after(0.2) as waiting:
            async with client.stream("/stream", {}, silence_seconds=60) as read:
                async for _ in read:
                    pass

    assert waiting.cancelled_caught


async def test_a_handshake_that_is_cancelled_leaves_no_connection(
    nursery: trio.Nursery, tmp_path: Path
) -> None:
    """Who gives up while a server does not answer the handshake hangs up at once, on both sides."""
    hung_up = trio.Event()

    async def say_nothing(stream: trio.SocketStream) -> None:
        while await stream.receive_some():
            pass
        hung_up.set()

    (listener,) = await nursery.start(partial(trio.serve_tcp, say_nothing, 0, host="127.0.0.1"))
    server = f"https://127.0.0.1:{listener.socket.getsockname()[1]}"
    async with Client.open(await load(_kubeconfig(tmp_path, server), "")) as client:
        gc.disable()  # its help is what must not be needed
        try:
            with trio.move_on_after(0.2) as given_up:
                await client.get("/version")
            with trio.fail_after(10):
                await hung_up.wait()
        finally:
            gc.enable()

    assert given_up.cancelled_caught
