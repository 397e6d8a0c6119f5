"""Who did it: people and controllers at a real API server, and the authors of the commits."""

from __future__ import annotations

import base64
import json
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reverser.certs.self_managed import FOLDER, SelfManaged
from reverser.webhook.install import COLLECTION
from reverser.webhook.registration import NAME
from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.setting import Setting
from tests.e2e.watching import watched

__all__ = ["watched"]

DEPLOYMENT = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "annotations": {"example.com/by": "alice"}},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": {"app": "web"}},
        "template": {
            "metadata": {"labels": {"app": "web"}},
            "spec": {"containers": [{"name": "web", "image": "registry.example/web:1"}]},
        },
    },
}

VERSION = "jsonpath={.metadata.resourceVersion}"
RELEASE = '[{"op": "remove", "path": "/metadata/finalizers"}]'


def _kubectl(setting: Setting, user: str, *arguments: str, document: Any = None) -> None:
    text = json.dumps(document) if document else ""
    setting.plane.kubectl("-n", setting.namespace, *arguments, user=user, input=text)


def _commits(setting: Setting, place: str) -> list[dict[str, str]]:
    """Author, subject and trailers of every commit of one object, oldest first."""
    form = "%an%x00%s%x00%(trailers:only,unfold)%x01"
    path = f"{setting.namespace}/{place}.yaml"
    text = git("-C", setting.remote.path, "log", "--reverse", f"--format={form}", "main", "--", path)
    rows = []
    for commit in filter(str.strip, text.split("\x01")):
        author, subject, trailers = commit.strip().split("\x00")
        pairs = (line.partition(": ")[::2] for line in trailers.splitlines() if line)
        rows.append({"author": author, "subject": subject, **dict(pairs)})
    return rows


def _authors(setting: Setting, place: str) -> list[tuple[str, str]]:
    setting.daemon_idle()
    return [(row["author"], row["Attribution"]) for row in _commits(setting, place)]


def test_people_are_the_authors_of_what_they_did(watched: Setting) -> None:
    """Create, edit, scale, label, roll out, apply on the server and delete: each by who did it."""
    _kubectl(watched, "alice", "create", "-f", "-", document=DEPLOYMENT)
    _kubectl(watched, "bob", "set", "image", "deployment/web", "web=registry.example/web:2")
    _kubectl(watched, "alice", "scale", "deployment/web", "--replicas=3")
    _kubectl(watched, "bob", "label", "deployment/web", "team=shop")
    _kubectl(watched, "alice", "rollout", "restart", "deployment/web")
    applied = {**DEPLOYMENT, "metadata": {"name": "web", "annotations": {"example.com/by": "bob"}}}
    _kubectl(watched, "bob", "apply", "--server-side", "--force-conflicts", "-f", "-", document=applied)
    _kubectl(watched, "alice", "delete", "deployment/web", "--cascade=foreground", "--wait=false")
    wait_for("the deletion", lambda: len(_commits(watched, "deployments.apps/web")) == 7)

    found = _authors(watched, "deployments.apps/web")
    assert [author for author, _ in found] == ["alice", "bob", "alice", "bob", "alice", "bob", "alice"]
    assert {evidence for _, evidence in found} <= {"admission", "admission-key"}
    created = _commits(watched, "deployments.apps/web")[0]
    assert created["subject"] == f"[CREATE] {watched.namespace}/deployments.apps/web by alice"
    assert created["Kubernetes-User"] == "alice"
    assert "system:authenticated" in created["Kubernetes-Groups"]


def test_dry_runs_and_no_ops_name_nobody(watched: Setting) -> None:
    """Who only tried a change is not its author, even with the very same content."""
    _kubectl(watched, "alice", "create", "configmap", "a", "--from-literal=k=1")
    patch = ("patch", "configmap", "a", "--type=merge", "-p", '{"data":{"k":"2"}}')
    _kubectl(watched, "alice", *patch, "--dry-run=server")
    _kubectl(watched, "bob", *patch)
    _kubectl(watched, "alice", *patch)

    assert _authors(watched, "configmaps/a") == [("alice", "admission"), ("bob", "admission")]


