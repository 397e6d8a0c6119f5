"""The Helm chart makes what install.yaml holds, refuses mistyped values, and writes TOML that keeps types."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from reverser import config
from tests.helm import NAMESPACE, RELEASE, Object, helm, only, rendered, require_helm
from tests.tools.chart import CHART, ROOT

HELMS = {"helm.sh/chart", "app.kubernetes.io/version", "app.kubernetes.io/managed-by"}
"""Labels that a chart's objects have besides."""
LIVE = {"name": "live", "url": "https://git.example.com/a.git"}


@pytest.fixture(autouse=True)
def _helm() -> None:
    require_helm()


def written(objects: list[Object]) -> str:
    """The configuration file that the chart writes."""
    return str(only(objects, "ConfigMap", "-config")["data"]["reverser.toml"])


def test_lint_has_nothing_to_say(tmp_path: Path) -> None:
    """`helm lint --strict` passes."""
    done = helm("lint", "--strict", CHART, home=tmp_path)

    assert done.returncode == 0, done.stdout
    assert "[WARNING]" not in done.stdout


def comparable(each: Object) -> Object:
    """An object without what Helm, kustomize or the keeping of CRDs adds; the configuration as its tables."""
    metadata = each["metadata"]
    metadata["labels"] = {k: v for k, v in metadata.get("labels", {}).items() if k not in HELMS}
    metadata.get("annotations", {}).pop("helm.sh/resource-policy", "")
    if not metadata.get("annotations", True):
        del metadata["annotations"]
    if each["kind"] == "CustomResourceDefinition":
        metadata.pop("labels")
    if each["kind"] == "Deployment":
        template = each["spec"]["template"]["metadata"]
        template["annotations"].pop("checksum/config", "")
        pod = each["spec"]["template"]["spec"]
        for lists in (pod["volumes"], pod["containers"][0]["volumeMounts"]):
            lists.sort(key=lambda volume: volume["name"])  # kustomize puts what a patch adds first
    if "reverser.toml" in each.get("data", {}):
        tables = tomllib.loads(each["data"]["reverser.toml"])
        tables.pop("log", None)
        each["data"] = tables
    if each["kind"] not in ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition"):
        metadata.setdefault("namespace", NAMESPACE)
    if each["kind"] == "ValidatingWebhookConfiguration":
        metadata.pop("namespace")
    return each


@pytest.mark.parametrize(
    ("manifest", "values"),
    [
        ("install.yaml", {}),
        ("install-cert-manager.yaml", {"certificates": {"certManager": {"enabled": True}}}),
    ],
)
def test_the_chart_makes_what_the_manifests_hold(tmp_path: Path, manifest: str, values: Object) -> None:
    """Object by object: all but the Namespace, and besides Helm's labels and the pod of `helm test`."""
    text = (ROOT / manifest).read_text()
    theirs = {(each["kind"], each["metadata"]["name"]): each for each in yaml.safe_load_all(text)}
    ours = {(each["kind"], each["metadata"]["name"]): each for each in rendered(tmp_path, values)}

    assert theirs.keys() - ours.keys() == {("Namespace", NAMESPACE)}
    assert ours.keys() - theirs.keys() == {("Pod", f"{RELEASE}-check")}
    for key in theirs.keys() & ours.keys():
        assert comparable(ours[key]) == comparable(theirs[key]), key


