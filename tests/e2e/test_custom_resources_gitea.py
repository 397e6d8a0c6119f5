"""Custom resources from end to end: a real API server, a real Git host, and one daemon for all of it."""

from __future__ import annotations

import itertools
import json
import re
import subprocess
import textwrap
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.custom_resources import CLUSTER_RULES, CONFIGS, RULES, World
from tests.e2e.daemon import wait_for
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.remote import git
from tests.e2e.seed_shapes import OUR_CRDS
from tests.e2e.servers import ASSETS, ControlPlane

GUIDE = Path(__file__).parents[2] / "docs/git-hosts.md"
README = "README.md"
"""What Gitea puts into a repository that is not empty."""
STEPS = ("config", "secret", "label", "rule")
ORDERS = list(itertools.permutations(STEPS))
THINGS = "things.example.org"
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": THINGS},
    "spec": {
        "group": "example.org",
        "scope": "Namespaced",
        "names": {"plural": "things", "singular": "thing", "kind": "Thing", "listKind": "ThingList"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def world(plane: ControlPlane, gitea: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The daemon runs before there is any custom resource."""
    plane.kubectl("apply", "--server-side", "-k", str(OUR_CRDS))
    log = {"format": "json", "level": "debug"}
    world = World(plane, gitea, tmp_path_factory.mktemp("world"), log=log)
    with world.daemon:
        world.daemon.ready()
        yield world
        world.daemon.alive()


def test_valid(world: World) -> None:
    """`kubectl wait` ends when the branch was found, and the message names it and its commit."""
    namespace, repository = world.namespace(), world.repository()
    world.config(namespace, "audit", repository.http, world.login(namespace))

    message = world.wait_ready(CONFIGS, namespace, "audit")

    conditions = world.conditions(CONFIGS, namespace, "audit")
    assert conditions["Ready"]["reason"] == "BranchFound"
    assert "main" in message
    assert repository.remote.head()[:8] in message
    assert conditions.get("Stalled", {}).get("status", "False") == "False"


def test_empty_repository(world: World) -> None:
    """The branch of an empty repository is made by the first commit."""
    namespace, repository = world.namespace(), world.repository(empty=True)
    world.config(namespace, "audit", repository.http, world.login(namespace))
    world.rule(namespace, "settings", "audit")
    world.config_map(namespace, "colour", a="b")

    world.wait_ready(CONFIGS, namespace, "audit")
    wait_for("the file", lambda: _file(namespace, "colour") in repository.remote.paths())


def test_bad_credentials(world: World) -> None:
    """A wrong token is ConnectionFailed as ever, Stalled tells more, and a right one mends it by itself."""
    namespace, repository = world.namespace(), world.repository()
    world.config(namespace, "audit", repository.http, world.login(namespace, token="0" * 40))

    conditions = world.wait_refused("ConnectionFailed", CONFIGS, namespace, "audit")
    assert (conditions["Stalled"]["status"], conditions["Stalled"]["reason"]) == (
        "True",
        "AuthenticationFailed",
    )

    world.login(namespace)
    world.wait_ready(CONFIGS, namespace, "audit")


def test_missing_branch(world: World) -> None:
    """A branch that is missing beside others is not made, unless createBranch says so."""
    namespace, repository = world.namespace(), world.repository()
    world.config(namespace, "audit", repository.http, world.login(namespace), branch="mian")
    world.rule(namespace, "settings", "audit")
    world.config_map(namespace, "colour", a="b")

    world.wait_refused("BranchNotFound", CONFIGS, namespace, "audit")
    assert _branches(repository) == {"main"}

    world.config(namespace, "audit", repository.http, "git-creds", branch="mian", createBranch=True)
    world.wait_ready(CONFIGS, namespace, "audit")
    wait_for("the branch", lambda: "mian" in _branches(repository))


def test_ssh(world: World) -> None:
    """A deploy key with host keys pushes; without them nothing is pushed, and the message says what to do."""
    namespace, repository = world.namespace(), world.repository()
    key = world.gitea.deploy_key(repository, writable=True)
    world.secret(namespace, "git-creds", ssh_privatekey=key)
    world.config(namespace, "audit", repository.ssh, "git-creds")
    world.rule(namespace, "settings", "audit")
    world.config_map(namespace, "colour", a="b")

    conditions = world.wait_refused("SecretMalformed", CONFIGS, namespace, "audit")
    assert conditions["Stalled"]["reason"] == "KnownHostsMissing"
    assert "ssh-keyscan" in conditions["Stalled"]["message"]

    world.secret(namespace, "git-creds", ssh_privatekey=key, known_hosts=world.gitea.known_hosts)
    world.wait_ready(CONFIGS, namespace, "audit")
    wait_for("the file", lambda: _file(namespace, "colour") in repository.remote.paths())


def test_config_map(world: World) -> None:
    """A ConfigMap that is created, changed and deleted makes commits with the seed's path and subjects."""
    namespace, repository = _mirrored(world)
    file, before = _file(namespace, "colour"), repository.remote.head()
    where = f"/api/v1/namespaces/{namespace}/configmaps"

    world.config_map(namespace, "colour", a="b")
    wait_for("the file", lambda: file in repository.remote.paths())
    assert "a: b" in repository.remote.show(file)
    world.plane.kubectl("patch", "-n", namespace, "configmap/colour", "-p", '{"data": {"a": "c"}}')
    wait_for("the change", lambda: "a: c" in repository.remote.show(file))
    world.delete(f"{where}/colour")
    wait_for("the file to go", lambda: file not in repository.remote.paths())

    assert _operations(repository, before) == [
        "[CREATE] v1/configmaps/colour",
        "[UPDATE] v1/configmaps/colour",
        "[DELETE] v1/configmaps/colour",
    ]


def test_custom_resources_and_their_definition(world: World) -> None:
    """A CRD goes to Git by a ClusterWatchRule, its objects by a WatchRule; a change of status alone makes no
    commit, and the file of a deleted CRD goes.
    """
    policy = {"allowClusterRules": True}
    namespace, repository = _mirrored(
        world, {"apiGroups": ["example.org"], "resources": ["things"]}, accessPolicy=policy
    )
    crds = {
        "scope": "Cluster",
        "apiGroups": ["apiextensions.k8s.io"],
        "resources": ["customresourcedefinitions"],
    }
    world.cluster_rule("definitions", f"{namespace}/audit", crds)
    world.wait_ready(CLUSTER_RULES, "", "definitions")
    definition = f"apiextensions.k8s.io/v1/customresourcedefinitions/{THINGS}.yaml"
    file = f"example.org/v1/things/{namespace}/one.yaml"
    where = f"/apis/example.org/v1/namespaces/{namespace}/things"
    try:
        world.plane.kubectl("create", "-f", "-", input=json.dumps(CRD))
        wait_for("the file of the CRD", lambda: definition in repository.remote.paths())
        world.plane.kubectl("wait", "--for=condition=Established", f"crd/{THINGS}")
        world.plane.create(where, _thing("one", size=1))
        wait_for("the file of the object", lambda: file in repository.remote.paths())
        before = repository.remote.head()

        _patch(world, f"{where}/one/status", {"status": {"seen": True}})
        _patch(world, f"{where}/one", {"spec": {"size": 2}})
        wait_for("the change", lambda: "size: 2" in repository.remote.show(file))
        world.delete(f"{where}/one")
        wait_for("the file to go", lambda: file not in repository.remote.paths())
        assert _operations(repository, before) == [
            "[UPDATE] example.org/v1/things/one",
            "[DELETE] example.org/v1/things/one",
        ]
    finally:
        world.plane.kubectl("delete", f"crd/{THINGS}", "--ignore-not-found")
        world.delete(CLUSTER_RULES, "", "definitions")
    wait_for("the file of the CRD to go", lambda: definition not in repository.remote.paths())


def test_the_guide(world: World, tmp_path: Path) -> None:
    """The guide for GitHub works as it is printed, with Gitea in GitHub's place."""
    guide = GUIDE.read_text().partition("## On every host")[0]
    repository = world.repository(empty=True)
    (tmp_path / "reverser-key").write_text(world.gitea.deploy_key(repository, writable=True))
    (tmp_path / "known_hosts").write_text(world.gitea.known_hosts)
    commands = [textwrap.dedent(block) for block in re.findall(r"```sh\n(.*?)```", guide, re.DOTALL)]
    ours = [each for each in commands if each.startswith("kubectl")]
    kubectl = f'kubectl() {{ {ASSETS}/kubectl --kubeconfig {world.plane.kubeconfig()} "$@"; }}\n'
    try:
        for command in ours:
            script = command.replace("git@github.com:OWNER/cluster-audit.git", repository.ssh)
            script = "\n".join(line for line in script.splitlines() if not line.startswith("git clone"))
            subprocess.run(["bash", "-ec", kubectl + script], cwd=tmp_path, check=True)
        wait_for("the file", lambda: _file("default", "greeting") in repository.remote.paths())
    finally:
        for what in ("gitrepoconfig/github-audit-repo", "watchrule/settings", "secret/git-credentials"):
            world.plane.kubectl("delete", "-n", "default", what, "--ignore-not-found")
        world.plane.kubectl("delete", "-n", "default", "configmap/greeting", "--ignore-not-found")


def test_rotated_secret(world: World) -> None:
    """A Secret that goes is told, its files stay, and one that comes is used without a restart."""
    namespace, repository = _mirrored(world)
    world.delete(f"/api/v1/namespaces/{namespace}/secrets/git-creds")

    world.wait_refused("SecretNotFound", CONFIGS, namespace, "audit")
    world.config_map(namespace, "late", a="b")
    world.login(namespace)

    world.wait_ready(CONFIGS, namespace, "audit")
    wait_for("the file", lambda: _file(namespace, "late") in repository.remote.paths())


def test_other_streams_go_on(world: World) -> None:
    """A rule that comes, changes and goes starts no watch of types that it does not name again."""
    namespace, repository = _mirrored(world)
    head, begun = repository.remote.head(), len(_restarted(world))

    for resources in (["services"], ["endpoints", "services"]):
        world.rule(namespace, "more", "audit", {"apiGroups": [""], "resources": resources})
        world.wait_ready(RULES, namespace, "more")
    world.delete(RULES, namespace, "more")
    world.config_map(namespace, "after", a="b")
    wait_for("the file", lambda: _file(namespace, "after") in repository.remote.paths())

    concerned = {"default/services/", "default/endpoints/"}
    assert {*_restarted(world)[begun:]} <= concerned
    assert _operations(repository, head) == ["[CREATE] v1/configmaps/after"]


def _restarted(world: World) -> list[str]:
    """The streams whose watches were started again, without the one whose CRD is gone by then."""
    lines = world.daemon.logged("watch restarts")
    return [line["stream"] for line in lines if THINGS not in line["stream"]]


class Story:
    """A GitRepoConfig in one namespace, a WatchRule in another one whose label lets it in."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.platform, self.tenant = world.namespace("platform"), world.namespace("app")
        self.repository = world.repository()
        world.config_map(self.tenant, "colour", a="b")

    def make(self, step: str) -> None:
        """Create one of the four."""
        match step:
            case "config":
                rules = {"mode": "FromSelector", "namespaceSelector": {"matchLabels": {"audit": "yes"}}}
                policy = {"namespacedRules": rules}
                url = self.repository.http
                self.world.config(self.platform, "audit", url, "git-creds", accessPolicy=policy)
            case "secret":
                self.world.login(self.platform)
            case "label":
                self._label("yes")
            case "rule":
                self.world.rule(self.tenant, "settings", f"{self.platform}/audit")

    def remove(self, step: str) -> None:
        """Take one of the four away; at once, as nothing holds it."""
        match step:
            case "config":
                self._gone(CONFIGS, self.platform, "audit")
            case "secret":
                self.world.delete(f"/api/v1/namespaces/{self.platform}/secrets/git-creds")
            case "label":
                self._label(None)
            case "rule":
                self._gone(RULES, self.tenant, "settings")

    def _label(self, value: str | None) -> None:
        _patch(self.world, f"/api/v1/namespaces/{self.tenant}", {"metadata": {"labels": {"audit": value}}})

    def _gone(self, *where: str) -> None:
        self.world.delete(*where)
        assert self.world.missing(*where)

    def answered(self) -> bool:
        """Whether what there is of the two has a status about its newest spec."""
        both = ((CONFIGS, self.platform, "audit"), (RULES, self.tenant, "settings"))
        return all(self.world.missing(*where) or self.world.conditions(*where) for where in both)

    def state(self) -> str:
        """Type, status, reason and message of all conditions, without what differs between stories."""
        both = ((CONFIGS, self.platform, "audit"), (RULES, self.tenant, "settings"))
        rows = [
            f"{where[0]} {each['type']} {each['status']} {each['reason']} {each['message']}"
            for where in both
            for each in self.world.conditions(*where).values()
        ]
        text = re.sub(r"commit [0-9a-f]+", "commit", "\n".join(sorted(rows)))
        return text.replace(self.platform, "PLATFORM").replace(self.tenant, "TENANT")


@pytest.fixture(scope="module")
def stories(world: World) -> dict[tuple[str, ...], Story]:
    """The four created in each order; every step is answered before the next one."""
    stories = {order: Story(world) for order in ORDERS}
    for number in range(len(STEPS)):
        for order, story in stories.items():
            story.make(order[number])
        wait_for(f"step {number + 1}", lambda: all(story.answered() for story in stories.values()), 60)
    return stories


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_order_of_creation(stories: dict[tuple[str, ...], Story], order: tuple[str, ...]) -> None:
    """In whatever order the four come, both are Ready in the same words, and the file is in the branch."""
    story, first = stories[order], stories[ORDERS[0]]
    world = story.world
    world.wait_ready(CONFIGS, story.platform, "audit")
    world.wait_ready(RULES, story.tenant, "settings")
    wait_for("the file", lambda: _file(story.tenant, "colour") in story.repository.remote.paths())

    with suppress(AssertionError):
        wait_for("the same state", lambda: story.state() == first.state())
    assert story.state() == first.state()


@pytest.fixture(scope="module")
def removed(stories: dict[tuple[str, ...], Story]) -> dict[tuple[str, ...], Story]:
    """The four taken away in each order, and a ConfigMap created after that, which must not be captured."""
    for number in range(len(STEPS)):
        for order, story in stories.items():
            story.remove(order[number])
        wait_for(f"step {number + 1}", lambda: all(story.answered() for story in stories.values()), 60)
    for story in stories.values():
        story.world.config_map(story.tenant, "late", a="b")
    return stories


@pytest.mark.parametrize("order", ORDERS, ids="-".join)
def test_order_of_removal(removed: dict[tuple[str, ...], Story], order: tuple[str, ...]) -> None:
    """In whatever order the four go, nothing holds them, no file goes, and nothing more is captured."""
    story = removed[order]

    assert story.repository.remote.paths() == {README, _file(story.tenant, "colour")}


def test_others_go_on_after_removals(removed: dict[tuple[str, ...], Story], world: World) -> None:
    """After all these removals a new GitRepoConfig works, and what came too late is still in no branch."""
    namespace, repository = _mirrored(world)
    world.config_map(namespace, "after", a="b")
    wait_for("the file", lambda: _file(namespace, "after") in repository.remote.paths())

    for story in removed.values():
        assert story.repository.remote.paths() == {README, _file(story.tenant, "colour")}


def _mirrored(world: World, *rules: dict[str, Any], **spec: Any) -> tuple[str, Repository]:
    """A namespace with a GitRepoConfig `audit` and a WatchRule, both Ready, of ConfigMaps by default."""
    namespace, repository = world.namespace(), world.repository()
    world.config(namespace, "audit", repository.http, world.login(namespace), **spec)
    world.rule(namespace, "settings", "audit", *rules)
    world.wait_ready(CONFIGS, namespace, "audit")
    world.wait_ready(RULES, namespace, "settings")
    return namespace, repository


def _file(namespace: str, name: str) -> str:
    """Where the seed, and so we, put a ConfigMap."""
    return f"v1/configmaps/{namespace}/{name}.yaml"


def _operations(repository: Repository, since: str) -> list[str]:
    """The subjects of the commits since, without the user."""
    subjects = repository.remote.subjects(since=since)
    assert all(" by user/" in subject for subject in subjects), subjects
    return [subject.partition(" by user/")[0] for subject in subjects]


def _branches(repository: Repository) -> set[str]:
    return set(git("-C", repository.remote.path, "branch", "--format=%(refname:short)").split())


def _thing(name: str, **spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.org/v1", "kind": "Thing", "metadata": {"name": name}, "spec": spec}


def _patch(world: World, path: str, changes: dict[str, Any]) -> None:
    headers = {"Content-Type": "application/merge-patch+json"}
    answer = world.plane.http.patch(path, content=json.dumps(changes), headers=headers)
    assert answer.is_success, answer.text
