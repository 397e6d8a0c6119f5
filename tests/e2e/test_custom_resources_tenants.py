"""What the owner of one namespace tries against the repository of another one, from end to end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.e2e.custom_resources import CLUSTER_RULES, CONFIG_MAPS, CONFIGS, RULES, World
from tests.e2e.daemon import wait_for
from tests.e2e.gitea import Gitea, Repository
from tests.e2e.remote import git
from tests.e2e.seed_shapes import OUR_CRDS
from tests.e2e.servers import ControlPlane

ACCOUNT = "reader"
"""The service account of a namespace whose rights bound its rules."""
MARK = "of-the-other-tenant"
"""In every object that the attacker makes: it must be nowhere in the victim's repository."""
POLICY = {"mode": "FromSelector", "namespaceSelector": {"matchLabels": {"audit": "yes"}}}


class Victim:
    """A namespace with two GitRepoConfigs: one lets nobody else in, the other one namespaces with a label."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.namespace, self.repository = world.namespace("victim"), world.repository()
        rights(world, self.namespace, "configmaps")
        login = world.login(self.namespace)
        policy = {"namespacedRules": POLICY}
        world.config(self.namespace, "audit", self.repository.http, login, path="own")
        world.rule(self.namespace, "settings", "audit")
        world.config(
            self.namespace, "shared", self.repository.http, login, path="shared", accessPolicy=policy
        )
        world.config_map(self.namespace, "colour", a="b")
        world.wait_ready(RULES, self.namespace, "settings")
        wait_for("the file", lambda: any("colour" in path for path in self.repository.remote.paths()))


def rights(world: World, namespace: str, *resources: str) -> None:
    """Let the account of a namespace list and watch these there."""
    world.plane.kubectl("create", "serviceaccount", ACCOUNT, "-n", namespace)
    verbs = "--verb=list,watch"
    world.plane.kubectl(
        "create", "role", ACCOUNT, "-n", namespace, verbs, f"--resource={','.join(resources)}"
    )
    subject = f"--serviceaccount={namespace}:{ACCOUNT}"
    world.plane.kubectl("create", "rolebinding", ACCOUNT, "-n", namespace, f"--role={ACCOUNT}", subject)


@pytest.fixture(scope="module")
def world(plane: ControlPlane, gitea: Gitea, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A daemon that gives tenants no more than a service account of their namespace may read."""
    plane.kubectl("apply", "--server-side", "-k", str(OUR_CRDS))
    folder = tmp_path_factory.mktemp("world")
    world = World(plane, gitea, folder, tenancy={"service_account": ACCOUNT})
    with world.daemon:
        world.daemon.ready()
        yield world
        world.daemon.alive()


@pytest.fixture(scope="module")
def victim(world: World) -> Victim:
    """Whom all the others try to write to."""
    return Victim(world)


