"""Reads the custom resources once and compiles them: what the daemon would make of them.

Nothing is written. Secrets are read by name, as the daemon reads them. What may not be read is reported with
the rights that are missing; the rest is compiled all the same.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from reverser.config import Config
from reverser.custom_resources.access_reviews import review
from reverser.custom_resources.api_types import GROUP, VERSION
from reverser.custom_resources.compiler import compile_resources
from reverser.custom_resources.model import AccessQuestion, ClusterState, Compiled, ObjectName
from reverser.custom_resources.object_table import NamespaceTable, ObjectTable, Unreadable
from reverser.custom_resources.reader import NAMESPACES, STRUCTS, streams
from reverser.custom_resources.secret_followers import entries, host_keys, known_hosts_name
from reverser.custom_resources.seed_beside import Beside, seed_beside
from reverser.errors import ReverserError
from reverser.kube.client import Client, map_concurrently
from reverser.kube.credentials import own_namespace
from reverser.kube.discovery import discover
from reverser.kube.errors import Forbidden, NotFound
from reverser.kube.lists import Query, paged
from reverser.kube.watch_events import WatchEvent, change_of
from reverser.model.change import ListCompleted, ListStarted, Origin, Stream

ROUNDS = 2
"""The first compilation says which Secrets and reviews the second one needs."""


class Look(msgspec.Struct, frozen=True):
    """What one look at an API server brought."""

    compiled: Compiled
    unreadable: Mapping[str, Unreadable]
    """`KIND NAME` of objects that cannot be decoded."""
    missing: tuple[str, ...]
    """Full names of kinds that are not served."""
    versions: tuple[str, ...]
    """Which versions of the kinds' group are served."""
    forbidden: tuple[str, ...]
    """What may not be read, in the API server's words."""
    seed: Beside


async def look(client: Client, config: Config) -> Look:
    """Read everything once. Raises TransientError when the API server does not answer."""
    assert config.resources is not None
    discovery = await discover(client)
    ours = [type_ for type_ in discovery.versions if type_.group == GROUP]
    served = {type_.resource for type_ in ours if type_.version == VERSION}
    kinds = streams(config.home_cluster, config.resources)
    present = {stream: kind for stream, kind in kinds.items() if stream.type.resource in served}
    tables = {stream: ObjectTable(STRUCTS[kind]) for stream, kind in present.items()}
    forbidden: list[str] = []
    for stream, table in tables.items():
        await _list(client, stream, table, Query(selector=config.resources.selector), forbidden)
    state = ClusterState(
        configs=_objects(tables, present, "GitRepoConfig"),
        watch_rules=_objects(tables, present, "WatchRule"),
        cluster_watch_rules=_objects(tables, present, "ClusterWatchRule"),
        namespaces=await _namespaces(client, config, forbidden),
        known_hosts=await _known_hosts(client, config.resources.known_hosts),
        types=discovery.types,
    )
    compiled = Compiled()
    for _ in range(ROUNDS):
        state = await _looked_up(client, state, compiled)
        compiled = compile_resources(state, config.tenancy, config.home_cluster, config.destinations)
    return Look(
        compiled,
        {
            f"{present[s]} {name}": bad
            for s, table in tables.items()
            for name, bad in table.unreadable.items()
        },
        tuple(sorted({stream.type.name for stream in kinds.keys() - present.keys()})),
        tuple(sorted({type_.version for type_ in ours})),
        tuple(forbidden),
        await seed_beside(client),
    )


def _objects(
    tables: Mapping[Stream, ObjectTable[Any]], kinds: Mapping[Stream, Any], kind: str
) -> dict[ObjectName, Any]:
    return {
        name: obj for s, table in tables.items() if kinds[s] == kind for name, obj in table.objects.items()
    }


async def _list(
    client: Client,
    stream: Stream,
    table: ObjectTable[Any] | NamespaceTable,
    query: Query,
    forbidden: list[str],
) -> None:
    async def hand_on(event: WatchEvent) -> None:
        table.take(change_of(stream, event, Origin.SNAPSHOT, time.time()))

    table.take(ListStarted(stream))
    try:
        listed = await paged(client, stream, hand_on, query)
    except Forbidden as error:
        forbidden.append(error.message)
    else:
        table.take(ListCompleted(stream, listed.position, time.time()))


async def _namespaces(
    client: Client, config: Config, forbidden: list[str]
) -> Mapping[str, Mapping[str, str]]:
    assert config.resources is not None
    table = NamespaceTable()
    if not config.resources.namespaces:
        stream = Stream(config.home_cluster, NAMESPACES)
        await _list(client, stream, table, Query(metadata_only=True), forbidden)
    for namespace in config.resources.namespaces:
        try:
            table.put(namespace, await client.get(f"/api/v1/namespaces/{namespace}", into=dict[str, Any]))
        except (Forbidden, NotFound):
            continue
    return table.labels


async def _known_hosts(client: Client, configured: str) -> bytes:
    namespace, _, name = known_hosts_name(configured, own_namespace()).partition("/")
    if not name:
        return b""
    try:
        path = f"/api/v1/namespaces/{namespace}/configmaps/{name}"
        return host_keys(await client.get(path, into=dict[str, Any]))
    except (Forbidden, NotFound):
        return b""


async def _looked_up(client: Client, state: ClusterState, compiled: Compiled) -> ClusterState:
    """The state with the Secrets and the answers that the compilation asked for."""
    secrets, errors = dict(state.secrets), dict(state.secret_errors)
    for name in sorted(compiled.secrets - secrets.keys() - errors.keys()):
        path = f"/api/v1/namespaces/{name.namespace}/secrets/{name.name}"
        try:
            secrets[name] = entries(await client.get(path, into=dict[str, Any]))
        except NotFound:
            secrets[name] = None
        except ReverserError as error:
            errors[name] = f"the Secret {name} cannot be read: {error.message}"
    answers = dict(state.answers) | await _answers(client, compiled.questions - state.answers.keys())
    return msgspec.structs.replace(state, secrets=secrets, secret_errors=errors, answers=answers)


async def _answers(client: Client, questions: Iterable[AccessQuestion]) -> dict[AccessQuestion, bool]:
    wanted = sorted(questions, key=str)
    results = await map_concurrently(wanted, lambda question: review(client, question))
    return {
        question: answer
        for question, answer in zip(wanted, results, strict=True)
        if not isinstance(answer, str)
    }
