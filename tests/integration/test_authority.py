"""An authority that a Secret keeps: everybody agrees on one, and nothing else is served."""

from __future__ import annotations

import base64
import io
import shutil
import stat
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
import structlog
import tomli_w
import trio
import yaml

from reverser.certs.ca import subject_names
from reverser.certs.ca_state import CaState, renewed
from reverser.certs.secret_store import CertSecret, reconcile
from reverser.certs.secret_sync import CertificateSync
from reverser.certs.self_managed import SelfManaged
from reverser.certs.tls_context import open_tls
from reverser.config import Cluster
from reverser.config.listeners import WebhookTls
from reverser.errors import StalledError, TransientError
from reverser.kube import secrets
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.errors import Conflict
from reverser.kube.secrets import SecretName
from reverser.sandbox import Sandbox
from reverser.sandbox.request import Response
from tests.faults import Answer, Faults, Match, failing_sandbox
from tests.integration.kubernetes import Api

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
NAMES = subject_names(["reverser.reverser.svc"])
YEAR = timedelta(days=365)
SECRETS = "/api/v1/namespaces/default/secrets"
SECRET = f"{SECRETS}/webhook"
KEYS = {"ca.crt", "ca.key", "tls.crt", "tls.key"}


class Overtaken:
    """Somebody else acts before the request, which is then refused as outdated."""

    def __init__(self, act: Callable[[], Awaitable[Any]]) -> None:
        self._act = act

    async def play(self, response: Response) -> None:
        await self._act()
        await Answer(409).play(response)


@pytest.fixture
async def sandbox() -> AsyncIterator[Sandbox]:
    async with failing_sandbox() as (sandbox, _):
        yield sandbox


@pytest.fixture
def faults(sandbox: Sandbox) -> Faults:
    """What goes wrong with requests to it."""
    assert isinstance(sandbox.app, Faults)
    return sandbox.app


@pytest.fixture
async def api(sandbox: Sandbox) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(base_url=sandbox.url) as client:
        yield Api(client, "default")


@pytest.fixture
def where(sandbox: Sandbox, tmp_path: Path) -> CertSecret:
    kubeconfig = sandbox.kubeconfig(tmp_path / "kubeconfig")
    return CertSecret(Cluster(kubeconfig=str(kubeconfig)), SecretName("default", "webhook"))


@pytest.fixture
def own(tmp_path: Path) -> SelfManaged:
    return SelfManaged(tmp_path / "data" / "webhook", ["reverser.reverser.svc"])


@pytest.fixture
def lines() -> Iterator[io.StringIO]:
    """Everything that is logged."""
    text = io.StringIO()
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(text), cache_logger_on_first_use=False)
    yield text
    structlog.reset_defaults()


async def data(api: Api) -> dict[str, bytes]:
    found = await api.get(SECRET)
    return {key: base64.b64decode(value) for key, value in found["data"].items()}


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Poll, with a bound."""
    with trio.fail_after(20):
        while not await condition():
            await trio.sleep(0.05)


def secret(**entries: str) -> dict[str, Any]:
    """Somebody's Secret, with labels and a type of theirs."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "webhook", "namespace": "default", "labels": {"team": "ops"}},
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in entries.items()},
    }


async def test_the_first_makes_it_and_the_next_takes_it(where: CertSecret, api: Api) -> None:
    """The second finds what the first kept, and writes nothing."""
    first = await reconcile(where, CaState(), NAMES, NOW)
    made = await api.get(SECRET)
    second = await reconcile(where, CaState(), NAMES, NOW)

    assert first == second
    assert made == await api.get(SECRET)
    assert made["type"] == "kubernetes.io/tls"
    kept = await data(api)
    assert set(kept) == KEYS
    assert kept["ca.crt"] == first.bundle
    assert kept["ca.key"] + kept["ca.crt"] == first.authority
    assert kept["tls.key"] + kept["tls.crt"] == first.server


