"""A whole cluster observed, against a scripted API server: discovery, credentials, many streams."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
import trio
import trio.testing

from reverser.errors import StalledError
from reverser.model.change import Stream, Unwanted
from tests.integration.observing import PATH, Observed, hurry, scripted, until
from tests.integration.scripted import (
    KUBE_SYSTEM,
    Scripted,
    bookmark,
    document,
    end_of_list,
    event,
    groups,
    lines,
    status,
)

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
WIDGETS = "/apis/example.com/v1/widgets"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Back-off and discovery in milliseconds."""
    hurry(monkeypatch)


@pytest.fixture
async def api(nursery: trio.Nursery) -> Scripted:
    """A server with ConfigMaps only."""
    server = await scripted(nursery)
    server.script["/version"] = [document({"gitVersion": "v1.34.4"})]
    server.script["/api"] = [document(groups("configmaps"))]
    server.script["/apis"] = [document(groups())]
    server.script[PATH] = [lines(event("ADDED", "a", 1), end_of_list(2))]
    return server


class RegisteredWebhook(Observed):
    """Goes on from the positions of the journal, and remembers of which streams it was asked."""

    def __init__(self, kubeconfig: Path, positions: dict[str, str], uid: str = "") -> None:
        self.asked = list[Stream]()

        async def position(stream: Stream) -> str:
            self.asked.append(stream)
            return positions.get(stream.type.name, "")

        async def known() -> str:
            return uid

        super().__init__(kubeconfig, position, known)


Observe = Callable[..., RegisteredWebhook]


@pytest.fixture
def observe(nursery: trio.Nursery, api: Scripted, tmp_path: Path) -> Observe:
    def start(kubeconfig: Path | None = None, uid: str = "", **positions: str) -> RegisteredWebhook:
        observed = RegisteredWebhook(kubeconfig or api.kubeconfig(tmp_path), positions, uid)
        observed.start(nursery)
        return observed

    return start


async def test_a_cluster_settles_when_every_type_is_listed(observe: Observe) -> None:
    """Connected, discovered, listed: in this order, and `settled` returns after it."""
    observed = observe()

    with trio.fail_after(10):
        await observed.observer.round()

    await observed.taken.until("list", "snapshot +a", "listed 2")
    assert observed.told.calls == ["connected", "discovered", "listed configmaps 1"]
    assert [stream.id for stream in observed.told.streams] == ["default/configmaps/"]


async def test_a_known_position_settles_without_a_list(api: Scripted, observe: Observe) -> None:
    """A stream whose position the journal knows is resumed there."""
    api.script[PATH] = [lines(event("MODIFIED", "a", 8))]
    observed = observe(configmaps="7")

    with trio.fail_after(10):
        await observed.observer.round()

    await observed.taken.until("live +a 8")


async def test_one_forbidden_type_degrades_alone(api: Scripted, observe: Observe) -> None:
    """403 on one type leaves the others listed and the cluster settled."""
    api.script["/apis"] = [document(groups("widgets.example.com"))]
    api.script[WIDGETS] = [status(403, "Forbidden")]
    observed = observe()

    with trio.fail_after(10):
        await observed.observer.round()

    await until(lambda: "listed configmaps 1" in observed.told.calls)
    assert "failed widgets.example.com" in observed.told.calls
    assert "failed configmaps" not in observed.told.calls


async def test_one_type_that_answers_401_degrades_alone(api: Scripted, observe: Observe) -> None:
    """An aggregated API that refuses our login does not disturb streams of other types."""
    api.script["/apis"] = [document(groups("widgets.example.com"))]
    api.script[WIDGETS] = [status(401, "Unauthorized")]
    observed = observe()

    await until(lambda: observed.told.calls.count("failed widgets.example.com") > 3)

    assert len(api.to(PATH)) == 1
    assert observed.told.calls.count("connected") == 1


async def test_a_login_that_ran_out_is_made_anew(api: Scripted, observe: Observe) -> None:
    """When discovery answers 401 the observer connects afresh and streams go on where they stood."""
    api.script[PATH] = [lines(event("ADDED", "a", 1), end_of_list(2), event("MODIFIED", "a", 8)), lines()]
    observed = observe(configmaps="")
    await until(lambda: "live +a 8" in observed.taken.texts)

    api.script["/api"] = [status(401, "Unauthorized")] * 2 + [document(groups("configmaps"))]
    observed.observer.poke()

    await until(lambda: len(api.to(PATH)) == 2)
    assert api.to(PATH)[1].query["resourceVersion"] == "8"
    assert observed.told.calls.count("connected") == 2
    assert len(observed.asked) == 1