def test_writers_side_by_side(watched: Setting) -> None:
    """Each of many concurrent writes has the author that it names in the object; none is unresolved."""
    for name in ("one", "two"):
        _kubectl(watched, "alice", "create", "configmap", name, "--from-literal=by=alice")

    def write(user: str, number: int) -> None:
        data = json.dumps({"data": {"by": user, "number": str(number)}})
        for name in ("one", "two"):
            _kubectl(watched, user, "patch", "configmap", name, "--type=merge", "-p", data)

    threads = [
        threading.Thread(target=write, args=(("alice", "bob")[number % 2], number)) for number in range(12)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    watched.daemon_idle()

    for name in ("one", "two"):
        path = f"{watched.namespace}/configmaps/{name}.yaml"
        commits = git("-C", watched.remote.path, "log", "--format=%H %an", "main", "--", path).splitlines()
        assert len(commits) == 13
        for commit, author in (line.split() for line in commits):
            assert f"by: {author}\n" in watched.remote.show(path, commit)


def test_a_listener_that_is_away(watched: Setting) -> None:
    """While nobody listens no write is held up, and what happened then names nobody."""
    _kubectl(watched, "alice", "create", "configmap", "a", "--from-literal=k=1")
    watched.daemon_idle()
    assert watched.daemon.stop() == 0
    _kubectl(watched, "bob", "patch", "configmap", "a", "--type=merge", "-p", '{"data":{"k":"2"}}')
    watched.daemon.start().ready()
    watched.daemon_idle()
    _kubectl(watched, "alice", "patch", "configmap", "a", "--type=merge", "-p", '{"data":{"k":"3"}}')

    first, missed, last = _authors(watched, "configmaps/a")
    assert first == ("alice", "admission")
    assert missed[0] == "unknown"
    assert missed[1] in ("manager", "unresolved")
    assert last == ("alice", "admission")


def test_cascades_say_what_caused_them(watched: Setting) -> None:
    """What a controller deletes is authored by it, and says who deleted the owner or the namespace."""
    _kubectl(watched, "alice", "create", "configmap", "owner", "--from-literal=k=1")
    path = f"/api/v1/namespaces/{watched.namespace}/configmaps"
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "owner"}
    owner["uid"] = watched.plane.get(f"{path}/owner")["metadata"]["uid"]
    owned = {"metadata": {"name": "owned", "ownerReferences": [owner]}, "data": {"k": "1"}}
    watched.plane.create(path, owned)
    _kubectl(watched, "alice", "create", "configmap", "other", "--from-literal=k=1")
    watched.daemon_idle()

    _kubectl(watched, "bob", "delete", "configmap", "owner")
    wait_for("the cascade", lambda: len(_commits(watched, "configmaps/owned")) == 2)
    watched.plane.kubectl("delete", "namespace", watched.namespace, "--wait=false")
    wait_for("the end", lambda: len(_commits(watched, "configmaps/other")) == 2)

    collected = _commits(watched, "configmaps/owned")[-1]
    assert collected["author"] == "generic-garbage-collector (kube-system)"
    assert collected["Kubernetes-Caused-By"].startswith("bob deleted ")
    ended = _commits(watched, "configmaps/other")[-1]
    assert ended["author"] == "namespace-controller (kube-system)"
    assert ended["Kubernetes-Caused-By"] == f"admin deleted namespace {watched.namespace}"


def test_impersonation_and_generated_names(watched: Setting) -> None:
    """The effective user is the author, and a name that the server makes up is no obstacle."""
    document = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"generateName": "made-"},
        "data": {"k": "1"},
    }
    _kubectl(watched, "admin", "create", "--as=alice", "-f", "-", document=document)
    watched.daemon_idle()

    made = [path for path in watched.remote.paths() if "/made-" in path]
    assert len(made) == 1
    place = made[0].removeprefix(f"{watched.namespace}/").removesuffix(".yaml")
    assert _authors(watched, place) == [("alice", "admission")]


def test_a_renewed_authority_reaches_the_registration(watched: Setting) -> None:
    """A running daemon brings the API server the bundle that its next certificate needs."""
    watched.daemon.stop()
    own = SelfManaged(watched.daemon.folder / "data" / FOLDER, ())
    assert own.renew(datetime.now(UTC) + timedelta(days=9 * 365))

    watched.daemon.start().ready()

    def told() -> bytes:
        found = watched.plane.get(f"{COLLECTION}/{NAME}")
        return base64.b64decode(found["webhooks"][0]["clientConfig"]["caBundle"])

    wait_for("the bundle", lambda: told() == own.ca_bundle())
    line = "webhook registration trusts the renewed certificate authority"
    wait_for("the line of the log", lambda: watched.daemon.logged(line))


@pytest.mark.parametrize(
    "again", [("patch", "--type=merge", "-p", '{"data":{"k":"1"}}'), ("delete", "--wait=false")]
)
def test_a_repetition_is_told_too(watched: Setting, again: tuple[str, ...]) -> None:
    """The API server asks about what changes nothing, too: a lone audit event is held against that."""
    kept = {"metadata": {"name": "a", "finalizers": ["example.com/kept"]}, "data": {"k": "0"}}
    verb, *rest = again
    _kubectl(
        watched, "alice", "create", "-f", "-", document={"apiVersion": "v1", "kind": "ConfigMap", **kept}
    )
    _kubectl(watched, "alice", verb, "configmap", "a", *rest)
    watched.daemon_idle()
    version = watched.plane.kubectl("-n", watched.namespace, "get", "configmap", "a", "-o", VERSION)
    before = watched.daemon.metric("gitopsreverser_admission_reviews_total")

    _kubectl(watched, "bob", verb, "configmap", "a", *rest)

    wait_for("its call", lambda: watched.daemon.metric("gitopsreverser_admission_reviews_total") > before)
    assert version == watched.plane.kubectl("-n", watched.namespace, "get", "configmap", "a", "-o", VERSION)
    _kubectl(watched, "alice", "patch", "configmap", "a", "--type=json", "-p", RELEASE)
