"""Files of people that cannot be edited: their objects get no second file."""

from __future__ import annotations

import os
from pathlib import Path

from tests.e2e.remote import git
from tests.e2e.setting import Setting

PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n  namespace: SPACE\ndata:\n  a: '1'\n"


def test_an_object_that_a_file_describes_gets_no_second_file(setting: Setting, tmp_path: Path) -> None:
    """With CRLF it is edited; with placeholders, anchors or twice it is left alone, counted and named."""

    def of(name: str) -> str:
        return PLAIN.replace("NAME", name).replace("SPACE", setting.namespace)

    files = {
        "misc/win.yaml": of("win").replace("\n", "\r\n"),
        "misc/vars2.yaml": of("vars2") + "  cluster: ${cluster_name}\n",
        "misc/helm.yaml": of("helm").replace("'1'", "{{ .Values.a }}"),
        "misc/anchor.yaml": of("anchor").replace("a: '1'", "b: &b '1'\n  a: *b"),
        "prod/twice.yaml": of("twice"),
        "staging/twice.yaml": of("twice"),
        "k/kustomization.yaml": "patches:\n- path: patch.yaml\n",
        "k/patch.yaml": of("patched"),
    }
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    for path, text in files.items():
        (theirs / path).parent.mkdir(exist_ok=True)
        (theirs / path).write_bytes(text.encode())
    git("add", ".", cwd=theirs)
    git("commit", "--quiet", "-m", "Mine", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    for name in ("win", "vars2", "helm", "anchor", "twice", "patched"):
        setting.plane.kubectl(
            "-n", setting.namespace, "create", "configmap", name, "--from-literal=a=2", "--from-literal=b=1"
        )

    setting.daemon.start().ready()
    setting.daemon_idle()

    folder = f"{setting.namespace}/configmaps"
    found = {os.fsdecode(path): content for path, content in setting.remote.files(tmp_path / "seen").items()}
    ours = {path for path in found if path.startswith(folder)}
    assert not {f"{folder}/{name}.yaml" for name in ("win", "vars2", "helm", "anchor", "twice")} & ours
    assert f"{folder}/patched.yaml" in ours
    win = files["misc/win.yaml"].replace("'1'", "'2'") + '  b: "1"\r\n'
    assert {path: found[path].decode() for path in files} == files | {"misc/win.yaml": win}
    reasons = {
        line["object"].rpartition("/")[2]: line["reason"] for line in setting.daemon.logged("object withheld")
    }
    assert reasons == {"vars2": "Templated", "helm": "Templated", "anchor": "Anchored", "twice": "Ambiguous"}