async def test_at_most_eight_lists_are_in_flight(api: Scripted, observe: Observe) -> None:
    """Twenty types are listed eight at a time; those that wait have not been asked for yet."""
    names = [f"things{number}" for number in range(20)]
    release = trio.Event()

    async def slow(request: object) -> None:
        await release.wait()
        await lines(end_of_list(2))(request)  # type: ignore[arg-type]

    api.script["/api"] = [document(groups(*names))]
    for name in names:
        api.script[f"/api/v1/{name}"] = [slow]
    observed = observe()
    await until(lambda: len(api.requests) >= 3 + 8)
    # API and observer are tasks here: when all of them wait, nobody asks for more.
    await trio.testing.wait_all_tasks_blocked(0.02)
    assert len([r for r in api.requests if "things" in r.path]) == 8

    release.set()

    with trio.fail_after(10):
        await observed.observer.round()
    assert len([r for r in api.requests if "things" in r.path]) == 20


async def test_a_new_type_is_followed_when_its_crd_appears(api: Scripted, observe: Observe) -> None:
    """An event of a CRD makes discovery be asked at once, not after half a minute."""
    crds = "customresourcedefinitions.apiextensions.k8s.io"
    api.script["/apis"] = [document(groups(crds)), document(groups(crds, "widgets.example.com"))]
    api.script[CRDS] = [
        lines(end_of_list(2), event("ADDED", "widgets.example.com", 3, metadata={"namespace": ""}))
    ]
    api.script[WIDGETS] = [status(404, "NotFound"), lines(event("ADDED", "w", 4), end_of_list(5))]

    observed = observe()

    await until(lambda: "listed widgets.example.com 1" in observed.told.calls)


