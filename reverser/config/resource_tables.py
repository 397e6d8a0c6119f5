"""`[resources]` and `[tenancy]`: custom resources as a second source of destinations and rules.

Both sources are used together. What the tables say of the objects themselves stands in
`reverser.custom_resources`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from reverser.config.problems import did_you_mean, one_of, show
from reverser.config.url_globs import parse_url_glob
from reverser.config.value_formats import check_namespace, check_object_name, split_secret_name
from reverser.select import labels

if TYPE_CHECKING:
    from collections.abc import Collection

    from reverser.config.problems import Report
    from reverser.config.schema import Config


class Resources(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which custom resources are read: GitRepoConfigs, WatchRules and ClusterWatchRules."""

    cluster: str = ""
    """Name of the [[clusters]] table whose custom resources are read; empty: the first."""
    namespaces: tuple[str, ...] = ()
    """Only those of these namespaces are read, and no ClusterWatchRules; empty: those of all."""
    selector: str = ""
    """Label selector in kubectl's syntax: only custom resources with these labels are read."""
    known_hosts: str = ""
    """NAMESPACE/NAME of a ConfigMap with the key known_hosts, for Secrets without host keys of their own.

    Empty: in a pod `known-hosts` of the pod's namespace, else none."""


class Tenancy(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the owners of namespaces may do by custom resources."""

    allow_urls: tuple[str, ...] = ()
    """Globs for the URLs that GitRepoConfigs may name; empty: any https, http, ssh and scp-like URL.

    Local hosts, such as localhost and kubernetes.default, need a glob that spells them."""
    service_account: str = ""
    """A service account of each rule's namespace; a rule selects only types that it may list and watch."""


def check_resources(config: Config, clusters: Collection[str], report: Report) -> None:
    """Report what is wrong with the two tables."""
    if config.resources is not None:
        _check_resources(config.resources, clusters, report)
    elif config.tenancy != Tenancy() and not report.faulty("resources"):
        report.add("tenancy", "needs the table [resources]", "it is about custom resources: add [resources]")
    _check_tenancy(config.tenancy, report)


def _check_resources(resources: Resources, clusters: Collection[str], report: Report) -> None:
    if resources.cluster and resources.cluster not in clusters:
        hint = did_you_mean(resources.cluster, clusters) or f"it can be {one_of(sorted(clusters))}"
        message = f"{show(resources.cluster)} is not the name of a [[clusters]] table"
        report.add("resources.cluster", message, hint)
    for index, namespace in enumerate(resources.namespaces):
        try:
            check_namespace(namespace)
        except ValueError as error:
            report.add(f"resources.namespaces[{index}]", str(error), "globs are not possible here")
    try:
        labels.parse(resources.selector)
    except ValueError as error:
        report.add("resources.selector", str(error))
    if resources.known_hosts:
        try:
            split_secret_name(resources.known_hosts)
        except ValueError as error:
            report.add("resources.known_hosts", str(error), "for example gitops-reverser-system/known-hosts")


def _check_tenancy(tenancy: Tenancy, report: Report) -> None:
    for index, glob in enumerate(tenancy.allow_urls):
        try:
            parse_url_glob(glob)
        except ValueError as error:
            hint = "leave allow_urls out to allow any" if glob.strip() == "*" else ""
            report.add(f"tenancy.allow_urls[{index}]", str(error), hint)
    if tenancy.service_account:
        try:
            check_object_name(tenancy.service_account)
        except ValueError as error:
            report.add("tenancy.service_account", str(error), "for example default, without a namespace")
