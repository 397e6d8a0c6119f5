"""Our CRDs take the place of GitOps Reverser's on a real API server, and nothing that worked is refused."""

from __future__ import annotations

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from tests.e2e.daemon import Daemon, wait_for
from tests.e2e.installation import INSTALL
from tests.e2e.remote import Remote
from tests.e2e.seed_shapes import (
    MYAPPS,
    OUR_CRDS,
    QUICKSTART,
    ROOT,
    SAMPLE_NAMESPACE,
    SAMPLES,
    SEED_CRDS,
    SHAPES,
    shape,
)
from tests.e2e.servers import ASSETS, ControlPlane
from tests.integration.gitserver import basic, serving
from tests.tools.crds import STRUCTS

API = "/apis/configbutler.ai/v1alpha1"
STRICT = ("--validate=strict", "--warnings-as-errors")
ALL = ("grc,wr,cwr", "--all-namespaces")
CONFIG = {"repoUrl": "https://git.example.com/a.git", "branch": "main"}
SELECTOR = {"matchLabels": {"team": "shop"}}
REFERENCE = {"name": "a"}
RULE = {"resources": ["configmaps"]}
WATCH = {"gitRepoConfigRef": REFERENCE, "rules": [RULE]}
CLUSTER_RULE = RULE | {"scope": "Cluster"}
CLUSTER_WATCH = {"gitRepoConfigRef": REFERENCE, "rules": [CLUSTER_RULE]}

Case = tuple[str, dict[str, Any]]
"""Plural, and the spec of an object."""


def config(**more: Any) -> Case:
    """A GitRepoConfig."""
    return "gitrepoconfigs", CONFIG | more


def policy(**rules: Any) -> Case:
    """A GitRepoConfig with namespacedRules."""
    return config(accessPolicy={"namespacedRules": rules})


def watch(**more: Any) -> Case:
    """A WatchRule."""
    return "watchrules", WATCH | more


def watching(**more: Any) -> Case:
    """A WatchRule whose only rule has these fields besides."""
    return watch(rules=[RULE | more])


def cluster_watch(**more: Any) -> Case:
    """A ClusterWatchRule."""
    return "clusterwatchrules", CLUSTER_WATCH | more


def cluster_watching(**more: Any) -> Case:
    """A ClusterWatchRule whose only rule has these fields besides."""
    return cluster_watch(rules=[CLUSTER_RULE | more])


def without(case: Case, field: str) -> Case:
    """The object without a field."""
    plural, spec = case
    return plural, {key: value for key, value in spec.items() if key != field}