REFUSED: list[tuple[Object, str]] = [
    ({"replicas": 3}, "additional properties 'replicas' not allowed"),
    ({"replicaCount": "3"}, "replicaCount"),
    ({"replicaCount": -1}, "replicaCount"),
    ({"replicaCount": 1.5}, "replicaCount"),
    ({"image": {"repo": "x"}}, "repo"),
    ({"image": {"tag": 1.2}}, "tag"),
    ({"image": {"pullPolicy": "Sometimes"}}, "pullPolicy"),
    ({"image": {"digest": "sha256:short"}}, "digest"),
    ({"imagePullSecrets": ["name"]}, "imagePullSecrets"),
    ({"crds": {"kept": True}}, "kept"),
    ({"crds": {"keep": "yes"}}, "keep"),
    ({"controllerManager": {"enableHTTP2": False}}, "enableHTTP2"),
    ({"webhook": {"validating": {"failurePolicy": "Fail"}}}, "failurePolicy"),
    ({"webhook": {"validating": {"timeoutSeconds": 30}}}, "timeoutSeconds"),
    ({"webhook": {"server": {"port": 443}}}, "port"),
    ({"certificates": {"certManager": {"issuer": {"kind": "Secret"}}}}, "kind"),
    ({"logging": {"level": "verbose"}}, "level"),
    ({"rbac": {"readall": True}}, "readall"),
    ({"podLabels": {"a": 1}}, "podLabels"),
    ({"networkPolicy": {"egressPorts": [70000]}}, "egressPorts"),
    ({"networkPolicy": {"egressPorts": ["https"]}}, "egressPorts"),
    ({"podDisruptionBudget": {"maxUnavailable": "some"}}, "maxUnavailable"),
    ({"monitoring": {"serviceMonitor": {"port": "https"}}}, "port"),
    ({"examples": {"github": {"repo": "x"}}}, "repo"),
    ({"extraObjects": {"kind": "Secret"}}, "extraObjects"),
    ({"config": "data_dir = '/x'"}, "config"),
    ({"config": {"data_dir": "/x"}}, "data_dir"),
    ({"config": {"grace_secs": 5}}, "grace_secs"),
    ({"config": {"grace_seconds": "20"}}, "grace_seconds"),
    ({"config": {"destinations": LIVE}}, "destinations"),
    ({"config": {"destinations": [LIVE | {"branchs": "main"}]}}, "branchs"),
    ({"config": {"destinations": [LIVE | {"secrets": "plain"}]}}, "secrets"),
    ({"config": {"destinations": [LIVE | {"push_commits": "2"}]}}, "push_commits"),
    ({"config": {"destinations": [LIVE | {"credentials": {"token": {"path": "x"}}}]}}, "token"),
    ({"config": {"rules": [{"name": "a", "resources": ["pods"]}]}}, "destination"),
    ({"config": {"resources": {"namespace": "a"}}}, "namespace"),
    ({"config": {"webhook": {"max_body_bytes": "4Mi"}}}, "max_body_bytes"),
]


@pytest.mark.parametrize(("values", "named"), REFUSED, ids=lambda each: str(each)[:60])
def test_what_nobody_reads_is_refused(tmp_path: Path, values: Object, named: str) -> None:
    """An unknown or mistyped value ends the installation before it begins, and is named."""
    done = helm("template", RELEASE, CHART, values=values, home=tmp_path)

    assert done.returncode != 0
    assert "don't meet the specifications of the schema" in done.stderr
    assert named in done.stderr


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"controllerManager": {"leaderElection": False}}, "Set replicaCount to 1"),
        ({"persistence": {"existingClaim": "data"}}, "Set replicaCount to 1"),
        ({"configToml": "a = 1", "config": {"audit": {"bind": ":1"}}}, "leave configToml empty"),
        ({"configToml": "grace_seconds = 5"}, "or add [leader]"),
        ({"configToml": "[leader]\nname = 'other'"}, "leader.name in configToml must be gitops-reverser"),
        ({"configToml": "a = = 1", "replicaCount": 1}, "configToml is no TOML"),
        (
            {
                "controllerManager": {"leaderElection": False},
                "config": {"leader": {"lease_seconds": 20}},
                "replicaCount": 1,
            },
            "leave config.leader out",
        ),
        ({"config": {"leader": {"name": "other"}}}, "Leave them out"),
        ({"config": {"leader": {"identity": "one"}}}, "Leave them out"),
        ({"examples": {"create": True}}, "--set examples.create=true"),
    ],
    ids=lambda each: str(each)[:60],
)
def test_values_that_contradict_each_other_are_refused_with_a_hint(
    tmp_path: Path, values: Object, hint: str
) -> None:
    """What no schema can say is said by the chart, with what to do."""
    done = helm("template", RELEASE, CHART, values=values, home=tmp_path)

    assert done.returncode != 0
    assert hint in done.stderr


TABLES: dict[str, Any] = {
    "grace_seconds": 2.5,
    "webhook": {"max_body_bytes": 33554432, "path_secret": {"file": "/run/secrets/path"}},
    "resources": {"namespaces": ["a", "b"], "selector": "team=shop,tier in (web,api)"},
    "tenancy": {"allow_urls": ["https://git.example.com/*"]},
    "plugins": {
        "enabled": ["one"],
        "one": {
            "a key": "with blanks",
            "whole": 12345678901,
            "negative": -3,
            "zero": 0,
            "fraction": 0.25,
            "off": False,
            "numbers": [1, 2, 3],
            "mixed": [{"x": [1], "text": "<&>"}],
            "nested": {"deep": {"er": "é\u2028\"'\\\n\t${HOME}{{ x }}"}},
            "empty": [],
        },
    },
    "destinations": [
        {
            "name": "live",
            "url": "https://git.example.com/a.git",
            "push_interval": "1m",
            "push_commits": 1000000,
            "secrets": "encrypt",
            "credentials": {"username": "a", "password": {"env": "PASSWORD"}},
            "sops": {"pgp": ["85D77543B3D624B63CEA9E6DBC17301B491B3F21"]},
        },
        {"name": "other", "url": "https://git.example.com/b.git", "create_branch": False},
    ],
    "rules": [
        {"name": "a", "destination": "live", "resources": ["*"], "cluster_scoped": True},
        {"name": "b", "destination": "other", "cluster_scoped": "auto"},
    ],
    "sensitive": [{"resources": ["databases.example.com"], "paths": ["spec.password"]}],
}


