"""What `reverser webhook` and `reverser audit` write is taken by a real API server, and does what it says."""

from __future__ import annotations

import base64
import functools
import json
import re
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import tomli_w
import trio

from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.certs.tls_context import open_tls
from reverser.config.listeners import WebhookTls
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.discovery import discover
from reverser.manifest.emitter import render
from reverser.model.rule import Rule
from reverser.webhook import upkeep
from reverser.webhook.address import by_service, by_url
from reverser.webhook.registration import registration
from tests.e2e.listener import Listener, eventually
from tests.e2e.servers import ControlPlane

NAME = "reverser-e2e"

RULES = {
    "everything": [Rule("all", "live")],
    "named types": [Rule("some", "live", resources=("deploy", "configmaps", "*.batch", "roles.v1.rbac"))],
    "namespaces": [
        Rule(
            "some", "live", namespaces=("shop", "team-*", "x?"), exclude_namespaces=("team-[a-c]", "team-x")
        ),
        Rule("more", "live", namespaces=("other",), cluster_scoped=True),
    ],
    "exclusions": [Rule("some", "live", exclude_resources=("pods", "*.apps"), exclude_namespaces=())],
    "odd globs": [Rule("some", "live", namespaces=("a.b\"c\\d'", "*+$", "ä"), cluster_scoped=False)],
    "leases": [Rule("some", "live", resources=("*", "leases", "events"), default_excludes=False)],
}


@pytest.mark.parametrize("rules", RULES.values(), ids=RULES)
@pytest.mark.parametrize("endpoint", [by_service("ops/reverser:9443"), by_url("https://localhost:9443/x")])
@pytest.mark.parametrize("discovered", [False, True], ids=["offline", "discovered"])
def test_the_api_server_accepts_it(
    plane: ControlPlane, rules: list[Rule], endpoint: Any, discovered: bool
) -> None:
    """Every registration passes the server's own checks, its CEL expressions included."""
    types = trio.run(served, plane) if discovered else ()
    document = registration(rules, endpoint, bundle(plane), types=types, secrets=False, keep_bundle=True)

    plane.kubectl("apply", "--dry-run=server", "-f", "-", input=render(document).decode())


def test_an_expression_that_is_none_is_not_accepted(plane: ControlPlane) -> None:
    """The API server refuses a match condition that is no CEL expression, so acceptance shows something."""
    document = registration(RULES["everything"], by_url("https://localhost"), b"")
    document["webhooks"][0]["matchConditions"][0]["expression"] = "request.nothing == 1"

    applied = plane.kubectl(
        "apply", "--dry-run=server", "-f", "-", input=render(document).decode(), check=False
    )

    assert applied == ""


async def test_the_api_server_calls_for_what_is_selected(
    plane: ControlPlane, namespace: str, tmp_path: Path
) -> None:
    """Installed with a self-managed authority, the listener is told what the rules select, and no more."""
    other = f"{namespace}-other"
    config = configuration(
        tmp_path, plane, rules=[{"name": "some", "destination": "live", "namespaces": [namespace]}]
    )
    async with Listener.open(open_tls(WebhookTls(), tmp_path / "data" / FOLDER)) as listener:
        told = await reverser("webhook", "install", *config, "--name", NAME, url=listener.port)
        assert "the API server calls localhost" in told
        try:
            await first_call(plane, listener, namespace)
            await kubectl(plane, "create", "namespace", other)
            for space in (namespace, other):
                for kind in ("configmap", "secret generic"):
                    await kubectl(plane, "-n", space, "create", *kind.split(), "thing", "--from-literal=a=b")
                await kubectl(plane, "-n", space, "create", "deployment", "web", "--image=nginx")
                await kubectl(plane, "-n", space, "scale", "deployment", "web", "--replicas=0")
                await kubectl(plane, "apply", "-f", "-", input=json.dumps(lease(space)))
            await kubectl(
                plane, "create", "clusterrole", f"{namespace}-role", "--verb=get", "--resource=pods"
            )
            await kubectl(plane, "delete", "namespace", other, "--wait=false")
            await kubectl(plane, "-n", namespace, "delete", "configmap", "thing")
        finally:
            gone = await reverser("webhook", "uninstall", *config, "--name", NAME)

    mine = [call[:2] + call[3:] for call in listener.calls if call[2] == namespace]
    assert ("CREATE", "configmaps", "thing") in mine
    assert ("DELETE", "configmaps", "thing") in mine
    assert ("CREATE", "deployments", "web") in mine
    assert ("UPDATE", "deployments/scale", "web") in mine
    assert [call for call in listener.calls if call[2] != namespace] == [
        ("DELETE", "namespaces", other, other)
    ]
    kinds = {call[1] for call in listener.calls}
    assert not kinds & {"secrets", "leases", "events", "deployments/status", "clusterroles"}
    assert "registration removed" in gone
    assert "there was no registration" in await reverser("webhook", "uninstall", *config, "--name", NAME)