ACCEPTED: dict[str, Case] = {
    "the least config": config(),
    "a URL of any text": config(repoUrl="not a URL"),
    "an empty URL": config(repoUrl=""),
    "a file": config(repoUrl="file:///etc"),
    "credentials in the URL": config(repoUrl="https://me:secret@git.example.com/a"),
    "an empty branch": config(branch=""),
    "a branch that git refuses": config(branch="a..b"),
    "an empty secret name": config(secretRef={"name": ""}),
    "an empty push": config(push={}),
    "an interval of any text": config(push={"interval": "soon"}),
    "an empty interval": config(push={"interval": ""}),
    "a negative interval": config(push={"interval": "-1m"}),
    "a negative number of commits": config(push={"maxCommits": -5}),
    "many commits": config(push={"maxCommits": 2**40}),
    "an empty policy": config(accessPolicy={}),
    "empty rules of a policy": policy(),
    "a mode": policy(mode="AllNamespaces"),
    "a mode with its selector": policy(mode="FromSelector", namespaceSelector=SELECTOR),
    "a mode with an empty selector": policy(mode="FromSelector", namespaceSelector={}),
    "a selector of an unknown operator": watch(
        objectSelector={"matchExpressions": [{"key": "a", "operator": "Near"}]}
    ),
    "a label key that cannot be": watch(objectSelector={"matchLabels": {"!": "?"}}),
    "a reference to another namespace": watch(gitRepoConfigRef={"name": "a", "namespace": "b"}),
    "an empty namespace": watch(gitRepoConfigRef={"name": "a", "namespace": ""}),
    "no operations": watching(operations=[]),
    "all operations twice": watching(operations=["*", "*"]),
    "all groups": watching(apiGroups=["*", ""], apiVersions=["*"]),
    "an empty resource": watch(rules=[{"resources": [""]}]),
    "subresources": watch(rules=[{"resources": ["pods/*", "pods/log", "*/scale"]}]),
    "upper case": watch(rules=[{"resources": ["ConfigMaps", "ingresses.networking.k8s.io"]}]),
    "a cluster rule without a namespace": cluster_watch(),
    "a selector with scope Cluster": cluster_watching(namespaceSelector=SELECTOR),
    "a hundred rules": watch(rules=[RULE] * 100),
    "null for push": config(push=None),
    "null for the policy": config(accessPolicy=None),
    "null for the mode": policy(mode=None),
    "null for operations": watching(operations=None),
    "null for labels": watch(objectSelector={"matchLabels": None}),
}
REFUSED: dict[str, tuple[Case, str]] = {
    "no URL": (without(config(), "repoUrl"), "spec.repoUrl: Required value"),
    "no branch": (without(config(), "branch"), "spec.branch: Required value"),
    "a secret without a name": (config(secretRef={}), "spec.secretRef.name: Required value"),
    "commits as text": (config(push={"maxCommits": "5"}), "spec.push.maxCommits: Invalid value"),
    "an unknown mode": (
        policy(mode="Everybody"),
        'spec.accessPolicy.namespacedRules.mode: Unsupported value: "Everybody": supported values: '
        '"AllNamespaces", "FromSelector", "SameNamespace"',
    ),
    "a selector without its mode": (policy(namespaceSelector=SELECTOR), "spec: Invalid value"),
    "a selector with another mode": (
        policy(mode="AllNamespaces", namespaceSelector=SELECTOR),
        "spec: Invalid value",
    ),
    "a mode without its selector": (policy(mode="FromSelector"), "spec: Invalid value"),
    "a requirement without a key": (
        watch(objectSelector={"matchExpressions": [{"operator": "Exists"}]}),
        "spec.objectSelector.matchExpressions[0].key: Required value",
    ),
    "no reference": (without(watch(), "gitRepoConfigRef"), "spec.gitRepoConfigRef: Required value"),
    "the older guide's reference": (watch(gitRepoConfigRef="a"), "spec.gitRepoConfigRef: Invalid value"),
    "a reference without a name": (
        watch(gitRepoConfigRef={"namespace": "b"}),
        "spec.gitRepoConfigRef.name: Required value",
    ),
    "an empty name": (watch(gitRepoConfigRef={"name": ""}), "should be at least 1 chars long"),
    "no rules": (without(watch(), "rules"), "spec.rules: Required value"),
    "an empty list of rules": (watch(rules=[]), "should have at least 1 items"),
    "a rule without resources": (watch(rules=[{}]), "spec.rules[0].resources: Required value"),
    "an empty list of resources": (watching(resources=[]), "should have at least 1 items"),
    "an unknown operation": (
        watching(operations=["CONNECT"]),
        'spec.rules[0].operations[0]: Unsupported value: "CONNECT"',
    ),
    "an operation in lower case": (watching(operations=["create"]), "Unsupported value"),
    "no scope": (cluster_watch(rules=[RULE]), "spec.rules[0].scope: Required value"),
    "an unknown scope": (cluster_watching(scope="All"), 'Unsupported value: "All"'),
    "a cluster rule without rules": (cluster_watch(rules=[]), "should have at least 1 items"),
}
NEW: dict[str, Case] = {
    "a config": config(
        path="clusters/prod/",
        layout="default",
        createBranch=True,
        adopt=True,
        suspend=True,
        message="reverser",
        secrets="mask",
        suspicious="ignore",
        window="1m30s",
    ),
    "a rule": watch(suspend=True, excludeUsers=["system:*"], excludeManagers=["flux"], onlyUsers=["*@a.b"]),
    "a cluster rule": cluster_watch(suspend=True, excludeUsers=["a"], excludeManagers=["b"], onlyUsers=["c"]),
}
NEW_REFUSED: dict[str, tuple[Case, str]] = {
    "a folder outside": (config(path="a/../../b"), "must be a folder inside the repository"),
    "a folder of the machine": (config(path="/etc"), "must be a folder inside the repository"),
    "a long folder": (config(path="a" * 1025), "spec.path: Too long"),
    "a window of any text": (config(window="soon"), "must be a duration such as 500ms, 5s, 1m30s or 2h"),
    "an unknown layout": (
        config(layout="flat"),
        'spec.layout: Unsupported value: "flat": supported values: "default", "rest"',
    ),
    "encrypted secrets": (config(secrets="encrypt"), 'supported values: "mask", "omit"'),
    "an unknown message": (config(message="short"), 'supported values: "reverser", "seed"'),
    "too many globs": (watch(excludeUsers=["a"] * 65), "spec.excludeUsers: Too many: 65"),
    "a long glob": (watch(onlyUsers=["a" * 254]), "spec.onlyUsers[0]: Too long"),
    "an empty glob": (watch(excludeManagers=[""]), "should be at least 1 chars long"),
    "a misspelt field": (config(createbranch=True), 'unknown field "spec.createbranch"'),
}