def typed(value: Any) -> Any:
    """A value with the type of each leaf: in Python 1 equals 1.0, and True."""
    if isinstance(value, dict):
        return {key: typed(each) for key, each in value.items()}
    if isinstance(value, list):
        return [typed(each) for each in value]
    return type(value).__name__, value


def test_values_keep_their_types_in_the_file(tmp_path: Path) -> None:
    """Whole numbers stay whole, however large; fractions, switches, texts and tables stay what they are."""
    tables = tomllib.loads(written(rendered(tmp_path, {"config": TABLES})))

    tls = tables["webhook"].pop("tls")
    assert tls["secret"] == f"{NAMESPACE}/{RELEASE}-webhook-tls"
    assert tables["webhook"].pop("bind") == "0.0.0.0:9443"
    assert typed({key: tables[key] for key in TABLES}) == typed(TABLES)


def test_the_program_takes_the_file(tmp_path: Path) -> None:
    """What the chart writes of values is a configuration without faults."""
    values = {key: each for key, each in TABLES.items() if key != "plugins"}
    del values["webhook"]["path_secret"]
    for file in ("tls.crt", "tls.key"):
        (tmp_path / file).touch()
    for given in (
        {"config": values},
        {"config": values, "certificates": {"certManager": {"enabled": True}}},
        {},
    ):
        text = written(rendered(tmp_path, given)).replace("/etc/reverser-tls", str(tmp_path))
        path = tmp_path / "reverser.toml"
        path.write_text(text)
        read = config.load(path, {"PASSWORD": "x"})
        if given:
            assert read.destinations[0].push_commits == 1000000


def test_a_whole_file_is_taken_as_it_is(tmp_path: Path) -> None:
    """`configToml` is the file, with its comments."""
    text = "# mine\ndata_dir = '/data'\ngrace_seconds = 120\n\n[resources]\n\n[leader]\n"
    objects = rendered(tmp_path, {"configToml": text})

    assert written(objects) == text
    pod = only(objects, "Deployment")["spec"]["template"]["spec"]
    assert pod["terminationGracePeriodSeconds"] == 130


def test_without_a_leader_in_the_file_there_is_one_pod_that_is_called(tmp_path: Path) -> None:
    """No pod would have the label `role`, and two pods would write the same."""
    objects = rendered(tmp_path, {"replicaCount": 1, "configToml": "[webhook]\n"})

    assert only(objects, "Deployment")["spec"]["strategy"] == {"type": "Recreate"}
    assert "role" not in only(objects, "Service", "-webhook")["spec"]["selector"]


def test_a_namespace_may_be_called_like_the_service(tmp_path: Path) -> None:
    """The registration leaves out just this namespace, and calls the Service of the release."""
    objects = rendered(tmp_path, namespace="gitops-reverser-webhook")
    (registration,) = [each for each in objects if each["kind"] == "ValidatingWebhookConfiguration"]

    (webhook,) = registration["webhooks"]
    service = webhook["clientConfig"]["service"]
    assert (service["name"], service["namespace"]) == (f"{RELEASE}-webhook", "gitops-reverser-webhook")
    expressions = [each["expression"] for each in webhook["matchConditions"]]
    assert '!has(request.namespace) || request.namespace != "gitops-reverser-webhook"' in expressions


def test_alerts_watch_the_service_of_the_release(tmp_path: Path) -> None:
    """Whatever it is called; and without a webhook nobody is told that it is silent."""
    values = {
        "fullnameOverride": "rev",
        "webhook": {"enabled": False},
        "monitoring": {"prometheusRule": {"enabled": True}},
    }
    objects = rendered(tmp_path, values)
    rules = {
        each["alert"]: each["expr"]
        for rule in objects
        if rule["kind"] == "PrometheusRule"
        for group in rule["spec"]["groups"]
        for each in group["rules"]
    }
    services = {each["metadata"]["name"] for each in objects if each["kind"] == "Service"}

    assert rules["ReverserDown"] == 'absent(up{job=~"rev-metrics"} == 1)'
    assert "rev-metrics" in services
    assert "ReverserAuthorsUnknown" not in rules


