"""Warns, once a session, of rules that select nothing in a cluster as it is when it was listed."""

from __future__ import annotations

import structlog

from reverser.app.assembly import Assembly
from reverser.app.cluster_reports import ClusterReports
from reverser.config import Cluster
from reverser.config.unmatched_patterns import empty
from reverser.errors import StalledError, TransientError
from reverser.kube import credentials
from reverser.kube.client import Client
from reverser.kube.namespaces import namespaces

log = structlog.get_logger()


async def warn_of_empty_rules(cluster: Cluster, assembly: Assembly, reports: ClusterReports) -> None:
    """Ask for the namespaces, where some rule names one; a cluster that does not answer is told elsewhere."""
    rules = assembly.compiled(cluster.name)
    if not reports.types:
        return
    known = None
    if any(rule.rule.namespaces != ("*",) for rule in rules):
        try:
            login = await credentials.load(cluster.kubeconfig, cluster.context)
            async with Client.open(login) as client:
                known = await namespaces(client)
        except (TransientError, StalledError):
            pass
    for line in empty(rules, reports.types, known):
        log.warning("rule selects nothing", cluster=cluster.name, rule=line)