def post(plane: ControlPlane, case: Case, validation: str = "Strict", *, dry: bool = True) -> dict[str, Any]:
    """The API server's answer to an object: what it would store, or its refusal."""
    plural, spec = case
    where = plural if plural == "clusterwatchrules" else f"namespaces/default/{plural}"
    query = f"fieldValidation={validation}" + ("&dryRun=All" if dry else "")
    answer = plane.http.post(f"{API}/{where}?{query}", json=document(case) | {"spec": spec})
    # A kind that is not served yet is answered with 404 and no JSON.
    return dict(answer.json()) if answer.headers["content-type"] == "application/json" else {}


def document(case: Case) -> dict[str, Any]:
    """The object without its spec."""
    kinds = {
        "gitrepoconfigs": "GitRepoConfig",
        "watchrules": "WatchRule",
        "clusterwatchrules": "ClusterWatchRule",
    }
    return {
        "apiVersion": "configbutler.ai/v1alpha1",
        "kind": kinds[case[0]],
        "metadata": {"generateName": "case-"},
    }


def spec_stored(answer: dict[str, Any]) -> Any:
    """The spec that was taken; None for a refusal."""
    return answer.get("spec")


class Replaced:
    """A cluster of the seed's in which our install.yaml has taken the place of its CRDs."""

    def __init__(self, plane: ControlPlane) -> None:
        self.plane = plane
        self.seed: dict[str, dict[str, Any]] = {}
        """What the seed's schema answered to each case."""
        self.before: dict[str, Any] = {}
        """The objects that were there then."""

    def install_seed(self) -> None:
        """The seed's CRDs and samples, and the status that it would have written."""
        self.plane.kubectl("create", "namespace", SAMPLE_NAMESPACE)
        self.plane.kubectl("apply", "-f", str(SEED_CRDS))
        self.plane.kubectl("wait", "--for=condition=Established", "crd", "--all", "--timeout=60s")
        wait_for("the seed's kinds", lambda: "spec" in post(self.plane, cluster_watch()))
        self.plane.kubectl("apply", *STRICT, "-k", str(SAMPLES))
        ready = {"type": "Ready", "status": "True", "reason": "BranchFound", "message": "main at 1a2b3c4d"}
        status = {"conditions": [ready | {"lastTransitionTime": "2025-10-15T10:00:00Z"}]}
        for name in ("gitrepoconfig/gitrepoconfig-sample", "watchrule/watchrule-sample"):
            patch = json.dumps({"status": status})
            self.plane.kubectl("patch", name, "--subresource=status", "--type=merge", "-p", patch)

    def ask_seed(self) -> None:
        """Show the seed's schema every case."""
        for name, case in ACCEPTED.items():
            self.seed[name] = post(self.plane, case)
        for name, (case, _) in REFUSED.items():
            self.seed[name] = post(self.plane, case)
        for name, case in NEW.items():
            self.seed[name] = post(self.plane, case, "Ignore")
        self.before = self.objects()

    def install_ours(self) -> None:
        """The whole installation by the command of the documentation."""
        self.plane.kubectl("apply", *STRICT, "-f", str(INSTALL))
        # Nobody answers the webhook here, so each write would wait for it until its time is over.
        self.plane.kubectl("delete", "validatingwebhookconfiguration", "gitops-reverser")
        for case in NEW.values():
            wait_for("our schema", lambda case=case: spec_stored(post(self.plane, case)))  # type: ignore[misc]

    def objects(self) -> dict[str, Any]:
        """All objects of the three kinds, as they are stored."""
        return {
            each["metadata"]["name"]: each
            for plural in ("gitrepoconfigs", "watchrules", "clusterwatchrules")
            for each in self.plane.get(f"{API}/{plural}")["items"]
        }