def _config(**spec: Any) -> Callable[[World, Victim, str], tuple[str, str, str]]:
    """An attempt by a GitRepoConfig with such a spec, and a rule that leads to it."""

    def attempt(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
        url = str(spec.get("repoUrl", victim.repository.http))
        more = {key: value for key, value in spec.items() if key != "repoUrl"}
        user = world.gitea.url.replace("http://", f"http://{world.owner}:{world.token}@")
        url = url.replace("VICTIM", str(victim.repository.remote.path)).replace("LOGIN", f"{user}/x/y.git")
        world.config(namespace, "mine", url, **({"secret": "git-creds"} | more))
        world.rule(namespace, "settings", "mine")
        return CONFIGS, namespace, "mine"

    return attempt


def _by_reference(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    world.rule(namespace, "settings", f"{victim.namespace}/audit")
    return RULES, namespace, "settings"


def _by_guess(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    world.rule(namespace, "settings", f"{victim.namespace}/nothing-of-this-name")
    return RULES, namespace, "settings"


def _by_label(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    """Let in by a label, and then no more."""
    world.plane.kubectl("label", "namespace", namespace, "audit=yes")
    world.rule(
        namespace,
        "settings",
        f"{victim.namespace}/shared",
        objectSelector={"matchLabels": {"chosen": "yes"}},
    )
    world.wait_ready(RULES, namespace, "settings")
    world.plane.kubectl("label", "namespace", namespace, "audit-")
    world.rule(namespace, "settings", f"{victim.namespace}/shared")
    return RULES, namespace, "settings"


def _by_cluster_rule(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    rule = CONFIG_MAPS | {"scope": "Namespaced"}
    world.cluster_rule(f"all-of-{namespace}", f"{victim.namespace}/audit", rule)
    return CLUSTER_RULES, "", f"all-of-{namespace}"


def _by_rights(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    """A type that the namespace's account may not read, to a repository of the tenant's own."""
    del victim
    world.config(namespace, "mine", world.repository().http, "git-creds")
    world.rule(namespace, "settings", "mine", {"apiGroups": [""], "resources": ["pods", "secrets"]})
    return RULES, namespace, "settings"


def _by_size(world: World, victim: Victim, namespace: str) -> tuple[str, str, str]:
    selector = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["x" * 60] * 16_000}]}
    world.rule(namespace, "settings", f"{victim.namespace}/shared", objectSelector=selector)
    return RULES, namespace, "settings"


ATTEMPTS: dict[str, tuple[Callable[[World, Victim, str], tuple[str, str, str]], str, str, str]] = {
    "another namespace's config": (_by_reference, "AccessDenied", "", "admits WatchRules"),
    "a config that is not there": (_by_guess, "AccessDenied", "", "admits WatchRules"),
    "a label that was taken away": (_by_label, "AccessDenied", "", "admits WatchRules"),
    "a cluster rule": (_by_cluster_rule, "AccessDenied", "AccessDenied", "allowClusterRules"),
    "types that it may not read": (_by_rights, "AccessDenied", "AccessDenied", f":{ACCOUNT}"),
    "a megabyte of selector": (_by_size, "RuleTooLarge", "RuleTooLarge", "objectSelector"),
    "a file": (_config(repoUrl="file://VICTIM"), "ConnectionFailed", "UrlRefused", "scheme file"),
    "a helper of git": (_config(repoUrl="ext::sh -c id"), "ConnectionFailed", "UrlRefused", "spec.repoUrl"),
    "a password in the URL": (_config(repoUrl="LOGIN"), "ConnectionFailed", "UrlRefused", "secretRef"),
    "the victim's folder": (_config(path="own/v1"), "Overlap", "Overlap", "another GitRepoConfig"),
    "a Secret of another namespace": (
        _config(secret="../victim/git-creds", path="mine"),
        "SecretNotFound",
        "SecretNameInvalid",
        "not the name of a Secret",
    ),
}


@pytest.mark.parametrize("attempt", ATTEMPTS)
def test_attempt(world: World, victim: Victim, attempt: str) -> None:
    """Each is refused with a reason that names no secret, and says what to do."""
    make, reason, stalled, words = ATTEMPTS[attempt]
    namespace = world.namespace("attacker")
    rights(world, namespace, "configmaps")
    world.login(namespace)
    world.config_map(namespace, "before", text=MARK)

    where = make(world, victim, namespace)

    conditions = world.wait_refused(reason, *where)
    if stalled:
        assert conditions["Stalled"]["status"] == "True"
        assert conditions["Stalled"]["reason"] == stalled
    else:  # in a rule's first minute the config that admits it may follow
        assert conditions["Reconciling"]["reason"] == "Waiting"
    assert words in conditions["Ready"]["message"]
    assert world.token not in str(conditions)
    if where[0] != CONFIGS or "another namespace" in attempt:
        assert victim.repository.http not in str(conditions)
    world.config_map(namespace, "after", text=MARK)


def test_a_folder_outside(world: World, victim: Victim) -> None:
    """The API server itself refuses a path that leaves the repository."""
    with pytest.raises(AssertionError, match="must be a folder inside the repository"):
        world.config(victim.namespace, "outside", victim.repository.http, path="../shared")


def test_squatter(world: World) -> None:
    """Who names a repository first and cannot push to it keeps nobody from it who can."""
    repository, squatter, owner = world.repository(), world.namespace("squatter"), world.namespace("owner")
    rights(world, owner, "configmaps")
    world.config(squatter, "mine", repository.http, world.login(squatter, token="0" * 40))
    world.wait_refused("ConnectionFailed", CONFIGS, squatter, "mine")
    world.config(owner, "audit", repository.http, world.login(owner))
    world.rule(owner, "settings", "audit")
    world.config_map(owner, "colour", a="b")

    wait_for("the file", lambda: any("colour" in path for path in repository.remote.paths()))
    world.wait_ready(CONFIGS, owner, "audit")
    world.wait_refused("Overlap", CONFIGS, squatter, "mine")


def test_nothing_of_others(world: World, victim: Victim) -> None:
    """After all that the victim's repository has the victim's file, in all of its history nothing else."""
    world.config_map(victim.namespace, "after", a="b")
    wait_for("the file", lambda: any("after" in path for path in victim.repository.remote.paths()))

    assert MARK not in _history(victim.repository)
    assert "attacker" not in _history(victim.repository)
    assert all(
        path == "README.md" or path.startswith(f"own/v1/configmaps/{victim.namespace}/")
        for path in victim.repository.remote.paths()
    )


def _history(repository: Repository) -> str:
    """Every commit of every branch with all that it changes."""
    return git("-C", repository.remote.path, "log", "--all", "--patch", "--text")