def test_pods_are_replaced_for_a_file_that_changed_and_for_nothing_else(tmp_path: Path) -> None:
    """The daemon reads its file at the start, so the pod's template has a checksum of it."""

    def template(values: Object) -> Object:
        return dict(only(rendered(tmp_path, values), "Deployment")["spec"]["template"])

    before = template({})

    assert template({"podDisruptionBudget": {"enabled": False}, "rbac": {"readAll": True}}) == before
    assert template({"config": {"grace_seconds": 30}}) != before
    assert template({"config": {"grace_seconds": 30}})["spec"]["terminationGracePeriodSeconds"] == 40


def test_one_replica_has_no_budget(tmp_path: Path) -> None:
    """A budget over one pod would keep its node from being drained for ever."""
    kinds = [each["kind"] for each in rendered(tmp_path, {"replicaCount": 1})]

    assert "PodDisruptionBudget" not in kinds


def test_no_webhook_can_block_a_write(tmp_path: Path) -> None:
    """Whatever the values: failurePolicy is Ignore, and no answer is waited for longer than ten seconds."""
    values = {
        "webhook": {"validating": {"timeoutSeconds": 10, "objectSelector": {"matchLabels": {"a": "b"}}}}
    }
    (webhook,) = only(rendered(tmp_path, values), "ValidatingWebhookConfiguration")["webhooks"]

    assert (webhook["failurePolicy"], webhook["timeoutSeconds"]) == ("Ignore", 10)
    assert webhook["objectSelector"] == {"matchLabels": {"a": "b"}}


def test_names_follow_release_and_namespace(tmp_path: Path) -> None:
    """Two releases in one cluster share no object but the CRDs, and each refers to its own."""
    values = {"crds": {"enabled": False}, "rbac": {"readAll": True}}
    command = ("template", "second", CHART, "--namespace", "elsewhere")
    done = helm(*command, values=values, home=tmp_path)
    objects = [*yaml.safe_load_all(done.stdout)]

    names = {each["metadata"]["name"] for each in objects}
    assert all(name.startswith("second-gitops-reverser") for name in names)
    text = done.stdout.replace("second-gitops-reverser", "second")
    assert NAMESPACE not in text
    assert not re.search(r"(?<![/\w.-])gitops-reverser-(webhook|config|key)", text)


def test_common_labels_are_on_every_object_and_pod(tmp_path: Path) -> None:
    """`global.commonLabels` reach all objects, also those of monitoring."""
    monitoring = {name: {"enabled": True} for name in ("serviceMonitor", "prometheusRule")}
    values = {
        "global": {"commonLabels": {"team": "platform"}},
        "monitoring": monitoring,
        "networkPolicy": {"enabled": True},
        "certificates": {"certManager": {"enabled": True}},
        "namespaceCreation": {"enabled": True},
    }
    objects = rendered(tmp_path, values)

    assert [each for each in objects if each["metadata"]["labels"].get("team") != "platform"] == []
    assert only(objects, "Deployment")["spec"]["template"]["metadata"]["labels"]["team"] == "platform"


def test_extra_objects_are_installed_as_they_are(tmp_path: Path) -> None:
    """An object, or a text with a template in it."""
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}
    text = "apiVersion: v1\nkind: Secret\nmetadata: {name: '{{ .Release.Name }}-b'}\n"
    objects = rendered(tmp_path, {"extraObjects": [secret, text]})

    names = [each["metadata"]["name"] for each in objects if each["kind"] == "Secret"]
    assert sorted(names) == ["a", f"{RELEASE}-b"]


def test_the_service_monitor_selects_the_service_of_the_metrics(tmp_path: Path) -> None:
    """Its selector and its port are those of one Service, that of the metrics."""
    objects = rendered(tmp_path, {"monitoring": {"serviceMonitor": {"enabled": True}}})
    monitor = only(objects, "ServiceMonitor")["spec"]

    wanted = monitor["selector"]["matchLabels"].items()
    matching = [
        each for each in objects if each["kind"] == "Service" and wanted <= each["metadata"]["labels"].items()
    ]
    assert [each["metadata"]["name"] for each in matching] == [f"{RELEASE}-metrics"]
    assert monitor["endpoints"][0]["port"] in {port["name"] for port in matching[0]["spec"]["ports"]}