@pytest.fixture(scope="module")
def replaced(plane: ControlPlane, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Replaced]:
    """An own cluster, since CRDs are the whole cluster's; `plane` is there to skip without servers."""
    assert plane.url
    with ControlPlane.start(tmp_path_factory.mktemp("seed"), controllers=False) as own:
        cluster = Replaced(own)
        cluster.install_seed()
        cluster.ask_seed()
        cluster.install_ours()
        yield cluster


@pytest.fixture
def own(replaced: Replaced) -> ControlPlane:
    """The API server that has our CRDs."""
    return replaced.plane


def test_the_objects_of_the_seed_stay(replaced: Replaced) -> None:
    """Nothing of an object changes when the CRDs are replaced: uid, spec, status and resourceVersion.

    What has no status is shown with one that says so.
    """
    assert len(replaced.before) == 4
    wanted = {name: {"status": {"observedGeneration": -1}} | each for name, each in replaced.before.items()}
    assert replaced.objects() == wanted


@pytest.mark.parametrize("name", ACCEPTED)
def test_what_the_seed_accepted_is_accepted(replaced: Replaced, name: str) -> None:
    """Nothing that the seed's schema takes is refused, and the same is stored."""
    stored = spec_stored(replaced.seed[name])

    assert stored is not None, replaced.seed[name]
    answer = post(replaced.plane, ACCEPTED[name])
    assert spec_stored(answer) == stored
    assert msgspec.convert(answer, STRUCTS[answer["kind"]])


@pytest.mark.parametrize("name", REFUSED)
def test_what_the_seed_refused_is_refused_with_a_reason(replaced: Replaced, name: str) -> None:
    """Each invalid field is named in the refusal, with what is allowed."""
    case, reason = REFUSED[name]

    assert spec_stored(replaced.seed[name]) is None
    assert reason in post(replaced.plane, case)["message"]


def test_a_refusal_by_a_rule_says_what_to_do(own: ControlPlane) -> None:
    """A selector without its mode, and the mode without a selector, are refused in words of a person."""
    selector = post(own, policy(namespaceSelector=SELECTOR))["message"]
    mode = post(own, policy(mode="FromSelector"))["message"]

    assert "namespaceSelector has no effect unless" in selector
    assert "set the mode, or remove the selector" in selector
    assert "mode is FromSelector, which needs accessPolicy.namespacedRules.namespaceSelector" in mode


@pytest.mark.parametrize("name", NEW)
def test_new_fields_are_stored_and_the_seed_drops_them(replaced: Replaced, name: str) -> None:
    """An object with every new field is stored as it is, and is an object of the seed's without them."""
    plural, spec = NEW[name]
    old = {"gitrepoconfigs": CONFIG, "watchrules": WATCH, "clusterwatchrules": CLUSTER_WATCH}[plural]

    answer = post(replaced.plane, NEW[name])
    assert spec_stored(answer) == spec
    read = msgspec.convert(answer, STRUCTS[answer["kind"]])
    assert msgspec.json.decode(msgspec.json.encode(read))["spec"] == spec
    assert spec_stored(replaced.seed[name]) == old


@pytest.mark.parametrize("name", NEW_REFUSED)
def test_new_fields_have_bounds(own: ControlPlane, name: str) -> None:
    """A new field of a wrong value is refused with what is allowed."""
    case, reason = NEW_REFUSED[name]

    assert reason in post(own, case)["message"]


@pytest.mark.parametrize("file", SHAPES)
def test_the_objects_of_the_seeds_own_tests_apply(own: ControlPlane, file: str) -> None:
    """kubectl takes each without a warning, in strict validation."""
    text = shape(file, name=f"shape-{file}", namespace="default", config="a", url="git@git.example.com:a.git")

    assert "created" in own.kubectl("apply", *STRICT, "--dry-run=server", "-f", "-", input=text)


def test_the_samples_apply(own: ControlPlane) -> None:
    """All samples and the quick start apply with the commands of the documentation, without a warning."""
    samples = own.kubectl("apply", *STRICT, "-k", str(SAMPLES))
    quickstart = own.kubectl("apply", *STRICT, "--dry-run=server", "-k", str(QUICKSTART))
    own.kubectl("apply", *STRICT, "--dry-run=server", "-f", str(MYAPPS))

    assert samples.count("unchanged") + samples.count("configured") == 4
    assert quickstart.count("created") == 2