async def test_a_new_authority_is_put_into_the_registration(plane: ControlPlane, tmp_path: Path) -> None:
    """The bundle follows, nothing else changes, and an equal one is not written again."""
    config = configuration(tmp_path, plane)
    await reverser("webhook", "install", *config, "--name", NAME, url=9443)
    folder = tmp_path / "data" / FOLDER
    before = installed(plane)
    own = SelfManaged(folder, ())
    assert own.renew(datetime.now(UTC) + timedelta(days=9 * 365))
    new = own.ca_bundle()
    stranger = SelfManaged(tmp_path / "stranger", ())
    stranger.renew(datetime.now(UTC))
    nobody = upkeep.Listener()

    async with Client.open(await load(str(plane.kubeconfig()), "")) as client:
        assert await upkeep.update(client, nobody, new) == upkeep.Outcome(renewed=(NAME,))
        assert await upkeep.update(client, nobody, new) == upkeep.Outcome()
        assert await upkeep.update(client, nobody, stranger.ca_bundle()) == upkeep.Outcome()

    after = installed(plane)
    assert base64.b64decode(after["webhooks"][0]["clientConfig"].pop("caBundle")) == new
    assert base64.b64decode(before["webhooks"][0]["clientConfig"].pop("caBundle")) != new
    assert after["webhooks"] == before["webhooks"]
    await reverser("webhook", "install", *config, "--name", NAME, url=9444)
    assert installed(plane)["webhooks"][0]["clientConfig"]["url"].startswith("https://localhost:9444/")
    await reverser("webhook", "uninstall", *config, "--name", NAME)


async def test_what_is_printed_is_what_is_installed(plane: ControlPlane, tmp_path: Path) -> None:
    """Applying the printed YAML after an install changes nothing."""
    config = configuration(tmp_path, plane)
    await reverser("webhook", "install", *config, "--name", NAME, url=9443)
    before = installed(plane)

    text = await reverser("webhook", "print", *config, "--name", NAME, url=9443)
    await kubectl(plane, "apply", "--server-side", "--force-conflicts", "-f", "-", input=text)

    after = installed(plane)
    assert after["metadata"]["generation"] == before["metadata"]["generation"]
    assert after["webhooks"] == before["webhooks"]
    await reverser("webhook", "uninstall", *config, "--name", NAME)


async def test_audit_events_arrive_without_secrets(plane: ControlPlane, tmp_path: Path) -> None:
    """Started with the printed files and their flags, an API server sends writes and no Secret's value."""
    live = {"name": "live", "url": f"file://{tmp_path}/remote.git", "secrets": "mask"}
    config = configuration(tmp_path, plane, destinations=[live])
    async with Listener.open(open_tls(WebhookTls(), tmp_path / "data" / FOLDER)) as listener:
        files = {
            "policy": await reverser("audit", "print-policy", *config),
            "webhook": await reverser("audit", "print-webhook", *config, url=listener.port),
        }
        flags = [flag for name, text in files.items() for flag in put(tmp_path / f"{name}.yaml", text)]
        start = functools.partial(ControlPlane.start, tmp_path / "plane", controllers=False, flags=flags)
        with start() as audited:
            await trio.to_thread.run_sync(write_all_kinds, audited)
            await eventually("the last write", lambda: any(told(listener, "configmaps", "last")))

        assert len(flags) >= 6
        text = json.dumps(listener.bodies)
        assert "CANARY" not in text
        assert base64.b64encode(b"CANARY").decode() not in text
        [event] = told(listener, "secrets", "mine")
        assert (event["level"], event["user"]["username"]) == ("Metadata", "admin")
        [event] = told(listener, "configmaps", "last")
        assert event["responseObject"]["metadata"]["resourceVersion"]
        assert {each["stage"] for each in listener.events} == {"ResponseComplete"}
        assert {each["objectRef"]["resource"] for each in listener.events}.isdisjoint(
            {"leases", "events", "tokenreviews"}
        )
        subresources = {each["objectRef"].get("subresource", "") for each in listener.events}
        assert subresources.isdisjoint({"status", "token"})