async def test_a_type_that_goes_is_let_go_of_after_the_grace(
    api: Scripted, observe: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stream survives an answer that lacks its type, and ends once the type stays away."""
    api.script["/apis"] = [document(groups("widgets.example.com")), document(groups())]
    api.script[WIDGETS] = [lines(end_of_list(2))]
    observed = observe()
    await until(lambda: len(observed.told.streams) == 2)

    observed.observer.poke()
    await until(lambda: observed.told.calls.count("discovered") == 2)
    assert len(observed.told.streams) == 2

    monkeypatch.setattr("reverser.kube.type_catalog.GRACE_SECONDS", 0)
    observed.observer.poke()
    await until(lambda: [stream.type.name for stream in observed.told.streams] == ["configmaps"])
    await until(lambda: Unwanted in map(type, observed.taken.all))


async def test_a_stale_group_keeps_its_types(api: Scripted, observe: Observe) -> None:
    """A group behind which nobody answers degrades by name; its stream goes on."""
    api.script["/apis"] = [
        document(groups("widgets.example.com")),
        document(groups(".example.com", stale="example.com")),
    ]
    api.script[WIDGETS] = [lines(end_of_list(2))]
    observed = observe()
    await until(lambda: len(observed.told.streams) == 2)

    observed.observer.poke()

    await until(lambda: "example.com" in observed.told.degraded)
    assert "widgets.example.com" in {type_.name for type_ in observed.told.types}
    assert len(api.to(WIDGETS)) == 1


async def test_a_server_that_is_down_is_tried_until_it_is_up(
    nursery: trio.Nursery, observe: Observe, api: Scripted
) -> None:
    """503 at start is reported, not fatal; the cluster is listed when the server comes up."""
    version = api.script.pop("/version")
    api.script["/version"] = [status(503, "ServiceUnavailable")]
    observed = observe()
    await until(lambda: observed.told.calls.count("unreachable") > 2)
    with trio.fail_after(10):
        await observed.observer.round()

    api.script["/version"] = version

    await until(lambda: "listed configmaps 1" in observed.told.calls)


async def test_a_missing_kubeconfig_is_reported_until_it_is_there(
    api: Scripted, observe: Observe, tmp_path: Path
) -> None:
    """Credentials that are not there are a call for help, and are used as soon as they are."""
    absent = tmp_path / "later" / "kubeconfig"
    observed = observe(absent)
    await until(lambda: observed.told.errors)
    assert getattr(observed.told.errors[0], "reason", "") == "KubeconfigMissing"

    absent.parent.mkdir()
    api.kubeconfig(absent.parent)

    await until(lambda: "listed configmaps 1" in observed.told.calls)


async def test_an_outage_keeps_streams_at_their_positions(api: Scripted, observe: Observe) -> None:
    """While discovery fails, streams are neither stopped nor listed again."""
    api.script[PATH] = [lines(end_of_list(2), bookmark(5), then="break"), lines(event("MODIFIED", "a", 8))]
    observed = observe()
    await until(lambda: "at 5" in observed.taken.texts)
    api.script["/api"] = [status(503, "ServiceUnavailable")]

    observed.observer.poke()

    await until(lambda: "unreachable" in observed.told.calls)
    await observed.taken.until("list", "listed 2", "at 5", "live +a 8")
    assert api.to(PATH)[1].query["resourceVersion"] == "5"


async def test_twenty_expired_tokens_make_one_login(api: Scripted, observe: Observe, tmp_path: Path) -> None:
    """All streams that meet the same 401 share one run of the exec plugin and lose nothing."""
    plugin, runs = tmp_path / "plugin", tmp_path / "runs"
    status_json = json.dumps({"status": {"token": "TOKEN"}})
    plugin.write_text(
        f"#!/bin/sh\necho >> {runs}\nprintf '%s' '{status_json}' | sed s/TOKEN/t$(wc -l < {runs})/\n"
    )
    plugin.chmod(0o755)
    exec_ = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(plugin)}
    names = [f"things{number}" for number in range(20)]
    waiting = trio.Event()

    async def guarded(request: object) -> None:
        if request.headers["authorization"] == "Bearer t1":  # type: ignore[attr-defined]
            if len([r for r in api.requests if "things" in r.path]) == 20:
                waiting.set()
            await waiting.wait()
            await status(401, "Unauthorized")(request)  # type: ignore[arg-type]
        else:
            await lines(bookmark(9))(request)  # type: ignore[arg-type]

    api.script["/api"] = [document(groups(*names))]
    for name in names:
        api.script[f"/api/v1/{name}"] = [guarded]

    observed = observe(api.kubeconfig(tmp_path, exec=exec_), **dict.fromkeys(names, "7"))

    await until(lambda: observed.taken.texts.count("at 9") == 20)
    assert runs.read_text() == "\n\n"
    assert observed.told.errors == []


BAD_SERVERS = [
    "https://api.example:99999",
    "https://api.example:port",
    "https://[::1",
    "api.example:6443",
    "ftp://api",
]
BAD_PROXIES = [
    "proxy.example:3128",
    "ftp://proxy.example",
    "http://proxy.example:port",
    "http://[::1",
    "socks4://x:1",
]


def _kubeconfig(path: Path, **cluster: str) -> None:
    document = json.loads(path.read_text())
    document["clusters"][0]["cluster"].update(cluster)
    path.write_text(json.dumps(document))


@pytest.mark.parametrize(
    ("key", "address"),
    [*(("server", each) for each in BAD_SERVERS), *(("proxy-url", each) for each in BAD_PROXIES)],
)
async def test_an_address_of_no_use_is_told_and_tried_again(
    api: Scripted, observe: Observe, tmp_path: Path, key: str, address: str
) -> None:
    """The key of the kubeconfig is named, nothing ends, and the cluster is observed once it is mended."""
    good = api.kubeconfig(tmp_path).read_text()
    bad = tmp_path / "bad"
    bad.write_text(good)
    _kubeconfig(bad, **{key: address})
    observed = observe(bad)
    await until(lambda: observed.told.errors)
    error = observed.told.errors[0]
    assert isinstance(error, StalledError)
    assert error.reason == "KubeconfigUnusable"
    assert f"`{key}`" in error.message

    bad.write_text(good)
    await until(lambda: "listed configmaps 1" in observed.told.calls)


async def test_an_address_that_turns_bad_is_told_at_the_next_login(
    api: Scripted, observe: Observe, tmp_path: Path
) -> None:
    """A kubeconfig is read again when a login has run out; one of no use then is waited out as well."""
    path = api.kubeconfig(tmp_path)
    good = path.read_text()
    observed = observe(path)
    await until(lambda: "listed configmaps 1" in observed.told.calls)

    _kubeconfig(path, **{"proxy-url": "proxy.example"})
    api.script["/api"] = [status(401, "Unauthorized")] * 2 + [document(groups("configmaps"))]
    observed.observer.poke()
    await until(lambda: any("proxy-url" in error.message for error in observed.told.errors))

    path.write_text(good)
    await until(lambda: observed.told.calls.count("connected") == 2)


async def test_a_socks_proxy_is_used(
    api: Scripted, observe: Observe, tmp_path: Path, nursery: trio.Nursery
) -> None:
    """As with kubectl, `proxy-url` may be one."""
    path = api.kubeconfig(tmp_path)
    asked: list[bytes] = []
    port = await nursery.start(_socks, asked, api.port)
    _kubeconfig(path, server="http://kube.invalid:80", **{"proxy-url": f"socks5://127.0.0.1:{port}"})

    observed = observe(path)

    await until(lambda: "listed configmaps 1" in observed.told.calls)
    assert {*asked} == {b"kube.invalid"}


async def _socks(
    asked: list[bytes], port: int, *, task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED
) -> None:
    """SOCKS5 without a login, as RFC 1928 has it: every connection leads to one port here."""

    async def connection(client: trio.SocketStream) -> None:
        greeting = await client.receive_some(64)
        assert greeting[0] == 5
        await client.send_all(b"\x05\x00")
        request = await client.receive_some(512)
        asked.append(request[5 : 5 + request[4]])
        await client.send_all(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
        async with await trio.open_tcp_stream("127.0.0.1", port) as server, trio.open_nursery() as both:
            both.start_soon(_copy, client, server)
            both.start_soon(_copy, server, client)

    (listener,) = await trio.open_tcp_listeners(0, host="127.0.0.1")
    task_status.started(listener.socket.getsockname()[1])
    await trio.serve_listeners(connection, [listener])


async def _copy(source: trio.SocketStream, target: trio.SocketStream) -> None:
    with suppress(trio.BrokenResourceError, trio.ClosedResourceError):
        while data := await source.receive_some():
            await target.send_all(data)
        await target.send_eof()


async def test_a_bug_about_one_cluster_or_stream_ends_nothing(
    api: Scripted, observe: Observe, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told as a failure of the cluster, or of the stream, and tried again."""
    with monkeypatch.context() as patch:
        patch.setattr("reverser.kube.observer.discover", _broken)
        observed = observe()
        await until(lambda: observed.told.errors)
        assert "canary" not in observed.told.errors[0].message
        assert "KeyError in reverser.kube.observer" in observed.told.errors[0].message
    with monkeypatch.context() as patch:
        patch.setattr("reverser.kube.watch.change_of", _broken)
        await until(lambda: "failed configmaps" in observed.told.calls)
        assert observed.told.restarts[0] == "bug"

    await until(lambda: "listed configmaps 1" in observed.told.calls)


def _broken(*_args: object) -> None:
    raise KeyError("canary")


async def test_another_cluster_at_the_same_address_is_listed(api: Scripted, observe: Observe) -> None:
    """A cluster that was made anew while we were away has no use for our positions, high or low."""
    api.uid, api.newest = "second", "5000"
    api.script[PATH] = [lines(event("ADDED", "a", 1), end_of_list(5000))]

    observed = observe(uid="first", configmaps="7")

    await observed.taken.until("another cluster second", "list", "snapshot +a", "listed 5000")
    assert observed.told.calls.count("started over all") == 1
    assert observed.asked == []


async def test_another_cluster_is_noticed_while_running(api: Scripted, observe: Observe) -> None:
    """Discovery asks each time: every stream begins anew, those that live too."""
    api.uid = "first"
    api.script[PATH] = [lines(event("MODIFIED", "a", 8)), lines(event("ADDED", "b", 1), end_of_list(9000))]
    observed = observe(uid="first", configmaps="7")
    await until(lambda: "live +a 8" in observed.taken.texts)

    api.uid = "second"
    observed.observer.poke()

    await observed.taken.until("live +a 8", "another cluster second", "list", "snapshot +b", "listed 9000")


async def test_a_cluster_is_known_from_its_first_answer_on(api: Scripted, observe: Observe) -> None:
    """The uid is handed on once, and what was kept without one is still good."""
    api.uid = "first"
    api.script[PATH] = [lines(event("MODIFIED", "a", 8))]
    observed = observe(configmaps="7")
    await until(lambda: "live +a 8" in observed.taken.texts)

    rounds = observed.told.calls.count("discovered")
    observed.observer.poke()
    await until(lambda: observed.told.calls.count("discovered") > rounds)

    await observed.taken.until("the cluster first", "live +a 8")
    assert observed.told.started == []


@pytest.mark.parametrize("code", [403, 503])
async def test_a_cluster_whose_uid_is_not_told(api: Scripted, observe: Observe, code: int) -> None:
    """Who may not read kube-system is observed as before; an error that passes is tried again."""
    api.script[KUBE_SYSTEM] = [status(code, "No"), document({"metadata": {"uid": "first"}})]
    api.script[PATH] = [lines(event("MODIFIED", "a", 8))]

    observed = observe(uid="first", configmaps="7")

    await until(lambda: "live +a 8" in observed.taken.texts)
    assert observed.told.started == []


async def test_servers_that_prefer_different_versions_leave_a_stream_alone(
    api: Scripted, observe: Observe
) -> None:
    """Two releases behind one address, asked in turns: the type is listed once, its files stay."""
    newer = groups("widgets.example.com")
    versions = newer["items"][0]["versions"]
    older = json.loads(json.dumps(newer))
    beta = json.loads(json.dumps(versions[0])) | {"version": "v1beta1"}
    versions.append(beta)
    older["items"][0]["versions"].insert(0, beta)
    api.script["/apis"] = [document(newer), document(older), document(newer), document(older)]
    api.script[WIDGETS] = [lines(end_of_list(2))]
    observed = observe()
    await until(lambda: len(observed.told.streams) == 2)

    for rounds in range(2, 5):
        observed.observer.poke()
        await until(lambda rounds=rounds: observed.told.calls.count("discovered") == rounds)  # type: ignore[misc]

    assert len(api.to(WIDGETS)) == 1
    assert api.to(WIDGETS.replace("v1", "v1beta1")) == []


async def test_a_stream_that_shall_list_again_lists_though_it_is_held_before_it_began(
    observe: Observe,
) -> None:
    """However close two configurations follow each other, no stream goes on from the journal's position."""
    observed = observe(configmaps="7")
    with trio.fail_after(10):
        await observed.observer.round()

        for _ in range(30):
            async with observed.observer.held(lambda _: True):
                pass
            while not observed.observer._running:
                await trio.lowlevel.checkpoint()
        async with observed.observer.held(lambda _: True):
            pass
        await observed.observer.round()

    assert [stream.type.name for stream in observed.asked] == ["configmaps"]
    await until(lambda: "listed 2" in observed.taken.texts)


async def test_nobody_waits_for_a_cluster_that_is_observed_no_more(api: Scripted, tmp_path: Path) -> None:
    """A round of lists ends with its cluster, also when another configuration takes over in that moment."""
    observed = RegisteredWebhook(api.kubeconfig(tmp_path), {})
    with trio.fail_after(10):
        async with trio.open_nursery() as nursery:
            observed.start(nursery)
            await observed.observer.round()
            async with observed.observer.held(lambda _: True):
                nursery.cancel_scope.cancel()
        await observed.observer.round()


async def test_a_list_that_a_lost_connection_broke_off_is_void_for_another_configuration(
    api: Scripted, observe: Observe
) -> None:
    """Its stream is reported as unwanted, so nothing of what it brought is waited for."""
    api.script[PATH] = [lines(event("ADDED", "a", 1))]
    observed = observe()
    await until(lambda: "snapshot +a" in observed.taken.texts)
    observed.observer._stop(set(observed.observer._running))

    async with observed.observer.held(lambda _: True):
        await until(lambda: any(isinstance(each, Unwanted) for each in observed.taken.all))


async def test_a_round_ends_though_another_configuration_comes_before_it_began(observe: Observe) -> None:
    """Whoever waits for the lists of the first one, as a writer does before its first commit, goes on."""
    observed = observe()
    with trio.fail_after(10):
        await observed.observer.round()
        async with observed.observer.held(lambda _: True):
            pass
        async with trio.open_nursery() as nursery:
            nursery.start_soon(observed.observer.round)
            async with observed.observer.held(lambda _: True):
                await trio.testing.wait_all_tasks_blocked()