@pytest.mark.parametrize(
    ("field", "sentence"),
    [
        ("gitrepoconfig.spec.push", "How long a change may wait for its push"),
        ("gitrepoconfig.spec.accessPolicy.namespacedRules.mode", "SameNamespace: from its own."),
        ("watchrule.spec.rules.operations", "Without DELETE a file stays when its object is deleted."),
        ("cwr.spec.rules.namespaceSelector", "Without it: all namespaces."),
        ("wr.status", "The resource types that are watched for the rule"),
    ],
)
def test_explain_prints_our_sentences(own: ControlPlane, field: str, sentence: str) -> None:
    """`kubectl explain` says what a field means."""
    wait_for(
        "the published schema",
        lambda: sentence in " ".join(own.kubectl("explain", field, check=False).split()),
    )


def test_get_shows_what_works(own: ControlPlane) -> None:
    """The columns of `kubectl get` hold repository, branch, the reference, Ready and its message."""
    status = {
        "lastPush": {"commit": "1a2b3c4d5e6f", "time": "2026-01-02T03:04:05Z"},
        "conditions": [
            {
                "type": "Ready",
                "status": "True",
                "reason": "BranchFound",
                "message": "branch main at 1a2b3c4d",
                "lastTransitionTime": "2026-01-02T03:04:05Z",
            }
        ],
    }
    name = ("gitrepoconfig/gitrepoconfig-with-policy", "-n", SAMPLE_NAMESPACE)
    patch = json.dumps({"status": status})
    own.kubectl("patch", *name, "--subresource=status", "--type=merge", "-p", patch)

    shown = own.kubectl("get", *ALL)
    wide = own.kubectl("get", "grc", *name[1:], "-o", "wide")
    by_category = own.kubectl("get", "gitops-reverser", "--all-namespaces", "-o", "name")

    headers = [line.split() for line in shown.splitlines() if line.startswith("NA")]
    assert headers == [
        ["NAMESPACE", "NAME", "REPO", "BRANCH", "READY", "STATUS", "AGE"],
        ["NAMESPACE", "NAME", "GITREPOCONFIG", "READY", "STATUS", "AGE"],
        ["NAMESPACE", "NAME", "GITREPOCONFIG", "NAMESPACE", "READY", "STATUS", "AGE"],
    ]
    assert "branch main at 1a2b3c4d" in shown
    assert wide.splitlines()[0].split()[-2:] == ["COMMIT", "PUSHED"]
    assert "1a2b3c4d5e6f" in wide
    assert len(by_category.splitlines()) == 4


def test_conditions_of_others_stay_beside_ours(own: ControlPlane) -> None:
    """Conditions are a map by type: who applies one leaves those of other field managers alone."""
    for manager, kind in (("reverser", "Ready"), ("somebody", "Seen")):
        condition = {"type": kind, "status": "True", "reason": "Yes", "message": ""}
        status = {"conditions": [condition | {"lastTransitionTime": "2026-01-02T03:04:05Z"}]}
        applied = {
            "apiVersion": "configbutler.ai/v1alpha1",
            "kind": "ClusterWatchRule",
            "metadata": {"name": "clusterwatchrule-sample"},
            "status": status,
        }
        command = ("apply", "--server-side", "--subresource=status", f"--field-manager={manager}", "-f", "-")
        own.kubectl(*command, input=json.dumps(applied))

    stored = own.get(f"{API}/clusterwatchrules/clusterwatchrule-sample")
    assert {each["type"] for each in stored["status"]["conditions"]} == {"Ready", "Seen"}


