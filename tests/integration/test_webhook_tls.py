"""TLS of the webhook listener, by real connections: which certificate is shown, and who may call."""

from __future__ import annotations

import io
import shutil
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from cryptography.hazmat.primitives import serialization

from reverser import log
from reverser.certs.self_managed import SelfManaged
from reverser.certs.tls_context import PemFiles, Tls, open_tls
from reverser.config.listeners import WebhookTls
from reverser.errors import ConfigError
from reverser.http.server import serve
from tests.e2e.certificates import Authority

POLL_SECONDS = 0.02


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answers 200 to everything, and takes part in the lifespan."""
    if scope["type"] == "lifespan":
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})
        return
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"2")]})
    await send({"type": "http.response.body", "body": b"ok"})


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """What is logged meanwhile."""
    stream = io.StringIO()
    log.configure("json", "info", stream)
    yield stream
    log.configure("auto", "info")


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return made(tmp_path, "one")


def made(folder: Path, name: str) -> Authority:
    (folder / name).mkdir()
    return Authority(folder / name)


def files(folder: Path, authority: Authority) -> PemFiles:
    """The pair that the listener is told of, with a first certificate in it."""
    put(folder, authority, "first")
    return PemFiles(folder / "tls.crt", folder / "tls.key")


def put(folder: Path, authority: Authority, name: str) -> None:
    """Replace the listener's files, one after the other."""
    certificate, key = authority.server(name)
    for source, target in ((certificate, "tls.crt"), (key, "tls.key")):
        shutil.copy(source, folder / f"{target}.new")
        (folder / f"{target}.new").rename(folder / target)


@asynccontextmanager
async def listening(tls: Tls) -> AsyncIterator[str]:
    """A listener as the daemon has it; its URL."""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(tls.watch, POLL_SECONDS)
        url = await nursery.start(serve, app, "127.0.0.1:0", "webhook.bind", tls.context)
        yield url.replace("127.0.0.1", "localhost")
        nursery.cancel_scope.cancel()


def client(*trusted: Authority, user: tuple[Path, Path] | None = None) -> httpx.AsyncClient:
    """A client that trusts these authorities."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    for each in trusted:
        context.load_verify_locations(each.path)
    if user is not None:
        context.load_cert_chain(*user)
    return httpx.AsyncClient(verify=context, trust_env=False)


async def shown(url: str, *trusted: Authority) -> str:
    """The common name of the certificate that a new connection is shown."""
    async with client(*trusted) as http, http.stream("GET", url) as response:
        assert response.status_code == 200
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        return str(dict(pair for [pair] in tls.getpeercert()["subject"])["commonName"])


async def eventually(condition: Callable[[], Any]) -> None:
    """Poll, with a bound."""
    with trio.fail_after(20):
        while not condition():
            await trio.sleep(POLL_SECONDS)


async def test_a_changed_certificate_is_shown_without_a_restart(
    tmp_path: Path, authority: Authority, lines: io.StringIO
) -> None:
    """New connections see the new certificate; one that is open goes on."""
    async with listening(Tls(files(tmp_path, authority))) as url, client(authority) as old:
        assert await shown(url, authority) == "first"
        assert (await old.get(url)).status_code == 200

        put(tmp_path, authority, "second")
        await eventually(lambda: "certificate reloaded" in lines.getvalue())

        assert await shown(url, authority) == "second"
        answer = await old.get(url)
        peer = answer.extensions["network_stream"].get_extra_info("ssl_object").getpeercert()
        assert peer["subject"] == ((("commonName", "first"),),)


@pytest.mark.parametrize("pair", ["mismatch", "garbled", "missing", "locked", "empty"])
async def test_a_bad_pair_is_refused_and_the_old_one_stays(
    tmp_path: Path, authority: Authority, lines: io.StringIO, pair: str
) -> None:
    """It is told once, however often it is looked at; a good pair afterwards is taken over."""
    async with listening(Tls(files(tmp_path, authority))) as url:
        spoil(tmp_path, authority, pair)
        await eventually(lambda: "certificate cannot be used" in lines.getvalue())
        for _ in range(5):
            await trio.sleep(POLL_SECONDS)
            assert await shown(url, authority) == "first"
        assert lines.getvalue().count("certificate cannot be used") == 1

        put(tmp_path, authority, "second")
        await eventually(lambda: "certificate reloaded" in lines.getvalue())

        assert await shown(url, authority) == "second"


def spoil(folder: Path, authority: Authority, how: str) -> None:
    target = folder / "tls.key"
    match how:
        case "mismatch":
            shutil.copy(authority.server("other")[1], target)
        case "garbled":
            target.write_text("-----BEGIN PRIVATE KEY-----\nnonsense\n-----END PRIVATE KEY-----\n")
        case "missing":
            target.unlink()
        case "empty":
            target.write_text("")
        case "locked":
            key = serialization.load_pem_private_key(target.read_bytes(), None)
            lock = serialization.BestAvailableEncryption(b"secret")
            pem, pkcs8 = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8
            target.write_bytes(key.private_bytes(pem, pkcs8, lock))


def test_a_bad_pair_at_the_start_is_the_configurations_fault(tmp_path: Path, authority: Authority) -> None:
    """Nothing is served without a certificate, and the file is named."""
    pair = files(tmp_path, authority)
    pair.key.unlink()

    with pytest.raises(ConfigError, match=r"webhook\.tls: .*tls\.key cannot be read"):
        Tls(pair)


async def test_with_a_client_authority_only_its_clients_may_call(
    tmp_path: Path, authority: Authority
) -> None:
    """No certificate, or one of another authority, ends the connection; the API server's is let in."""
    clients, strangers = made(tmp_path, "clients"), made(tmp_path, "strangers")
    pair = files(tmp_path, authority)

    async with listening(Tls(PemFiles(pair.certificate, pair.key, clients.path))) as url:
        for user in (None, strangers.client("mallory"), clients.server("no-client")):
            async with client(authority, user=user) as http:
                with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                    await http.get(url)
        async with client(authority, user=clients.client("kube-apiserver")) as http:
            assert (await http.get(url)).status_code == 200


