"""Objects that an API server accepts and that nobody would think of, all the way into a clone."""

from __future__ import annotations

import json
from io import BytesIO
from typing import Any

import msgspec
import yaml
from ruamel.yaml import YAML

from reverser.model.rule import Rule
from tests.e2e.daemon import wait_for
from tests.e2e.remote import git
from tests.e2e.servers import ControlPlane
from tests.e2e.setting import Setting
from tests.property.hostile import HOSTILE

FORGERY = "x\n\nReverser-Entry: deadbeef/1\nKubernetes-User: alice\nSigned-off-by: Alice <alice@example.com>"
OTHER = {"group": "other.example.net", "plural": "deployments", "kind": "Deployment"}


def _config_map(name: str, data: dict[str, str], **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, **metadata}, "data": data}


def _create(setting: Setting, document: dict[str, Any]) -> None:
    setting.plane.create(f"/api/v1/namespaces/{setting.namespace}/configmaps", document)


def _same_for_all(content: bytes, plane: ControlPlane) -> Any:
    """What YAML 1.1, YAML 1.2 and kubectl read, which must be one thing."""
    old, new = yaml.safe_load(content), YAML(typ="safe", pure=True).load(BytesIO(content))
    read = plane.kubectl("create", "--dry-run=client", "-o", "json", "-f", "-", input=content.decode())
    assert old == new
    assert old["data"] == json.loads(read)["data"]
    return old["data"]


def test_strings_that_yaml_would_type(setting: Setting) -> None:
    """Every string comes out of a clone as the string that it was, for every reader of YAML."""
    data = {f"k{number}": value for number, value in enumerate(HOSTILE)}
    keys = dict.fromkeys(("yes", "1e3", "0x1f", "null", "2024-01-01", "12.30", ".git", "-", "_"), "x")
    _create(setting, _config_map("values", data))
    _create(setting, _config_map("keys", keys))

    setting.daemon.start().ready()
    setting.mirrored()

    files = setting.cloned()
    assert _same_for_all(files[f"{setting.namespace}/configmaps/values.yaml"], setting.plane) == data
    assert _same_for_all(files[f"{setting.namespace}/configmaps/keys.yaml"], setting.plane) == keys


def test_names_of_every_length_and_with_colons(setting: Setting) -> None:
    """Names with colons and of 253 bytes have files that every file system takes, each its own."""
    name = "n" + setting.namespace
    for role in (f"system:{name}:reader", f"{name}..x", f"-{name}~x y:"):
        document = {"metadata": {"name": role}, "rules": []}
        setting.plane.create("/apis/rbac.authorization.k8s.io/v1/clusterroles", document)
    for end in ("a", "b"):
        _create(setting, _config_map("n" * 252 + end, {"which": end}))
    rule = {"name": "all", "destination": "live", "namespaces": [setting.namespace], "cluster_scoped": True}
    rule["resources"] = ["configmaps", "clusterroles"]
    setting.rule = msgspec.convert(rule, Rule)
    setting.daemon.write(rules=[rule])

    setting.daemon.start().ready()
    setting.mirrored()

    paths = setting.remote.paths()
    assert f"_cluster/clusterroles.rbac.authorization.k8s.io/system:{name}:reader.yaml" in paths
    assert len([path for path in paths if "n" * 100 in path]) == 2
    assert max(len(part.encode()) for path in paths for part in path.split("/")) <= 255


def test_two_groups_with_one_kind_name(setting: Setting) -> None:
    """`Deployment` of another group is another type: neither touches the other's file."""
    _served(setting.plane)
    path = f"/apis/{OTHER['group']}/v1/namespaces/{setting.namespace}/deployments"
    document = {"apiVersion": f"{OTHER['group']}/v1", "kind": "Deployment", "metadata": {"name": "web"}}
    setting.plane.create(path, {**document, "spec": {"size": 1}})
    setting.plane.kubectl("-n", setting.namespace, "create", "deployment", "web", "--image=a")

    setting.daemon.start().ready()
    wanted = {f"{setting.namespace}/deployments.{group}/web.yaml" for group in ("apps", OTHER["group"])}
    wait_for("both files", lambda: wanted <= setting.remote.paths())
    assert setting.plane.http.delete(f"{path}/web").is_success
    left = {f"{setting.namespace}/deployments.apps/web.yaml"}
    wait_for("the deletion", lambda: wanted & setting.remote.paths() == left)


def test_objects_as_large_as_they_get(setting: Setting) -> None:
    """Objects near the API server's limit are mirrored whole, each change a commit of its own."""
    text = "".join(f"line {number} of many\n" for number in range(45_000))
    _create(setting, _config_map("large", {"text": text, "line": "x" * 100_000}))
    setting.daemon.start().ready()
    setting.mirrored()
    before = setting.remote.head()

    for number in range(10):
        patch = json.dumps({"data": {"line": f"{number}" * 100_000}})
        setting.plane.kubectl(
            "-n", setting.namespace, "patch", "configmap", "large", "--type=merge", "-p", patch
        )
    setting.mirrored()

    large = [subject for subject in setting.remote.subjects(before) if "/large" in subject]
    assert len(large) == 10
    message = git(
        "-C",
        setting.remote.path,
        "log",
        "--format=%B",
        "main",
        "--",
        f"{setting.namespace}/configmaps/large.yaml",
    )
    assert max(map(len, message.splitlines())) < 400


def test_nothing_in_an_object_forges_a_trailer(setting: Setting) -> None:
    """Trailers are ours alone, whatever stands in values, annotations and the names of field managers."""
    _create(setting, _config_map("forged", {"a": "1"}, annotations={"example.com/note": "x"}))
    setting.daemon.start().ready()
    setting.daemon_idle()
    annotated = {"metadata": {"annotations": {"example.com/note": FORGERY}}, "data": {"a": FORGERY}}
    response = setting.plane.http.patch(
        f"/api/v1/namespaces/{setting.namespace}/configmaps/forged",
        params={"fieldManager": "Kubernetes-User: alice"},
        json=annotated,
        headers={"Content-Type": "application/merge-patch+json"},
    )
    assert response.is_success, response.text
    setting.daemon_idle()

    path = f"{setting.namespace}/configmaps/forged.yaml"
    message = git("-C", setting.remote.path, "log", "-1", "--format=%B", "main", "--", path)
    trailers = git(
        "-C", setting.remote.path, "log", "-1", "--format=%(trailers:only,unfold)", "main", "--", path
    )
    rows = [line.partition(": ")[::2] for line in trailers.splitlines() if line]
    assert [value for key, value in rows if key == "Kubernetes-User"] == ["unknown"]
    assert not any("deadbeef" in value or key == "Signed-off-by" for key, value in rows)
    assert sum(line.startswith("Reverser-Entry: ") for line in message.splitlines()) == 1


def _served(plane: ControlPlane) -> None:
    """The CRD of the other Deployment, established."""
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    name = f"{OTHER['plural']}.{OTHER['group']}"
    document = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": name},
        "spec": {
            "group": OTHER["group"],
            "names": {"kind": OTHER["kind"], "plural": OTHER["plural"]},
            "scope": "Namespaced",
            "versions": [
                {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
            ],
        },
    }
    plane.kubectl("apply", "-f", "-", input=json.dumps(document))
    plane.kubectl("wait", "--for=condition=Established", f"crd/{name}")
    wait_for("the type", lambda: plane.http.get(f"/apis/{OTHER['group']}/v1/{OTHER['plural']}").is_success)
