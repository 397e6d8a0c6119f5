"""Connects to everything that a configuration names, and changes nothing.

All clusters and remotes are asked at once. A server that does not answer is a finding, not an
error: the others are looked at all the same.

The findings are the fields that `--output json` prints.

Of a remote branch it tells what people have there: what is edited, and what is left alone.

The branch is fetched into a folder that goes again. Files that a daemon made are none of people's: their
history tells them, for the first commit of such a file carries our trailers.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import trio

from reverser.app.assembly import Assembly
from reverser.app.second_source import combined
from reverser.cli.check_leader import LeaderFinding, look_at_leader
from reverser.cli.check_machine import HereFinding
from reverser.cli.check_resources import ResourcesFinding, look_at_resources
from reverser.config import Cluster, Config
from reverser.config.unmatched_patterns import empty, unmatched
from reverser.custom_resources.model import Compiled
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.git.remote import BRANCH_NOT_FOUND, Ask
from reverser.git.remote_check import check_remote
from reverser.git.repository import open_repository
from reverser.git.signing_key import public_key
from reverser.kube import credentials, permissions
from reverser.kube.client import Client
from reverser.kube.cluster_info import count_objects, namespaces
from reverser.kube.discovery import Discovery, discover, version
from reverser.manifest.emitter import render
from reverser.manifest.object_index import DescribedObject
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType
from reverser.plugins import Host
from reverser.select.rules import CompiledRule
from reverser.sops.program import programs
from reverser.writer.other_manifests import OtherManifests


async def described(destination: Destination, login: Ask | None = None) -> tuple[list[DescribedObject], str]:
    """(every object that a file of somebody else describes, why they cannot be told)."""
    with tempfile.TemporaryDirectory(prefix="reverser-check-") as folder:
        try:
            async with open_repository(Path(folder), destination, login=login) as repository:
                head = await repository.fetch()
                by_us: dict[str, bool] = {}
                for commit in await repository.landed("", head) if head else ():
                    for path in commit.paths:
                        by_us.setdefault(path, bool(commit.entries))
                others = OtherManifests(repository, destination.path)
                await others.move(head, [path for path, ours in by_us.items() if ours])
                return others.described_objects(), ""
        except (StalledError, TransientError) as error:
            return [], error.message


class TypeFinding(msgspec.Struct, frozen=True):
    """One type that rules select."""

    type: str
    """kubectl's full name: `deployments.apps`."""
    namespaces: tuple[str, ...]
    """Where it is watched; empty: everywhere."""
    rules: tuple[str, ...]
    """Names of the rules that select it."""
    allowed: bool
    """Whether we may list and watch it in all of them."""
    objects: int | None = None
    """How many there are in them: a first start writes no more, and fewer where a rule leaves some out.

    None: the API server does not tell."""


class ClusterFinding(msgspec.Struct, frozen=True):
    """One API server."""

    name: str
    server: str = ""
    version: str = ""
    error: str = ""
    """Why it could not be asked; empty when it was."""
    hint: str = ""
    types: tuple[TypeFinding, ...] = ()
    notes: tuple[str, ...] = ()
    """What is odd but no fault: groups that do not answer, patterns that match nothing yet."""
    roles: str = ""
    """YAML of the roles that would allow what is missing."""

    @property
    def ok(self) -> bool:
        return not self.error and all(type_.allowed for type_ in self.types)


class DestinationFinding(msgspec.Struct, frozen=True):
    """One remote."""

    name: str
    url: str
    branch: str
    reachable: bool
    branch_exists: bool
    push_allowed: bool
    branch_missing: bool = False
    """Whether the branch is missing and is not to be created."""
    message: str = ""
    """The remote's own words when something is wrong."""
    hint: str = ""
    signing: str = ""
    """The SSH public key, or the OpenPGP fingerprint, that commits are signed with; empty without one."""
    signing_error: str = ""
    """Why the signing key cannot be used, and what to do about it."""
    encrypts: bool = False
    """Whether Secrets are encrypted, and a trial went well."""
    encryption_error: str = ""
    """Why Secrets cannot be encrypted."""

    described: tuple[DescribedObject, ...] = ()
    """Objects that files of people describe: they are edited there, or left alone for a reason."""
    described_error: str = ""
    """Why the branch's files could not be read; no fault of the configuration."""

    @property
    def ok(self) -> bool:
        wrong = self.signing_error or self.encryption_error
        return self.reachable and self.push_allowed and not wrong


class Findings(msgspec.Struct, frozen=True):
    """All of it."""

    clusters: tuple[ClusterFinding, ...] = ()
    destinations: tuple[DestinationFinding, ...] = ()
    custom_resources: ResourcesFinding | None = None
    """None where the configuration does not read them."""
    leader: LeaderFinding | None = None
    """None where the configuration elects none."""
    here: tuple[HereFinding, ...] = ()
    """This machine; empty where the daemon is to run on another one."""

    @property
    def ok(self) -> bool:
        rest = all(each.ok for each in self.destinations) and all(each.ok for each in self.here)
        rest = rest and (self.custom_resources is None or self.custom_resources.ok)
        rest = rest and (self.leader is None or self.leader.ok)
        return rest and all(each.ok for each in self.clusters)


