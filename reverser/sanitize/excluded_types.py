"""Types that are left out unless a rule names one exactly (docs/excluded.md shows this table).

They change all the time and no person declares them: one CronJob that ran every minute gave a
peer 105,000 commits.
"""

from __future__ import annotations

from fnmatch import fnmatchcase

import msgspec

from reverser.model.resource import ResourceType


class ExcludedType(msgspec.Struct, frozen=True):
    """One row: types of one group, and why they are left out."""

    group: str
    """API group; empty for the core group."""
    resource: str
    """Plural, or a glob over plurals."""
    reason: str
    """One line for people."""


_METRICS = "measured values, new with every request"
_REVIEW = "a question to the API server, never stored"
_HEARTBEAT = "a heartbeat, renewed every few seconds"
_MACHINE = "written by the node or its drivers, not by people"
_CILIUM = "written by Cilium's agents as pods come and go"
_CALICO = "address book-keeping of Calico as pods come and go"
_CERTIFICATE = "one step of issuing a certificate, made by cert-manager"
_REPORT = "a report that a scanner writes again and again"
_BACKUP = "a run of a backup, made by a schedule"

EXCLUDED_TYPES: tuple[ExcludedType, ...] = (
    ExcludedType("", "events", "a log of what happened, gone after an hour"),
    ExcludedType("events.k8s.io", "events", "a log of what happened, gone after an hour"),
    ExcludedType("coordination.k8s.io", "leases", _HEARTBEAT),
    ExcludedType("coordination.k8s.io", "leasecandidates", _HEARTBEAT),
    ExcludedType("", "nodes", _MACHINE),
    ExcludedType("", "componentstatuses", "health of the control plane, computed at each request"),
    ExcludedType("", "bindings", "a command of the scheduler, never stored"),
    ExcludedType("metrics.k8s.io", "*", _METRICS),
    ExcludedType("custom.metrics.k8s.io", "*", _METRICS),
    ExcludedType("external.metrics.k8s.io", "*", _METRICS),
    ExcludedType("authentication.k8s.io", "*reviews", _REVIEW),
    ExcludedType("authorization.k8s.io", "*reviews", _REVIEW),
    ExcludedType(
        "certificates.k8s.io",
        "certificatesigningrequests",
        "a request that is answered once and then removed",
    ),
    ExcludedType("cert-manager.io", "certificaterequests", _CERTIFICATE),
    ExcludedType("acme.cert-manager.io", "orders", _CERTIFICATE),
    ExcludedType("acme.cert-manager.io", "challenges", _CERTIFICATE),
    ExcludedType("storage.k8s.io", "csinodes", _MACHINE),
    ExcludedType("storage.k8s.io", "volumeattachments", "made and removed as pods move between nodes"),
    ExcludedType("storage.k8s.io", "csistoragecapacities", _MACHINE),
    ExcludedType(
        "apps", "controllerrevisions", "history that controllers keep of what is declared elsewhere"
    ),
    ExcludedType("networking.k8s.io", "ipaddresses", "one for each address that a Service was given"),
    ExcludedType("internal.apiserver.k8s.io", "storageversions", "book-keeping of the API server"),
    ExcludedType("resource.k8s.io", "resourceslices", _MACHINE),
    ExcludedType("cilium.io", "ciliumidentities", _CILIUM),
    ExcludedType("cilium.io", "ciliumendpoints", _CILIUM),
    ExcludedType("cilium.io", "ciliumendpointslices", _CILIUM),
    ExcludedType("cilium.io", "ciliumnodes", _CILIUM),
    ExcludedType("crd.projectcalico.org", "ipam*", _CALICO),
    ExcludedType("crd.projectcalico.org", "blockaffinities", _CALICO),
    ExcludedType("projectcalico.org", "ipam*", _CALICO),
    ExcludedType("projectcalico.org", "blockaffinities", _CALICO),
    ExcludedType("kyverno.io", "*reports", _REPORT),
    ExcludedType("reports.kyverno.io", "*", _REPORT),
    ExcludedType("wgpolicyk8s.io", "*", _REPORT),
    ExcludedType("openreports.io", "*", _REPORT),
    ExcludedType("aquasecurity.github.io", "*reports", _REPORT),
    ExcludedType("velero.io", "backups", _BACKUP),
    ExcludedType("velero.io", "restores", _BACKUP),
)


def excluded_type(type: ResourceType) -> str:  # noqa: A002
    """Why the type is left out by default; "" when it is not."""
    for row in EXCLUDED_TYPES:
        if row.group == type.group and fnmatchcase(type.resource, row.resource):
            return row.reason
    return ""
