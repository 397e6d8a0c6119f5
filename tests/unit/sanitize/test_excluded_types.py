"""Types that are excluded by default: the table, its look-up, and its page."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reverser.model.resource import ResourceType
from reverser.sanitize.excluded_types import EXCLUDED_TYPES, excluded_type
from reverser.sanitize.generated_objects import CHECKS, IGNORE

PAGE = (Path(__file__).parents[3] / "docs/excluded.md").read_text()


@pytest.mark.parametrize(
    "name",
    [
        "events",
        "events.events.k8s.io",
        "leases.coordination.k8s.io",
        "leasecandidates.coordination.k8s.io",
        "nodes",
        "componentstatuses",
        "bindings",
        "pods.metrics.k8s.io",
        "anything.custom.metrics.k8s.io",
        "anything.external.metrics.k8s.io",
        "tokenreviews.authentication.k8s.io",
        "selfsubjectreviews.authentication.k8s.io",
        "subjectaccessreviews.authorization.k8s.io",
        "selfsubjectrulesreviews.authorization.k8s.io",
        "certificatesigningrequests.certificates.k8s.io",
        "certificaterequests.cert-manager.io",
        "orders.acme.cert-manager.io",
        "challenges.acme.cert-manager.io",
        "csinodes.storage.k8s.io",
        "volumeattachments.storage.k8s.io",
        "csistoragecapacities.storage.k8s.io",
        "controllerrevisions.apps",
        "ipaddresses.networking.k8s.io",
        "storageversions.internal.apiserver.k8s.io",
        "resourceslices.resource.k8s.io",
        "ciliumidentities.cilium.io",
        "ciliumendpoints.cilium.io",
        "ciliumendpointslices.cilium.io",
        "ciliumnodes.cilium.io",
        "ipamblocks.crd.projectcalico.org",
        "ipamhandles.crd.projectcalico.org",
        "blockaffinities.crd.projectcalico.org",
        "clusteradmissionreports.kyverno.io",
        "ephemeralreports.reports.kyverno.io",
        "policyreports.wgpolicyk8s.io",
        "vulnerabilityreports.aquasecurity.github.io",
        "backups.velero.io",
        "restores.velero.io",
    ],
)
def test_a_noisy_type_is_excluded_with_a_reason(name: str) -> None:
    """Nobody declares these; one line says why."""
    assert excluded_type(_type(name))


@pytest.mark.parametrize(
    "name",
    [
        "pods",
        "configmaps",
        "deployments.apps",
        "nodes.example.com",
        "events.example.com",
        "certificates.cert-manager.io",
        "issuers.cert-manager.io",
        "ippools.crd.projectcalico.org",
        "clusterpolicies.kyverno.io",
        "schedules.velero.io",
        "ciliumnetworkpolicies.cilium.io",
    ],
)
def test_a_declared_type_is_not_excluded(name: str) -> None:
    """Neither what people declare, nor another group's type of the same name."""
    assert excluded_type(_type(name)) == ""


def test_the_page_shows_the_table_of_types() -> None:
    """docs/excluded.md has exactly the rows of the table, with their reasons."""
    shown = set(re.findall(r"^\| `([^`]+)` \| (.+) \|$", PAGE.partition("## Objects")[0], re.MULTILINE))

    assert shown == {
        (f"{row.resource}.{row.group}" if row.group else row.resource, row.reason) for row in EXCLUDED_TYPES
    }


def test_the_page_shows_every_kind_of_which_objects_are_excluded() -> None:
    """docs/excluded.md has exactly the kinds and reasons of the other table, and the mark."""
    objects = PAGE.partition("## Objects")[2]
    shown = {
        (kind, reason)
        for kinds, reason in re.findall(r"^\| (.+?) \| .+ \| (.+) \|$", objects, re.MULTILINE)
        for kind in re.findall(r"`(\w+)`", kinds)
    }

    assert shown == {(kind, reason) for (_, kind), checks in CHECKS.items() for _, reason in checks}
    assert f"`{IGNORE}`" in PAGE


def _type(name: str) -> ResourceType:
    resource, _, group = name.partition(".")
    return ResourceType(group, "v1", resource, "Kind", True)