async def inspect(config: Config, host: Host) -> Findings:
    """Everything that the rules of a configuration use, those of custom resources among them.

    The remotes of custom resources are not asked: each has a status of its own.
    """
    resources, compiled = await look_at_resources(config) if config.resources else (None, Compiled())
    assembly = Assembly(combined(config, compiled), b"", host)
    clusters: dict[str, ClusterFinding] = {}
    destinations: dict[str, DestinationFinding] = {}

    async def ask_cluster(cluster: Cluster) -> None:
        clusters[cluster.name] = await look_at_cluster(cluster, assembly)

    async def ask_remote(destination: Destination) -> None:
        destinations[destination.name] = await look_at_remote(destination, assembly.login)

    async with host.logging_in(), trio.open_nursery() as nursery:
        for cluster in config.clusters:
            nursery.start_soon(ask_cluster, cluster)
        for destination in config.destinations:
            nursery.start_soon(ask_remote, destination)
    return Findings(
        tuple(clusters[cluster.name] for cluster in config.clusters),
        tuple(destinations[destination.name] for destination in config.destinations),
        resources,
        await look_at_leader(config) if config.leader is not None else None,
    )


async def look_at_remote(destination: Destination, login: Ask | None = None) -> DestinationFinding:
    """Whether a remote answers, has the branch, and lets us push."""
    report = await check_remote(destination, login)
    signing, signing_error = await _signing(destination)
    encrypts, encryption_error = await _encryption(destination)
    described_objects, described_error = await described(destination, login) if report.head else ([], "")
    return DestinationFinding(
        name=destination.name,
        url=destination.url,
        branch=destination.branch,
        reachable=report.reachable,
        branch_exists=bool(report.head),
        push_allowed=report.push_allowed,
        branch_missing=report.reason == BRANCH_NOT_FOUND,
        message=report.message,
        hint=report.hint,
        signing=signing,
        signing_error=signing_error,
        encrypts=encrypts,
        encryption_error=encryption_error,
        described=tuple(described_objects),
        described_error=described_error,
    )


async def _encryption(destination: Destination) -> tuple[bool, str]:
    """(whether Secrets are encrypted, why they cannot be)."""
    program = programs([destination]).get(destination.name)
    if program is None:
        return False, ""
    try:
        await program.probe()
    except (StalledError, TransientError) as error:
        return False, f"{error.message} ({error.hint})"
    return True, ""


async def _signing(destination: Destination) -> tuple[str, str]:
    """(the key's name, what is wrong with the key, and what to do about it)."""
    if destination.signing is None:
        return "", ""
    try:
        name, _ = await public_key(destination.signing)
    except ReverserError as error:
        return "", f"{error.message} ({error.hint})" if error.hint else error.message
    return name, ""


async def look_at_cluster(cluster: Cluster, assembly: Assembly) -> ClusterFinding:
    """Whether a cluster answers, which types the rules select there, and what we may not read."""
    try:
        login = await credentials.load(cluster.kubeconfig, cluster.context)
        async with Client.open(login) as client:
            served, discovery = await version(client), await discover(client)
            wanted = assembly.wanted(cluster.name, discovery.types)
            streams = [
                Stream(cluster.name, kind, space) for kind, spaces in wanted.items() for space in spaces
            ]
            denied = await permissions.missing(client, streams)
            allowed = [stream for stream in streams if stream not in set(denied)]
            counted = dict(zip(allowed, await count_objects(client, allowed), strict=True))
            rules = assembly.compiled(cluster.name)
            nothing = empty(rules, discovery.types, await namespaces(client))
    except ReverserError as error:
        return ClusterFinding(cluster.name, error=error.message, hint=error.hint)
    granting = permissions.roles(permissions.reading(denied), "reverser")
    return ClusterFinding(
        cluster.name,
        server=client.server,
        version=served,
        types=_types(streams, counted, rules),
        notes=(
            *_unanswered_groups(discovery),
            *map(str, unmatched(assembly.config, cluster.name, discovery.types)),
            *nothing,
        ),
        roles="---\n".join(render(role).decode() for role in granting),
    )


def _types(
    streams: Sequence[Stream], counted: Mapping[Stream, int | None], rules: Sequence[CompiledRule]
) -> tuple[TypeFinding, ...]:
    """`counted`: the objects of each stream that we may read; None where they cannot be told."""
    scopes: dict[ResourceType, list[Stream]] = {}
    for stream in streams:
        scopes.setdefault(stream.type, []).append(stream)
    return tuple(
        TypeFinding(
            type=kind.name,
            namespaces=tuple(each.namespace for each in scope if each.namespace),
            rules=tuple(each.rule.name for each in rules if each.selects_type(kind)),
            allowed=all(each in counted for each in scope),
            objects=_sum([counted.get(each) for each in scope]),
        )
        for kind, scope in sorted(scopes.items(), key=lambda item: item[0].name)
    )


def _sum(counts: Sequence[int | None]) -> int | None:
    known = [each for each in counts if each is not None]
    return sum(known) if len(known) == len(counts) else None


def _unanswered_groups(discovery: Discovery) -> list[str]:
    return [f"the API group {group} does not answer: {why}" for group, why in discovery.degraded.items()]