async def test_who_is_second_to_make_it_takes_the_first(faults: Faults, where: CertSecret, api: Api) -> None:
    """A conflict at the creation is an answer: what was made in vain is forgotten."""
    theirs: list[CaState] = []

    async def act() -> None:
        theirs.append(await reconcile(where, CaState(), NAMES, NOW))

    faults.add(Match(verb="create", resource="secrets"), Overtaken(act), times=1)

    assert [await reconcile(where, CaState(), NAMES, NOW)] == theirs
    assert (await data(api))["ca.crt"] == theirs[0].bundle


async def test_many_who_start_at_once_agree(where: CertSecret) -> None:
    """Whatever the order of their requests, all have one authority and one certificate."""
    found: list[CaState] = []

    async def start() -> None:
        found.append(await reconcile(where, CaState(), NAMES, NOW))

    async with trio.open_nursery() as nursery:
        for _ in range(4):
            nursery.start_soon(start)

    assert len(found) == 4
    assert len({(each.authority, each.server) for each in found}) == 1


async def test_who_is_second_to_renew_it_takes_the_first(faults: Faults, where: CertSecret, api: Api) -> None:
    """A conflict at the renewal, too; the renewed bundle still trusts the old authority."""
    old = await reconcile(where, CaState(), NAMES, NOW)
    theirs: list[CaState] = []

    async def act() -> None:
        theirs.append(await reconcile(where, old, NAMES, NOW + 9 * YEAR))

    faults.add(Match(verb="update", resource="secrets"), Overtaken(act), times=1)

    assert [await reconcile(where, old, NAMES, NOW + 9 * YEAR)] == theirs
    assert theirs[0].authority != old.authority
    assert (await data(api))["ca.crt"] == theirs[0].bundle
    assert theirs[0].bundle.endswith(old.bundle)


async def test_a_write_is_for_what_was_read(where: CertSecret, api: Api) -> None:
    """Replaced, made or deleted meanwhile: each is a conflict, and what stands there stays."""
    async with Client.open(await load(where.cluster.kubeconfig, "")) as client:
        nothing = await secrets.read(client, where.secret)
        await reconcile(where, CaState(), NAMES, NOW)
        outdated = await secrets.read(client, where.secret)
        await reconcile(where, CaState(), NAMES, NOW + 9 * YEAR)
        before = await api.get(SECRET)
        for held in (nothing, outdated):
            with pytest.raises(Conflict):
                await secrets.write(client, where.secret, held, {"ca.key": b"x"})
        assert await api.get(SECRET) == before

        await api.delete(SECRET)
        with pytest.raises(Conflict):
            await secrets.write(client, where.secret, outdated, {"ca.key": b"x"})
        assert await secrets.read(client, where.secret) is None


async def test_a_secret_that_is_gone_before_it_is_renewed_is_made_again(
    faults: Faults, where: CertSecret, api: Api
) -> None:
    """Deleted between reading and writing: it is read again, and what we had comes back."""
    old = await reconcile(where, CaState(), NAMES, NOW)

    async def act() -> None:
        await api.delete(SECRET)

    faults.add(Match(verb="update", resource="secrets"), Overtaken(act), times=1)

    new = await reconcile(where, old, NAMES, NOW + 9 * YEAR)
    assert new.bundle.endswith(old.bundle)
    assert (await data(api))["ca.crt"] == new.bundle


async def test_conflicts_without_end_are_not_waited_for(faults: Faults, where: CertSecret) -> None:
    """It is tried a few times, and then later."""
    faults.add(Match(verb="create", resource="secrets"), Answer(409))

    with pytest.raises(TransientError, match="at each attempt"):
        await reconcile(where, CaState(), NAMES, NOW)


@pytest.mark.parametrize("verb", ["get", "create", "update"])
async def test_a_missing_permission_is_told_with_its_rule(
    sandbox: Sandbox, faults: Faults, where: CertSecret, own: SelfManaged, api: Api, verb: str
) -> None:
    """At once, with nothing made, neither file nor Secret."""
    if verb == "update":
        await api.create(SECRETS, secret())
    faults.add(Match(verb=verb, resource="secrets"), Answer(403))

    with pytest.raises(StalledError, match="the Secret default/webhook of cluster default") as refused:
        await CertificateSync(where, own).start()

    assert "resources: [secrets], verbs: [get, create, update]" in refused.value.hint
    assert not own.exists
    found = await sandbox.get("v1", "Secret", "webhook", "default")
    assert not (found or {}).get("data")


