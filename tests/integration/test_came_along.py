"""What comes along with a commit, from the cluster to the branch, through restarts."""

from __future__ import annotations

import sqlite3
import subprocess
from contextlib import closing
from pathlib import Path
from typing import Any

import msgspec

from reverser.model.rule import Rule, SanitizeRule
from tests.integration.running import Running, running

HPA: dict[str, Any] = {
    "apiVersion": "autoscaling/v2",
    "kind": "HorizontalPodAutoscaler",
    "metadata": {"name": "web", "namespace": "shop"},
    "spec": {
        "maxReplicas": 9,
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
    },
}


def web(replicas: int, note: str, **labels: str) -> dict[str, Any]:
    """A Deployment whose annotation `note` is no reason for a commit."""
    metadata = {"name": "web", "namespace": "shop", "labels": labels, "annotations": {"note": note}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": metadata,
        "spec": {"replicas": replicas},
    }


def configured(world: Running, *rules: Rule) -> None:
    noise = SanitizeRule(("deployments",), insignificant=("metadata.annotations.note",))
    world.config = msgspec.structs.replace(world.config, sanitize=(noise,), rules=rules or world.config.rules)


def last(world: Running) -> str:
    """The newest commit's message."""
    command = ["git", "-C", str(world.remote), "log", "-1", "--format=%B", "main"]
    return subprocess.run(command, capture_output=True, check=True, text=True).stdout


def mistaken(world: Running, path: str) -> Path:
    """A clone in which a person put a symbolic link into the place of a file, and pushed that."""
    clone = world.remote.with_name("mistaken")
    subprocess.run(["git", "clone", "-q", str(world.remote), str(clone)], check=True)
    (clone / path).unlink()
    (clone / path).symlink_to("/tmp")
    person(clone, "commit", "-qam", "A mistake")
    person(clone, "push", "-q", "origin", "HEAD:main")
    return clone


def mended(clone: Path) -> None:
    """The mistake is taken back."""
    mistake = person(clone, "rev-parse", "HEAD").strip()
    person(clone, "pull", "-q", "--rebase")
    person(clone, "revert", "--no-edit", mistake)
    person(clone, "push", "-q", "origin", "HEAD:main")


def person(clone: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Pat", "-c", "user.email=pat@example.com"]
    done = subprocess.run(["git", *who, "-C", str(clone), *arguments], check=True, capture_output=True)
    return done.stdout.decode()


def withheld(world: Running) -> list[str]:
    """The names of objects that the journal shows as withheld."""
    with closing(sqlite3.connect(world.journal)) as database:
        return [name for (name,) in database.execute("SELECT name FROM withheld")]


async def settle(world: Running, name: str) -> None:
    """Whatever was written before this is journaled."""
    await world.apply(name, "1")
    await world.until(lambda: world.file(name), name)


async def test_what_an_autoscaler_did_comes_along_nameless(tmp_path: Path) -> None:
    """Several noisy writes, two restarts and a label: only the label is the author's."""
    async with running(tmp_path) as world:
        configured(world)
        await world.sandbox.apply(HPA)
        await world.sandbox.apply(web(1, "a"))
        async with world.daemon():
            await world.until(lambda: world.show("shop/deployments.apps/web.yaml"), "the first file")
            await world.sandbox.apply(web(4, "a"))
            await settle(world, "one")
        async with world.daemon():
            await world.sandbox.apply(web(9, "b"))
            await settle(world, "two")
        async with world.daemon():
            await world.sandbox.apply(web(9, "b", tier="gold"))
            await world.until(lambda: "gold" in world.show("shop/deployments.apps/web.yaml"), "the label")
            told = last(world)

    body, trailers = told.split("\n\n", 1)[1].rstrip().rsplit("\n\n", 1)
    assert body.splitlines() == [
        'metadata.labels: + {"tier":"gold"}',
        'metadata.annotations.note: "a" -> "b" (came along)',
        "spec.replicas: 1 -> 9 (came along)",
    ]
    assert [line for line in trailers.splitlines() if "Came-Along" in line] == [
        "Kubernetes-Came-Along: metadata.annotations.note; object=shop/deployments.apps/web",
        "Kubernetes-Came-Along: spec.replicas; object=shop/deployments.apps/web",
    ]


async def test_an_object_that_a_label_selects_was_there_before(tmp_path: Path) -> None:
    """Who sets the label is no author of all the rest."""
    async with running(tmp_path) as world:
        maps = Rule("maps", "live", resources=("configmaps",))
        configured(world, maps, Rule("gold", "live", resources=("deployments",), selector="tier=gold"))
        await world.sandbox.apply(web(1, "a"))
        async with world.daemon():
            await settle(world, "one")
            await world.sandbox.apply(web(1, "b", tier="gold"))
            await world.until(lambda: world.show("shop/deployments.apps/web.yaml"), "the file")
            told = last(world)

    assert "what others had written to the object before came along" in told
    assert "Kubernetes-Came-Along: *; object=shop/deployments.apps/web" in told


async def test_what_follows_a_withheld_change_claims_nothing_of_it(tmp_path: Path) -> None:
    """A symbolic link stood in the file's place: what was written meanwhile comes along later."""
    async with running(tmp_path) as world:
        await world.apply("web", "one")
        async with world.daemon():
            await world.until(lambda: world.file("web"), "the first file")
            clone = mistaken(world, "shop/configmaps/web.yaml")
            await world.apply("web", "two")
            await world.until(lambda: withheld(world) == ["web"], "the object is withheld")
            mended(clone)
            await world.apply("web", "three")
            await world.until(lambda: "three" in world.file("web"), "the next change")
            told = last(world)

    assert "Kubernetes-Came-Along: *; object=shop/configmaps/web" in told
    assert "data.value" not in told