def test_a_status_that_the_seed_wrote_is_taken_over(own: ControlPlane) -> None:
    """Its condition Ready becomes ours by server-side apply; there is one of each type afterwards."""
    conditions = [
        {
            "type": kind,
            "status": status,
            "reason": "SecretNotFound",
            "message": "",
            "lastTransitionTime": "2026-01-02T03:04:05Z",
            "observedGeneration": 1,
        }
        for kind, status in (("Ready", "False"), ("Stalled", "True"))
    ]
    path = f"{API}/namespaces/default/watchrules/watchrule-sample"
    applied = {
        "apiVersion": "configbutler.ai/v1alpha1",
        "kind": "WatchRule",
        "metadata": {"name": "watchrule-sample", "namespace": "default"},
        "status": {"observedGeneration": 1, "conditions": conditions},
    }
    answer = own.http.patch(
        f"{path}/status?fieldManager=reverser&force=true",
        content=json.dumps(applied),
        headers={"Content-Type": "application/apply-patch+yaml"},
    )

    assert answer.is_success, answer.text
    assert own.get(path)["status"]["conditions"] == conditions


def test_the_upgrade_page_finds_secrets_without_host_keys(own: ControlPlane) -> None:
    """The loop of docs/upgrading.md names GitRepoConfigs of ssh remotes whose Secret lacks known_hosts."""
    for number, (keys, url) in enumerate(
        [
            (["ssh-privatekey"], "git@git.example.com:a.git"),
            (["ssh-privatekey", "known_hosts"], "git@git.example.com:b.git"),
            (["username", "password"], "https://git.example.com/c.git"),
        ]
    ):
        literals = [f"--from-literal={key}=x" for key in keys]
        own.kubectl("create", "secret", "generic", f"login-{number}", *literals)
        values = {"name": f"host-keys-{number}", "namespace": "default", "url": url}
        own.kubectl("apply", "-f", "-", input=shape("gitrepoconfig", secret=f"login-{number}", **values))

    text = (ROOT / "docs/upgrading.md").read_text()
    (loop,) = [each for each in re.findall(r"```sh\n(.*?)```", text, re.DOTALL) if "while read" in each]
    environment = {"PATH": f"{ASSETS}:{os.environ['PATH']}", "KUBECONFIG": str(own.kubeconfig())}
    environment["HOME"] = str(own.folder)  # kubectl's cache
    done = subprocess.run(["sh", "-c", loop], env=environment, capture_output=True, text=True, check=True)

    named = [line for line in done.stdout.splitlines() if "host-keys" in line]
    assert named == ["default/host-keys-0: Secret login-0 lacks known_hosts"]


