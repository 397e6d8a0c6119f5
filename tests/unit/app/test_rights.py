"""The rights of a configuration are those of what it has."""

from __future__ import annotations

import pytest

from reverser.app.rights import needed
from reverser.config import parse
from reverser.custom_resources.model import Compiled
from reverser.kube.permissions import Right
from reverser.model.change import Stream
from reverser.model.resource import ResourceType

PODS = ResourceType("", "v1", "pods", "Pod", namespaced=True)
BASE = """
[[destinations]]
name = "live"
url = "https://git.example.com/live.git"
[[rules]]
name = "all"
destination = "live"
"""


def rights(text: str = "", *streams: Stream) -> set[str]:
    """`VERB RESOURCE [NAME] in NAMESPACE` of all rights."""
    config = parse(text + BASE, {})
    found = needed(config, Compiled(), streams, cluster="default", namespace="ours", registrations=["hook"])
    return {_text(each) for each in found}


def _text(right: Right) -> str:
    name = f" {right.name}" if right.name else ""
    where = f" in {right.namespace}" if right.namespace else ""
    return f"{right.verb} {right.resource}{name}{where}"


def test_a_file_needs_no_more_than_to_read() -> None:
    """Without custom resources, a leader and a webhook there is nothing to write in the cluster."""
    assert rights("", Stream("default", PODS, "shop")) == {
        "get pods in shop",
        "list pods in shop",
        "watch pods in shop",
    }


@pytest.mark.parametrize(
    ("table", "secrets"),
    [
        ('[leader]\nname = "it"\n', {"create secrets in ours", "get secrets it-key in ours"}),
        (
            '[webhook]\n[webhook.tls]\nsecret = "their/tls"\n',
            {"create secrets in their", "get secrets tls in their", "update secrets tls in their"},
        ),
        ("[webhook]\n", set()),
    ],
)
def test_secrets_are_named(table: str, secrets: set[str]) -> None:
    """Of Secrets each is read by its name; only `create` has none."""
    named = {each for each in rights(table) if "secrets" in each}

    assert secrets <= named
    assert not any(each.startswith(("list", "watch")) for each in named)


def test_one_registration_may_be_changed() -> None:
    """Of the webhook's registrations all are listed, and ours is patched."""
    assert {each for each in rights("[webhook]\n") if "validating" in each} == {
        "list validatingwebhookconfigurations",
        "patch validatingwebhookconfigurations hook",
    }