@pytest.mark.parametrize(
    ("entries", "reason"),
    [
        ({"password": "hunter2"}, "has entries, but no ca.key and ca.crt"),
        ({"tls.crt": "hunter2", "tls.key": "hunter2", "ca.crt": "hunter2"}, "has entries, but no ca.key"),
        ({"ca.crt": "hunter2", "ca.key": "hunter2"}, "does not hold a key and its certificate"),
    ],
)
async def test_what_is_not_ours_is_left_alone(
    where: CertSecret, own: SelfManaged, api: Api, entries: dict[str, str], reason: str
) -> None:
    """Somebody's password, cert-manager's pair, or rubbish: told without its content, never replaced."""
    before = await api.create(SECRETS, secret(**entries))

    with pytest.raises(StalledError, match=reason) as refused:
        await CertificateSync(where, own).start()

    assert "hunter2" not in f"{refused.value!r}{refused.value.hint}{refused.value.__cause__!r}"
    assert await api.get(SECRET) == before
    assert not own.exists


async def test_an_empty_secret_is_filled(where: CertSecret, api: Api) -> None:
    """So that nobody needs the permission to create any: what else it has stays."""
    await api.create(SECRETS, secret(**{"tls.crt": ""}))

    await reconcile(where, CaState(), NAMES, NOW)

    found = await api.get(SECRET)
    assert set(found["data"]) == KEYS
    assert found["metadata"]["labels"] == {"team": "ops"}
    assert found["type"] == "Opaque"


async def test_an_authority_alone_gets_a_certificate(where: CertSecret, api: Api) -> None:
    """Whoever brings ca.crt and ca.key only, keeps them: the certificate is signed by them."""
    kept = renewed(CaState(), NAMES, NOW)
    key, begin, rest = kept.authority.decode().partition("-----BEGIN CERT")
    await api.create(SECRETS, secret(**{"ca.key": key.strip(), "ca.crt": begin + rest}))

    assert (await reconcile(where, CaState(), NAMES, NOW)).authority == kept.authority
    assert set(await data(api)) == KEYS


async def test_an_authority_of_the_data_directory_moves(
    where: CertSecret, own: SelfManaged, api: Api
) -> None:
    """Who names a Secret later keeps the authority that API servers trust already."""
    own.renew(datetime.now(UTC))
    before = own.read()

    await CertificateSync(where, own).start()

    assert own.read() == before
    assert (await data(api))["ca.crt"] == own.ca_bundle()


async def test_a_data_directory_that_was_thrown_away_comes_back(
    where: CertSecret, own: SelfManaged, tmp_path: Path
) -> None:
    """The same authority and certificate, readable by their owner only; another one there gives way."""
    await CertificateSync(where, own).start()
    before = own.read()
    shutil.rmtree(tmp_path / "data")
    SelfManaged(own.path.parent, ["another"]).renew(datetime.now(UTC))

    await CertificateSync(where, own).start()

    assert own.read() == before
    assert {stat.S_IMODE(path.stat().st_mode) for path in own.path.parent.iterdir()} == {0o600}


async def test_a_cluster_that_is_away(
    faults: Faults, where: CertSecret, own: SelfManaged, lines: io.StringIO
) -> None:
    """Nothing to serve: told. Files of the last start: served."""
    rule = faults.add(Match(resource="secrets"), Answer(503))
    with pytest.raises(StalledError, match="cannot be read and written"):
        await CertificateSync(where, own).start(0.2)
    assert not own.exists
    faults.remove(rule)
    await CertificateSync(where, own).start()
    before = own.read()

    faults.add(Match(resource="secrets"), Answer(503))
    await CertificateSync(where, own).start(0.2)

    assert own.read() == before
    assert "using the certificate of the last start" in lines.getvalue()


