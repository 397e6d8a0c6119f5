"""The first lines of `reverser run`: what it watches and where it writes, before anything is connected to."""

from __future__ import annotations

import structlog

from reverser import __version__
from reverser.config import Config

log = structlog.get_logger()


def introduce(config: Config) -> None:
    """As configured: what a kubeconfig holds is not shown."""
    log.info("reverser starts", version=__version__, data=config.data_dir)
    for cluster in config.clusters:
        rules = [rule.name for rule in config.rules if rule.cluster == cluster.name]
        login = {"kubeconfig": cluster.kubeconfig or "in-cluster or default", "context": cluster.context}
        log.info("watching for", cluster=cluster.name, **login, rules=rules)
    for destination in config.destinations:
        where = {"branch": destination.branch, "path": destination.path or "/"}
        log.info("writing to", destination=destination.name, url=destination.url, **where)
