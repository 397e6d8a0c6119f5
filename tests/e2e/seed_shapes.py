"""What users of GitOps Reverser of October 2025 have: its CRDs, its samples, the objects of its own tests.

The texts are ours; names, fields, bounds and defaults are the seed's.
"""

from __future__ import annotations

from pathlib import Path
from string import Template

ROOT = Path(__file__).parents[2]
SEED = Path(__file__).parent / "seed"
SEED_CRDS = SEED / "crds.yaml"
MYAPPS = SEED / "myapps.yaml"
OUR_CRDS = ROOT / "config/crd"
"""A kustomization: `kubectl apply -k`."""
SAMPLES = ROOT / "config/samples"
"""A kustomization of the four samples."""
QUICKSTART = SAMPLES / "quickstart"
SAMPLE_NAMESPACE = "gitops-reverser-system"
"""A namespace that samples name; the other one is `default`."""

SHAPES = (
    "gitrepoconfig",
    "gitrepoconfig-with-cluster-access",
    "watchrule-configmaps",
    "watchrule-custom-resources",
    "watchrule-with-selector",
    "clusterwatchrule-crds",
)


def shape(
    file: str,
    *,
    name: str,
    namespace: str,
    config: str = "",
    url: str = "",
    branch: str = "main",
    secret: str = "git-creds",
) -> str:
    """One of SHAPES as YAML; `config` is the GitRepoConfig of a rule, the others are a GitRepoConfig's."""
    values = {"name": name, "namespace": namespace, "config": config}
    text = (SEED / f"{file}.yaml").read_text()
    return Template(text).substitute(values, url=url, branch=branch, secret=secret)