async def test_a_client_authority_can_be_replaced(
    tmp_path: Path, authority: Authority, lines: io.StringIO
) -> None:
    """After the change the old authority's clients are let in no more."""
    before, after = made(tmp_path, "before"), made(tmp_path, "after")
    pair, trust = files(tmp_path, authority), tmp_path / "client-ca.crt"
    shutil.copy(before.path, trust)

    async with listening(Tls(PemFiles(pair.certificate, pair.key, trust))) as url:
        shutil.copy(after.path, trust)
        await eventually(lambda: "certificate reloaded" in lines.getvalue())

        async with client(authority, user=before.client("apiserver")) as http:
            with pytest.raises((httpx.ReadError, httpx.ConnectError, httpx.RemoteProtocolError)):
                await http.get(url)
        async with client(authority, user=after.client("apiserver")) as http:
            assert (await http.get(url)).status_code == 200


async def test_only_http_1_1_is_spoken(tmp_path: Path, authority: Authority) -> None:
    """An API server that offers HTTP/2 as well is answered with HTTP/1.1."""
    async with listening(Tls(files(tmp_path, authority))) as url:
        context = ssl.create_default_context(cafile=str(authority.path))
        context.set_alpn_protocols(["h2", "http/1.1"])
        port = int(url.rpartition(":")[2])
        stream = await trio.open_ssl_over_tcp_stream("localhost", port, ssl_context=context)
        await stream.do_handshake()

        assert stream.selected_alpn_protocol() == "http/1.1"
        await trio.aclose_forcefully(stream)


async def test_a_self_managed_listener_is_trusted_by_its_bundle(tmp_path: Path) -> None:
    """With no more than a folder and names, a client that has the bundle is served."""
    settings = WebhookTls(names=("reverser.reverser.svc",))
    tls = open_tls(settings, tmp_path / "webhook")
    bundle = SelfManaged(tmp_path / "webhook", settings.names).ca_bundle()

    async with listening(tls) as url:
        context = ssl.create_default_context(cadata=bundle.decode())
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        async with httpx.AsyncClient(verify=context, trust_env=False) as http:
            for name in ("localhost", "127.0.0.1", "reverser.reverser.svc"):
                answer = await http.get(url, extensions={"sni_hostname": name})
                assert answer.status_code == 200


async def test_a_renewed_certificate_is_taken_over(tmp_path: Path, lines: io.StringIO) -> None:
    """What is due is renewed while the listener runs: here, because the file is gone."""
    tls = open_tls(WebhookTls(), tmp_path)
    async with listening(tls) as url:
        bundle = SelfManaged(tmp_path, ()).ca_bundle()
        before = (tmp_path / "server.pem").read_bytes()
        (tmp_path / "server.pem").unlink()
        await eventually(lambda: "certificate reloaded" in lines.getvalue())

        assert (tmp_path / "server.pem").read_bytes() != before
        async with httpx.AsyncClient(
            verify=ssl.create_default_context(cadata=bundle.decode()), trust_env=False
        ) as http:
            assert (await http.get(url)).status_code == 200


async def test_a_renewal_that_fails_is_told_once(tmp_path: Path, lines: io.StringIO) -> None:
    """The old certificate goes on, and the renewal once it can."""
    tls = open_tls(WebhookTls(), tmp_path)
    good = (tmp_path / "ca.pem").read_bytes()
    (tmp_path / "ca.pem").write_text("nonsense")
    async with listening(tls) as url:
        for _ in range(3):
            await trio.to_thread.run_sync(tls.refresh)
        assert lines.getvalue().count("cannot be renewed") == 1

        (tmp_path / "ca.pem").write_bytes(good)
        (tmp_path / "server.pem").unlink()
        await eventually(lambda: "certificate reloaded" in lines.getvalue())
        trust = ssl.create_default_context(cadata=SelfManaged(tmp_path, ()).ca_bundle().decode())
        async with httpx.AsyncClient(verify=trust, trust_env=False) as http:
            assert (await http.get(url)).status_code == 200