def rights() -> list[dict[str, list[str]]]:
    """The rules of a ClusterRole, as the table of rights on the page has them, but that for Secrets."""
    text = (ROOT / "docs/custom-resources.md").read_text().split("\n## Rights\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1:4] for line in text.splitlines() if line.startswith("| ") and "`" in line]
    parts = [[re.findall(r"`([^`]+)`", cell) for cell in row] for row in rows]
    return [
        {"apiGroups": groups or [""], "resources": resources, "verbs": verbs}
        for groups, resources, verbs in parts
        if resources != ["secrets"]
    ]


def test_the_quick_start_works_with_the_rights_of_the_page(own: ControlPlane, tmp_path: Path) -> None:
    """Who may do what the page lists, and runs the command of the condition, has the namespace in Git."""
    api = {"apiVersion": "rbac.authorization.k8s.io/v1"}
    selected = {
        "apiGroups": ["", "apps", "networking.k8s.io"],
        "resources": ["configmaps", "services", "deployments", "statefulsets", "ingresses"],
        "verbs": ["list", "watch"],
    }
    role = api | {"kind": "ClusterRole", "metadata": {"name": "page"}, "rules": [*rights(), selected]}
    own.kubectl("apply", "-f", "-", input=json.dumps(role))
    own.kubectl("create", "clusterrolebinding", "page", "--clusterrole=page", "--user=robot")
    environment = {"PATH": f"{ASSETS}:{os.environ['PATH']}", "KUBECONFIG": str(own.kubeconfig())}
    environment["HOME"] = str(own.folder)
    with serving(tmp_path) as server:
        server.login = basic("git", "TOKEN")
        objects = own.kubectl("kustomize", str(QUICKSTART))
        own.kubectl("apply", "-f", "-", input=re.sub("repoUrl: .*", f"repoUrl: {server.url}", objects))
        login = ["--from-literal=username=git", "--from-literal=password=TOKEN"]
        own.kubectl("create", "secret", "generic", "git-credentials", *login)
        tables: dict[str, Any] = {"destinations": [], "rules": [], "resources": {}}
        tables["tenancy"] = {"allow_urls": ["127.0.0.1:*/*"]}
        with Daemon(tmp_path / "daemon", own.kubeconfig("robot"), "", **tables) as daemon:
            message = ("get", "grc", "quickstart", "-o", "jsonpath={.status.conditions[0].message}")
            command = wait_for(
                "the command",
                lambda: daemon.alive() and own.kubectl(*message).partition("allow it with: ")[2],
            )
            subprocess.run(["sh", "-c", command], env=environment, check=True, capture_output=True)
            own.kubectl("annotate", "grc", "quickstart", "configbutler.ai/reconcile-at=now")
            both = ("gitrepoconfig/quickstart", "watchrule/quickstart")
            own.kubectl("wait", "--for=condition=Ready", *both, "--timeout=60s")
            own.kubectl("create", "configmap", "hello", "--from-literal=greeting=hello")

            paths = Remote(server.bare).paths
            wait_for("the file", lambda: "quickstart/v1/configmaps/default/hello.yaml" in paths())
        own.kubectl("delete", *both, "configmap/hello")


def test_going_back_to_the_seeds_crds_keeps_the_objects(replaced: Replaced) -> None:
    """The seed's CRDs may be applied over ours: every object stays, without the fields that are new."""
    plane = replaced.plane
    post(plane, NEW["a config"], dry=False)
    before = {name: each["metadata"]["uid"] for name, each in replaced.objects().items()}

    plane.kubectl("apply", "-f", str(SEED_CRDS))
    wait_for("the seed's schema", lambda: not spec_stored(post(plane, NEW["a config"])))

    objects = replaced.objects()
    assert {name: each["metadata"]["uid"] for name, each in objects.items()} == before
    assert all(each["spec"].keys() <= CONFIG.keys() for name, each in objects.items() if "case-" in name)
    replaced.install_ours()


def test_crds_of_a_later_release_of_the_seed_are_not_replaced(own: ControlPlane) -> None:
    """Where a CRD may have stored objects in a version that ours lacks, the API server refuses ours."""
    later = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "watchrules.configbutler.ai"},
        "spec": {
            "group": "configbutler.ai",
            "scope": "Namespaced",
            "names": {"kind": "WatchRule", "plural": "watchrules", "singular": "watchrule"},
            "versions": [
                {
                    "name": "v1alpha3",
                    "served": True,
                    "storage": True,
                    "schema": {
                        "openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                    },
                }
            ],
        },
    }
    crd = "crd/watchrules.configbutler.ai"
    own.kubectl("delete", crd, "--timeout=60s")
    own.kubectl("create", "-f", "-", input=json.dumps(later))
    stored = ("get", crd, "-o", "jsonpath={.status.storedVersions}")
    wait_for("the stored versions", lambda: own.kubectl(*stored))

    command = [ASSETS / "kubectl", "--kubeconfig", own.kubeconfig(), "apply", "-k", OUR_CRDS]
    refusal = subprocess.run(command, capture_output=True, text=True, check=False).stderr

    assert json.loads(own.kubectl(*stored)) == ["v1alpha3"]
    assert 'status.storedVersions[0]: Invalid value: "v1alpha3"' in refusal
    assert "must remain in spec.versions until a storage migration" in refusal

    own.kubectl("delete", crd, "--timeout=60s")
    own.kubectl("apply", "-k", str(OUR_CRDS))
    wait_for("our rules again", lambda: spec_stored(post(own, NEW["a rule"])))


@pytest.mark.parametrize("command", [("apply",), ("apply", "--server-side", "--force-conflicts")])
def test_crds_that_helm_installed_are_replaced(own: ControlPlane, command: tuple[str, ...]) -> None:
    """CRDs that no `kubectl apply` has made are replaced by both kinds of apply, schema and columns."""
    own.kubectl("delete", "-k", str(OUR_CRDS), "--timeout=60s")
    own.kubectl("create", "-f", str(SEED_CRDS))
    own.kubectl("wait", "--for=condition=Established", "-f", str(SEED_CRDS), "--timeout=60s")

    own.kubectl(*command, "-k", str(OUR_CRDS))

    names = json.loads(own.kubectl("get", "crd/gitrepoconfigs.configbutler.ai", "-o", "json"))["spec"][
        "names"
    ]
    assert names["shortNames"] == ["grc"]
    wait_for("our schema", lambda: spec_stored(post(own, NEW["a config"])) == NEW["a config"][1])
