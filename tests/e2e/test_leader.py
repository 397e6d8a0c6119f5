"""Two replicas, one leader: whatever stops, dies or stands still, the branch is as the API server says."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.custom_resources import crds, git_repo_config, watch_rule
from tests.e2e.daemon import wait_for
from tests.e2e.proxy import Proxy
from tests.e2e.remote import Remote, git, install_hook
from tests.e2e.replicas import Replicas
from tests.e2e.servers import ControlPlane
from tests.integration.gitserver import serving


@pytest.fixture
def replicas(plane: ControlPlane, namespace: str, tmp_path: Path) -> Iterator[Replicas]:
    """No replica yet; those that a test adds are ended afterwards."""
    made = Replicas(plane, namespace, tmp_path)
    yield made
    made.kill()


def test_one_of_two_leads_until_it_stops(replicas: Replicas) -> None:
    """One replica leads, both are ready; a stop hands over, and no commit is made twice."""
    one = replicas.add("one").start()
    replicas.leads("one")
    two = replicas.add("two").start()
    replicas.put("web", "1")
    replicas.has("web", "1")
    two.ready()
    assert "Leading=False" in httpx.get(f"{two.url}/readyz").text
    assert (one.metric("gitopsreverser_leader"), two.metric("gitopsreverser_leader")) == (1, 0)
    assert replicas.labelled() == ["one"]
    wait_for("the follower's clone", lambda: clone_has(two.folder / "data", replicas.remote.head()))

    assert one.stop() == 0
    replicas.leads("two")
    replicas.put("web", "2")
    replicas.has("web", "2")

    assert replicas.values("web") == ["1", "2"]
    assert two.stop() == 0
    assert (replicas.holder, replicas.labelled()) == ("", [])


def clone_has(data: Path, commit: str) -> bool:
    """Whether the only clone of a data directory has a commit."""
    clones = [*(data / "repositories").glob("*")]
    command = ["git", "-C", *clones, "cat-file", "-e", commit]
    return bool(clones) and subprocess.run(command, capture_output=True, check=False).returncode == 0


def test_a_killed_leader_is_replaced(replicas: Replicas) -> None:
    """After kill -9 the other replica leads when the Lease has expired, and unlabels the dead pod."""
    one = replicas.add("one").start()
    replicas.leads("one")
    two = replicas.add("two").start().ready()
    replicas.put("web", "1")
    replicas.has("web", "1")

    one.kill()
    replicas.put("web", "2")
    replicas.leads("two")
    replicas.has("web", "2")

    assert replicas.values("web") == ["1", "2"]
    one.start().ready()
    replicas.put("web", "3")
    replicas.has("web", "3")
    assert replicas.labelled() == ["two"]
    assert two.alive()


@pytest.mark.parametrize(
    "moment",
    ["before append", "before push", "between push and ack", "after STALE", "after reading the branch"],
)
def test_a_leader_that_stood_still(replicas: Replicas, moment: str) -> None:
    """A leader stands still past its Lease: once it wakes, it puts nothing old over what is newer."""
    one = replicas.add("one")
    one.module = "tests.e2e.standing_still"
    one.start()
    replicas.leads("one")
    two = replicas.add("two").start().ready()
    replicas.put("web", "1")
    replicas.has("web", "1")
    if moment.startswith("after"):
        push_by_hand(replicas)

    Path(one.environ["REVERSER_STAND_STILL"]).write_text(moment)
    replicas.put("web", "2")
    stands_still(one.process.pid if one.process else 0)
    replicas.leads("two")
    replicas.put("web", "3")
    replicas.put("other", "1")
    replicas.has("web", "3")
    replicas.has("other", "1")
    one.signal(signal.SIGCONT)
    replicas.follows("one")
    replicas.put("last", "1")
    replicas.has("last", "1")

    assert replicas.values("web") in (["1", "3"], ["1", "2", "3"])
    assert replicas.values("other") == ["1"]
    assert not moment.startswith("after") or replicas.remote.show("note.txt") == "by hand\n"
    assert (replicas.holder, replicas.labelled()) == ("two", ["two"])
    assert one.logged("another replica may lead, this writer ends") or moment == "between push and ack"
    assert one.alive()
    assert two.stop() == 0
    replicas.leads("one")
    replicas.put("web", "4")
    replicas.has("web", "4")
    assert replicas.values("web") in (["1", "3", "4"], ["1", "2", "3", "4"])
    assert replicas.values("other") == ["1"]


def stands_still(pid: int) -> None:
    """Wait until a process has stopped itself."""
    stat = Path(f"/proc/{pid}/stat")
    wait_for("the process to stand still", lambda: stat.read_text().rpartition(")")[2].split()[0] == "T")


def push_by_hand(replicas: Replicas) -> None:
    """A person's commit, of which no replica knows yet."""
    folder = replicas.folder / "person"
    git("clone", "--quiet", replicas.remote.path, folder)
    (folder / "note.txt").write_text("by hand\n")
    git("add", "note.txt", cwd=folder)
    git("commit", "--quiet", "-m", "A note", cwd=folder)
    git("push", "--quiet", "origin", "HEAD:main", cwd=folder)


