"""What `check` says of custom resources that are not there, and of what it could not see."""

from __future__ import annotations

from io import StringIO

from rich.console import Console

from reverser.cli.check_connections import Findings
from reverser.cli.check_resources import ResourcesFinding
from reverser.cli.check_tables import show
from reverser.custom_resources.reader_reports import install_hint


def _shown(finding: ResourcesFinding) -> str:
    out = StringIO()
    show(Findings((), (), custom_resources=finding), Console(file=out, width=200))
    return out.getvalue()


def test_missing_kinds_are_installed() -> None:
    """Where nothing is in their way, it says the command."""
    hint = install_hint(["v1alpha1"])

    shown = _shown(ResourcesFinding("home", missing=("watchrules.configbutler.ai",), missing_hint=hint))

    assert "watchrules.configbutler.ai is not installed" in shown
    assert "kubectl apply --server-side -k config/crd" in shown


def test_crds_of_a_later_release_are_named() -> None:
    """The API server would refuse ours, so no command is said, but where to read how to change over."""
    hint = install_hint(["v1alpha1", "v1alpha3"])

    shown = _shown(ResourcesFinding("home", missing=("watchrules.configbutler.ai",), missing_hint=hint))

    assert "v1alpha3" in shown
    assert "docs/upgrading.md" in shown
    assert "kubectl apply" not in shown


def test_that_nobody_looked_for_gitops_reverser_is_said() -> None:
    """It is a note: these rights serve nothing else."""
    unseen = "not looked for GitOps Reverser: may not list deployments.apps"

    shown = _shown(ResourcesFinding("home", unseen=unseen))

    assert f"note: {unseen}" in shown
    assert "all is well" in shown
