"""Lists of files that a plugin keeps beside ours: `kubectl apply -k` of a clone just works."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from tests.e2e.daemon import ROOT, wait_for
from tests.e2e.remote import git
from tests.e2e.setting import Setting

PLUGIN = ROOT / "plugins/reverser-kustomize/reverser_kustomize.py"


@pytest.fixture
def listed(setting: Setting) -> Setting:
    """A running daemon with the plugin, and some objects."""
    plugins = {"enabled": ["reverser_kustomize"], "paths": [str(PLUGIN)]}
    setting.daemon.write(plugins=plugins)
    _kubectl(setting, "create", "configmap", "a", "--from-literal=k=1")
    _kubectl(setting, "create", "role", "r", "--verb=get", "--resource=pods")
    setting.daemon.start().ready()
    wait_for("the list", lambda: _list(setting) in setting.remote.paths())
    return setting


def _kubectl(setting: Setting, *arguments: str) -> None:
    setting.plane.kubectl("-n", setting.namespace, *arguments)


def _list(setting: Setting) -> str:
    return f"{setting.namespace}/kustomization.yaml"


def _names(setting: Setting) -> list[str]:
    found = yaml.safe_load(setting.remote.show(_list(setting)))["resources"]
    return [name for name in found if not name.startswith("serviceaccounts/")]


def _built(setting: Setting, clone: Path) -> set[tuple[str, str]]:
    """What kustomize makes of a clone."""
    git("clone", "--quiet", setting.remote.path, clone)
    text = setting.plane.kubectl("kustomize", str(clone / setting.namespace))
    return {(each["kind"], each["metadata"]["name"]) for each in yaml.safe_load_all(text)}


def test_a_clone_can_be_applied(listed: Setting, tmp_path: Path) -> None:
    """The list follows creations and deletions in the very commits that make them; updates leave it alone."""
    assert {("ConfigMap", "a"), ("Role", "r")} <= _built(listed, tmp_path / "first")
    _kubectl(listed, "create", "configmap", "b", "--from-literal=k=1")
    wait_for("b", lambda: "configmaps/b.yaml" in _names(listed))
    _kubectl(listed, "label", "configmap", "b", "x=y")
    _kubectl(listed, "delete", "configmap", "a")
    wait_for("the end of a", lambda: "configmaps/a.yaml" not in _names(listed))

    assert _names(listed) == ["configmaps/b.yaml", "roles.rbac.authorization.k8s.io/r.yaml"]
    found = _built(listed, tmp_path / "second")
    assert ("ConfigMap", "b") in found
    assert ("ConfigMap", "a") not in found
    for commit in listed.remote.commits():
        paths = set(git("-C", listed.remote.path, "show", "--format=", "--name-only", commit).split())
        updates = "[UPDATE]" in listed.remote.message(commit)
        assert (_list(listed) in paths) is not updates


def test_a_restart_changes_nothing_and_mends_what_is_missing(listed: Setting, tmp_path: Path) -> None:
    """Without a change there is no commit; a list that somebody removed comes back, in one of its own."""
    listed.daemon.stop()
    before = listed.remote.head()
    listed.daemon.start().ready()
    _kubectl(listed, "annotate", "configmap", "a", "x=y")
    wait_for("the update", lambda: len(listed.remote.commits(before)) == 1)
    listed.daemon.stop()
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", listed.remote.path, theirs)
    git("rm", "--quiet", _list(listed), cwd=theirs)
    git("commit", "--quiet", "-m", "Remove it", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)

    listed.daemon.start().ready()
    wait_for("the list", lambda: _list(listed) in listed.remote.paths())

    assert listed.remote.subjects()[-1] == "Update 1 file of plugins"


def test_a_list_of_somebody_else_is_left_alone(setting: Setting, tmp_path: Path) -> None:
    """Whoever keeps such a file keeps it."""
    theirs = tmp_path / "theirs"
    git("clone", "--quiet", setting.remote.path, theirs)
    (theirs / setting.namespace).mkdir()
    (theirs / _list(setting)).write_text("resources: []\n")
    git("add", ".", cwd=theirs)
    git("commit", "--quiet", "-m", "Mine", cwd=theirs)
    git("push", "--quiet", "origin", "HEAD:main", cwd=theirs)
    setting.daemon.write(plugins={"enabled": ["reverser_kustomize"], "paths": [str(PLUGIN)]})
    setting.daemon.start().ready()
    _kubectl(setting, "create", "configmap", "a", "--from-literal=k=1")
    wait_for("a", lambda: f"{setting.namespace}/configmaps/a.yaml" in setting.remote.paths())

    assert setting.remote.show(_list(setting)) == "resources: []\n"
    assert setting.daemon.logged("plugin's file is not written")