def write_all_kinds(plane: ControlPlane) -> None:
    plane.kubectl("create", "secret", "generic", "mine", "--from-literal=password=CANARY")
    plane.kubectl("create", "serviceaccount", "robot")
    plane.kubectl("create", "token", "robot")
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview", "spec": {"token": "CANARY"}}
    plane.create("/apis/authentication.k8s.io/v1/tokenreviews", review)
    plane.kubectl("apply", "-f", "-", input=json.dumps(lease("default")))
    plane.kubectl("create", "configmap", "last")


def told(listener: Listener, resource: str, name: str) -> list[dict[str, Any]]:
    """The audit events of one object."""
    refs = ((each["objectRef"], each) for each in listener.events)
    return [each for ref, each in refs if (ref["resource"], ref.get("name")) == (resource, name)]


def put(path: Path, text: str) -> list[str]:
    """Write a printed file; the flags that its comments name."""
    path.write_text(text)
    return [flag.replace("THIS-FILE", str(path)) for flag in re.findall(r"^#   (--\S+)$", text, re.MULTILINE)]


def lease(namespace: str) -> dict[str, Any]:
    return {
        "apiVersion": "coordination.k8s.io/v1",
        "kind": "Lease",
        "metadata": {"name": "lock", "namespace": namespace},
    }


def bundle(plane: ControlPlane) -> bytes:
    return (plane.folder / "ca.crt").read_bytes()


def installed(plane: ControlPlane) -> dict[str, Any]:
    path = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
    found = plane.get(f"{path}/{NAME}")
    assert isinstance(found, dict)
    return found


async def served(plane: ControlPlane) -> Any:
    async with Client.open(await load(str(plane.kubeconfig()), "")) as client:
        return (await discover(client)).types


def configuration(folder: Path, plane: ControlPlane, **changes: Any) -> tuple[str, str]:
    """The option that names a configuration file whose webhook is self-managed."""
    tables: dict[str, Any] = {
        "data_dir": str(folder / "data"),
        "webhook": {"bind": "127.0.0.1:0"},
        "clusters": [{"name": "default", "kubeconfig": str(plane.kubeconfig())}],
        "destinations": [{"name": "live", "url": f"file://{folder}/remote.git"}],
        "rules": [{"name": "all", "destination": "live"}],
    }
    path = folder / "reverser.toml"
    path.write_bytes(tomli_w.dumps(tables | changes).encode())
    return "--config", str(path)


async def reverser(group: str, *arguments: str, url: int = 0) -> str:
    """Run a command, as a person does; its standard output."""
    place = ["--url", f"https://localhost:{url}"] if url else []
    command = [sys.executable, "-m", "reverser", group, *arguments, *place]
    done = await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


async def kubectl(plane: ControlPlane, *arguments: str, input: str = "") -> str:  # noqa: A002
    return await trio.to_thread.run_sync(functools.partial(plane.kubectl, *arguments, input=input))


async def first_call(plane: ControlPlane, listener: Listener, namespace: str) -> None:
    """Write until the API server has taken notice of the registration."""
    with trio.fail_after(30):
        while not listener.calls:
            await kubectl(plane, "-n", namespace, "delete", "configmap", "probe", "--ignore-not-found")
            await kubectl(plane, "-n", namespace, "create", "configmap", "probe")
