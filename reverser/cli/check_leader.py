"""What `reverser check` says of `[leader]`: who holds the Lease, and which rights are missing for it."""

from __future__ import annotations

import os

import msgspec

from reverser.app.rights import of_leader
from reverser.config import Config
from reverser.config.leader_table import namespace_of
from reverser.errors import ReverserError
from reverser.kube import credentials, permissions
from reverser.kube.client import Client
from reverser.leader.lease_api import LeaseApi
from reverser.manifest.emitter import render

ROLE = "reverser-leader"
REQUEST_SECONDS = 10.0


class LeaderFinding(msgspec.Struct, frozen=True):
    """The Lease of `[leader]`, and the other objects that replicas share."""

    cluster: str
    lease: str
    """NAMESPACE/NAME; NAME where nothing here says which namespace it is."""
    holder: str = ""
    """Who holds it now; empty: nobody."""
    error: str = ""
    """Why it could not be looked at; empty when it was."""
    hint: str = ""
    missing: tuple[str, ...] = ()
    """Rights that we lack: `update leases`."""
    roles: str = ""
    """YAML of the role that gives all of them, where one is missing."""

    @property
    def ok(self) -> bool:
        return not (self.error or self.missing)


async def look_at_leader(config: Config) -> LeaderFinding:
    """Ask the API server; nothing is written. The configuration has the table."""
    assert config.leader is not None
    cluster = config.clusters[0]
    namespace = namespace_of(config.leader, os.environ, credentials.ACCOUNT)
    if not namespace:
        hint = "set leader.namespace, or check in the pod: its namespace is not known here"
        return LeaderFinding(cluster.name, config.leader.name, error="its namespace is not set", hint=hint)
    name = f"{namespace}/{config.leader.name}"
    needed = of_leader(config, namespace)
    try:
        login = await credentials.load(cluster.kubeconfig, cluster.context)
        async with Client.open(login) as client:
            missing = await permissions.missing_rights(client, needed)
        holder = (
            "" if any(each.resource == "leases" for each in missing) else await _holder(config, namespace)
        )
    except ReverserError as error:
        return LeaderFinding(cluster.name, name, error=error.message, hint=error.hint)
    # Whole roles, so that applying them takes away nothing that an earlier run has printed.
    granting = permissions.roles(needed, ROLE) if missing else []
    return LeaderFinding(
        cluster.name,
        name,
        holder=holder,
        missing=tuple(dict.fromkeys(f"{each.verb} {each.resource}" for each in missing)),
        roles="---\n".join(render(role).decode() for role in granting),
    )


async def _holder(config: Config, namespace: str) -> str:
    assert config.leader is not None
    async with LeaseApi.open(config.clusters[0], namespace, config.leader.name, REQUEST_SECONDS) as api:
        lease = await api.read()
        return "" if lease is None else lease.record.holder
