"""What `reverser check` tells of the files that people have in a remote branch."""

from __future__ import annotations

from io import StringIO
from pathlib import Path

from rich.console import Console

from reverser.cli.check_connections import Findings, look_at_remote
from reverser.cli.check_tables import show
from reverser.model.destination import Destination
from tests.e2e.remote import Remote, git

MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: NAME\n  namespace: shop\ndata:\n  a: b\n"


def pushed(remote: Remote, folder: Path, files: dict[str, str], message: str) -> None:
    git("clone", "--quiet", remote.path, folder)
    for path, text in files.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(text)
    git("add", ".", cwd=folder)
    git("commit", "--quiet", "-m", message, cwd=folder)
    git("push", "--quiet", "origin", "HEAD:main", cwd=folder)


async def test_what_is_left_alone_is_named(tmp_path: Path) -> None:
    """Each object that a person's file describes is told with its files, and why it would be left alone."""
    remote = Remote(tmp_path / "remote.git")
    files = {
        "misc/good.yaml": MANIFEST.replace("NAME", "good"),
        "prod/twice.yaml": MANIFEST.replace("NAME", "twice"),
        "test/twice.yaml": MANIFEST.replace("NAME", "twice"),
        "misc/vars.yaml": MANIFEST.replace("NAME", "vars").replace("shop", "${ns}"),
        "misc/value.yaml": MANIFEST.replace("NAME", "value").replace("a: b", "a: ${b}"),
        "k/kustomization.yaml": "namePrefix: my-\nresources: [base.yaml]\npatches: [{path: patch.yaml}]\n",
        "k/base.yaml": MANIFEST.replace("NAME", "base"),
        "k/patch.yaml": MANIFEST.replace("NAME", "patch"),
    }
    pushed(remote, tmp_path / "theirs", files, "Mine")
    ours = {"shop/configmaps/ours.yaml": MANIFEST.replace("NAME", "ours").replace("a: b", "a: ${b}")}
    pushed(remote, tmp_path / "ours", ours, "x\n\nKubernetes-Cluster: default\nReverser-Entry: abc/1")

    found = await look_at_remote(Destination("live", remote.url))

    assert found.ok
    assert {each.object: (each.reason, each.files) for each in found.described} == {
        "ConfigMap shop/good": ("", ("misc/good.yaml",)),
        "ConfigMap shop/twice": ("Ambiguous", ("prod/twice.yaml", "test/twice.yaml")),
        "ConfigMap ${ns}/vars": ("Templated", ("misc/vars.yaml",)),
        "ConfigMap shop/value": ("Templated", ("misc/value.yaml",)),
        "ConfigMap shop/my-base": ("Generated", ("k/base.yaml",)),
    }


async def test_a_branch_that_is_not_to_be_created_is_told(tmp_path: Path) -> None:
    """The table says that it is missing, the lines below why and what to do, and nothing is well."""
    remote = Remote(tmp_path / "remote.git")
    pushed(remote, tmp_path / "theirs", {"readme": "hello"}, "Mine")

    finding = await look_at_remote(Destination("live", remote.url, "nightly", create_branch=False))
    page = StringIO()
    show(Findings(destinations=(finding,)), Console(file=page, width=200))
    text = page.getvalue()

    assert not finding.ok
    assert "nightly (is missing)" in text
    assert "destination live: the repository has no branch 'nightly', and has others" in text
    assert "create_branch = true" in text
    assert "not allowed" not in text
