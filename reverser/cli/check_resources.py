"""What `reverser check` says of custom resources: which there are, their verdicts, missing CRDs and rights.

Refused objects are no fault of the configuration: their owners see the same in their status.
"""

from __future__ import annotations

import msgspec

from reverser.config import Config
from reverser.custom_resources import rights
from reverser.custom_resources.model import Compiled, Verdict
from reverser.custom_resources.one_look import Look, look
from reverser.custom_resources.reader_reports import install_hint
from reverser.errors import ReverserError
from reverser.kube import credentials, permissions
from reverser.kube.client import Client
from reverser.manifest.emitter import render

ROLE = "reverser-custom-resources"


class ResourceFinding(msgspec.Struct, frozen=True):
    """One custom resource."""

    kind: str
    name: str
    """NAMESPACE/NAME, or NAME without a namespace."""
    accepted: bool
    """Whether it would be in force."""
    reason: str
    """As in the condition Ready."""
    message: str
    types: tuple[str, ...] = ()
    """Of a rule: the types that it selects."""


class ResourcesFinding(msgspec.Struct, frozen=True):
    """The custom resources of one cluster."""

    cluster: str
    error: str = ""
    """Why they could not be read; empty when they were."""
    hint: str = ""
    objects: tuple[ResourceFinding, ...] = ()
    missing: tuple[str, ...] = ()
    """Full names of kinds that are not served."""
    missing_hint: str = ""
    """How to install them, or what is in their way."""
    forbidden: tuple[str, ...] = ()
    """What may not be read, in the API server's words."""
    roles: str = ""
    """YAML of the roles that custom resources need, where a right is missing."""
    beside: str = ""
    """That GitOps Reverser runs in the same cluster; empty when it does not."""
    beside_hint: str = ""
    """How to stop it."""
    unseen: str = ""
    """Why GitOps Reverser was not looked for; empty when it was."""

    @property
    def ok(self) -> bool:
        return not (self.error or self.missing or self.forbidden or self.roles or self.beside)


async def look_at_resources(config: Config) -> tuple[ResourcesFinding, Compiled]:
    """The finding, and what the daemon would put into force."""
    home = next(each for each in config.clusters if each.name == config.home_cluster)
    try:
        login = await credentials.load(home.kubeconfig, home.context)
        async with Client.open(login) as client:
            seen = await look(client, config)
            needed = rights.needed(config, seen.compiled)
            # Whole roles, so that applying them takes away nothing that an earlier run has printed.
            lacking = await permissions.missing_rights(client, needed)
            lacks = not all(map(rights.only_slower, lacking))
            granting = permissions.roles(needed, ROLE) if lacks else []
    except ReverserError as error:
        return ResourcesFinding(home.name, error=error.message, hint=error.hint), Compiled()
    seed = seen.seed.installation
    return ResourcesFinding(
        home.name,
        objects=tuple(_objects(seen)),
        missing=seen.missing,
        missing_hint=install_hint(seen.versions) if seen.missing else "",
        forbidden=seen.forbidden,
        roles="---\n".join(render(role).decode() for role in granting),
        beside=seed.message if seed else "",
        beside_hint=seed.hint if seed else "",
        unseen=seen.seed.unseen,
    ), seen.compiled


def _objects(seen: Look) -> list[ResourceFinding]:
    rows = [
        _finding(ref.kind, str(ref.name), verdict)
        for ref, verdict in sorted(seen.compiled.verdicts.items(), key=lambda item: item[0])
    ]
    for name, bad in seen.unreadable.items():
        kind, _, object_name = name.partition(" ")
        rows.append(ResourceFinding(kind, object_name, False, "Unreadable", bad.message))
    return rows


def _finding(kind: str, name: str, verdict: Verdict) -> ResourceFinding:
    return ResourceFinding(
        kind, name, verdict.accepted, verdict.reason, verdict.message, types=verdict.matched
    )
