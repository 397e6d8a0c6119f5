"""Values of Secrets are nowhere: not in Git, not in the data directory, not in what the daemon says."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.canaries import Canaries
from tests.e2e.canary import OVERHEARD, everywhere
from tests.e2e.daemon import wait_for
from tests.e2e.remote import install_hook
from tests.e2e.setting import Setting
from tests.e2e.sops import AgeKey, program
from tests.e2e.watching import watched

__all__ = ["watched"]


LOUD = """
from reverser import hookimpl

@hookimpl
def reverser_select(obj):
    if "loud" in obj["metadata"]["name"]:
        raise ValueError(obj)

@hookimpl
def reverser_message(plan, message):
    raise ValueError(plan)

@hookimpl
async def reverser_pushed(push):
    raise ValueError(push)
"""


def _secrets(setting: Setting, canaries: Canaries) -> None:
    """Secrets of every shape, by every way of writing them, some too odd to be written."""
    place = f"/api/v1/namespaces/{setting.namespace}/secrets"
    docker = json.dumps({"auths": {"example.com": {"password": canaries.value()}}})
    for name, body in {
        "plain": {"data": {"k": canaries.encoded()}},
        "text": {"stringData": {"k": canaries.value()}},
        "noted": {"metadata": {"annotations": {"note": "free"}}, "data": {"k": canaries.encoded()}},
        "docker": {
            "type": "kubernetes.io/dockerconfigjson",
            "data": {".dockerconfigjson": base64.b64encode(docker.encode()).decode()},
        },
        "basic": {
            "type": "kubernetes.io/basic-auth",
            "stringData": {"username": "u", "password": canaries.value()},
        },
        "loud": {"data": {"k": canaries.encoded()}},
    }.items():
        metadata = {"name": name, **body.pop("metadata", {})}  # type: ignore[dict-item]
        setting.plane.create(place, {"metadata": metadata, **body})
    for name in ("tokens", "loud"):
        data = {"a-token": canaries.value(), "free": "x"}
        setting.plane.create(
            f"/api/v1/namespaces/{setting.namespace}/configmaps", {"metadata": {"name": name}, "data": data}
        )
    applied = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "applied"},
        "stringData": {"k": canaries.value()},
    }
    for more in ((), ("--server-side", "--force-conflicts")):
        text = json.dumps(applied)
        setting.plane.kubectl("-n", setting.namespace, "apply", *more, "-f", "-", input=text)
    patch = json.dumps({"stringData": {"k": canaries.value(), "new": canaries.value()}})
    setting.plane.kubectl("-n", setting.namespace, "patch", "secret", "plain", "--type=merge", "-p", patch)
    setting.plane.kubectl("-n", setting.namespace, "delete", "secret", "text")


def _pages(setting: Setting) -> list[str]:
    return [httpx.get(f"{setting.daemon.url}/{page}").text for page in ("readyz", "healthz", "metrics")]


def _destination(setting: Setting, policy: str) -> dict[str, Any]:
    table = {"name": "live", "url": setting.remote.url, "secrets": policy}
    if policy != "encrypt":
        return table
    wrapper = setting.folder / "wrapper"
    note = f"(printf '%s\\n' \"$@\"; env) >>{setting.folder / OVERHEARD}"
    wrapper.write_text(f'#!/bin/sh\n{note}\nexec {program("sops")} "$@"\n')
    wrapper.chmod(0o755)
    recipient = AgeKey(setting.folder / "age.txt").recipient
    return {**table, "sops": {"age": [recipient], "program": str(wrapper)}}


@pytest.mark.parametrize("policy", ["omit", "mask", "encrypt"])
def test_canaries_are_nowhere(watched: Setting, tmp_path: Path, policy: str) -> None:
    """Written, changed, deleted, withheld, refused, restarted and killed: no value of a Secret is left."""
    setting, canaries = watched, Canaries()
    plugin = tmp_path / "loud.py"
    plugin.write_text(LOUD)
    destination = _destination(setting, policy)
    setting.daemon.stop()
    plugins = {"enabled": ["loud"], "paths": [str(plugin)]}
    sensitive = [{"resources": ["configmaps"], "keys": ["*-token"]}]
    setting.daemon.write(destinations=[destination], plugins=plugins, sensitive=sensitive)
    setting.daemon.start().ready()
    _secrets(setting, canaries)
    setting.daemon_idle()
    pages = _pages(setting)

    hook = install_hook(setting.remote.path, "pre-receive", "cat; exit 1")
    patch = json.dumps({"stringData": {"k": canaries.value()}})
    setting.plane.kubectl("-n", setting.namespace, "patch", "secret", "plain", "--type=merge", "-p", patch)
    setting.plane.kubectl("-n", setting.namespace, "create", "configmap", "pushes")
    wait_for("the refusal", lambda: "PushRefused" in httpx.get(f"{setting.daemon.url}/readyz").text)
    pages += _pages(setting)
    setting.daemon.kill()
    hook.unlink()
    setting.daemon.start().ready()
    setting.daemon_idle()
    pages += _pages(setting)

    assert setting.daemon.metric("gitopsreverser_withheld_objects") > 0
    for raised in ("reverser_select", "reverser_message", "reverser_pushed"):
        assert f'hook="{raised}",plugin="loud",reason="raised"' in pages[-1]
    tokens = setting.remote.show(f"{setting.namespace}/configmaps/tokens.yaml")
    assert "free: x" in tokens
    assert ("a-token" in tokens) is (policy != "omit")
    hidden = [path for path in setting.remote.paths() if "/secrets/" in path]
    assert bool(hidden) is (policy != "omit")
    assert (setting.folder / OVERHEARD).exists() is (policy == "encrypt")
    assert ("ENC[" in tokens) is (policy == "encrypt")
    found = [hit for place, content in everywhere(setting, pages) for hit in canaries.found(place, content)]
    assert found == []
    assert canaries.found("itself", b" ".join(value.encode() for value in canaries.values))