async def test_a_short_absence_is_waited_for(faults: Faults, where: CertSecret, own: SelfManaged) -> None:
    """One answer that fails does not end a start."""
    faults.add(Match(verb="get", resource="secrets"), Answer(503), times=1)

    await CertificateSync(where, own).start()

    assert own.exists


async def test_a_running_listener_follows_the_secret(
    where: CertSecret, own: SelfManaged, api: Api, lines: io.StringIO
) -> None:
    """What others renewed is loaded, a Secret that was deleted is put back, and no key is logged."""
    keeper = CertificateSync(where, own)
    await keeper.start()
    tls = open_tls(WebhookTls(names=("reverser.reverser.svc",), secret="default/webhook"), own.path.parent)
    first, before = tls.context.newest, own.read()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.keep, 0.05)
        nursery.start_soon(tls.watch, 0.05)
        await api.patch(SECRET, {"data": {"tls.crt": None, "tls.key": None}})

        async def replaced() -> bool:
            return own.read().server != before.server and tls.context.newest is not first

        await until(replaced)
        await api.delete(SECRET)

        async def back() -> bool:
            response = await api.client.get(SECRET)
            return response.status_code == 200

        await until(back)
        nursery.cancel_scope.cancel()

    assert (await data(api))["ca.crt"] == own.ca_bundle()
    assert own.read().authority == before.authority
    assert "certificate reloaded" in lines.getvalue()
    assert "PRIVATE" not in lines.getvalue()


async def test_the_listener_itself_renews_nothing(where: CertSecret, own: SelfManaged) -> None:
    """A certificate that is due stays until the Secret has another: here it lacks a name."""
    await CertificateSync(where, own).start()
    before = own.read()

    tls = open_tls(WebhookTls(names=("another.svc",), secret="default/webhook"), own.path.parent)
    tls.refresh()

    assert own.read() == before


async def test_trouble_of_a_running_listener_is_told_once(
    faults: Faults, where: CertSecret, own: SelfManaged, lines: io.StringIO
) -> None:
    """The old certificate stays, and the permission is named."""
    keeper = CertificateSync(where, own)
    await keeper.start()
    before = own.read()
    asked = 0

    async def count() -> None:
        nonlocal asked
        asked += 1

    class Counted(Overtaken):
        async def play(self, response: Response) -> None:
            await self._act()
            await Answer(403).play(response)

    faults.add(Match(resource="secrets"), Counted(count))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(keeper.keep, 0.01)

        async def enough() -> bool:
            return asked >= 4

        await until(enough)
        nursery.cancel_scope.cancel()

    assert own.read() == before
    assert lines.getvalue().count("certificate cannot be renewed") == 1
    assert "verbs: [get, create, update]" in lines.getvalue()


async def test_a_registration_printed_elsewhere_trusts_it(
    where: CertSecret, api: Api, tmp_path: Path
) -> None:
    """Before the first start and after it, from any machine; its data directory is not touched."""
    tables = {
        "data_dir": str(tmp_path / "laptop"),
        "webhook": {"tls": {"secret": "default/webhook", "names": ["reverser.reverser.svc"]}},
        "clusters": [{"name": "default", "kubeconfig": where.cluster.kubeconfig}],
        "destinations": [{"name": "live", "url": f"file://{tmp_path}/remote.git"}],
        "rules": [{"name": "all", "destination": "live"}],
    }
    config = tmp_path / "reverser.toml"
    config.write_bytes(tomli_w.dumps(tables).encode())
    arguments = ("webhook", "print", "--offline", "--config", str(config), "--service", "reverser/reverser")

    printed = []
    for _ in range(2):
        done = await trio.run_process(
            [sys.executable, "-m", "reverser", *arguments], capture_stdout=True, capture_stderr=True
        )
        printed.append(yaml.safe_load(done.stdout)["webhooks"][0]["clientConfig"]["caBundle"])
    kept = await reconcile(where, CaState(), NAMES, datetime.now(UTC))

    assert {base64.b64decode(each) for each in printed} == {kept.bundle} == {(await data(api))["ca.crt"]}
    assert not (tmp_path / "laptop").exists()