@pytest.mark.parametrize("way", ["cut", "silence"])
def test_without_the_api_server_a_leader_steps_down(replicas: Replicas, way: str) -> None:
    """A leader that cannot renew pushes what it has journaled, stays up, and leads again when it can."""
    with Proxy(replicas.plane.url) as proxy:
        kubeconfig = proxy.kubeconfig(replicas.plane.kubeconfig(), replicas.folder / "kubeconfig")
        one = replicas.add("one", kubeconfig).start()
        replicas.leads("one")
        replicas.put("web", "1")
        replicas.has("web", "1")
        may_push = replicas.folder / "may-push"
        install_hook(replicas.remote.path, "pre-receive", f"while [ ! -e {may_push} ]; do sleep 0.05; done")
        replicas.put("web", "2")
        wait_for("the journal", lambda: one.metric("gitopsreverser_git_commit_queue_size") == 1)

        getattr(proxy, way)()
        lost = "Lease lost, what is journaled is pushed and observing stops"
        wait_for("the loss", lambda: one.logged(lost))
        may_push.touch()
        replicas.has("web", "2")
        replicas.follows("one")
        wait_for("readiness", lambda: httpx.get(f"{one.url}/readyz").status_code == 200)
        proxy.restore()
        replicas.leads("one")
        replicas.put("web", "3")
        replicas.has("web", "3")

        assert replicas.values("web") == ["1", "2", "3"]
        assert one.metric("gitopsreverser_leader_transitions_total") == 3
        assert one.stop() == 0


def test_only_the_leader_answers_custom_resources(replicas: Replicas, tmp_path: Path) -> None:
    """Statuses come from the leader alone; after a stop the other replica writes them and goes on."""
    tables = {"destinations": [], "rules": [], "resources": {"namespaces": [replicas.namespace]}}
    tenancy = {"allow_urls": ["127.0.0.1:*/*"]}
    install_crds(replicas.plane)
    (tmp_path / "host").mkdir()
    with serving(tmp_path / "host") as server:
        replicas.remote = Remote(server.bare)
        one = replicas.add("one", **tables, tenancy=tenancy).start()
        replicas.leads("one")
        two = replicas.add("two", **tables, tenancy=tenancy).start().ready()
        apply(replicas, git_repo_config("live", replicas.namespace, server.url))
        apply(replicas, watch_rule("all", replicas.namespace))
        replicas.put("web", "1")
        replicas.has("web", "1")
        ready(replicas, "gitrepoconfig/live", "watchrule/all")
        assert one.metric("gitopsreverser_status_writes_total") > 0
        assert two.metric("gitopsreverser_status_writes_total") == 0

        assert one.stop() == 0
        replicas.put("web", "2")
        replicas.has("web", "2")
        apply(replicas, watch_rule("late", replicas.namespace, "live", "services"))
        ready(replicas, "gitrepoconfig/live", "watchrule/late")

        assert replicas.values("web") == ["1", "2"]
        assert two.stop() == 0


def install_crds(plane: ControlPlane) -> None:
    """Have the API server serve custom resources."""
    documents = json.dumps({"apiVersion": "v1", "kind": "List", "items": crds()})
    plane.kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", input=documents)
    plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")


def apply(replicas: Replicas, document: dict[str, Any]) -> None:
    """Apply one object."""
    replicas.plane.kubectl("apply", "-f", "-", input=json.dumps(document))


def ready(replicas: Replicas, *names: str) -> None:
    """Wait as a person does."""
    for name in names:
        wait = ("wait", "-n", replicas.namespace, "--for=condition=Ready", name, "--timeout=60s")
        replicas.plane.kubectl(*wait)


def test_without_a_pod_there_is_no_label(replicas: Replicas) -> None:
    """A replica whose pod is not there leads all the same, and says what is missing."""
    one = replicas.add("one")
    one.environ["POD_NAME"] = "elsewhere"
    one.start()
    replicas.put("web", "1")
    replicas.has("web", "1")

    wait_for("the condition", lambda: "RoleLabelMissing" in httpx.get(f"{one.url}/readyz").text)
    assert replicas.holder == "elsewhere"
    assert replicas.labelled() == []
