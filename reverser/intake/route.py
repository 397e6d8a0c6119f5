"""Where one cluster's objects go: a destination with the rules that lead there, compiled.

Several rules that lead one object to one destination make one route, hence one file and one
commit. Routes of different destinations share nothing.
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any, Protocol

import msgspec

from reverser.layout.layouts import Layout, compile_layout
from reverser.model.change import Stream
from reverser.model.destination import Destination, is_of_resource
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.sanitize.document import Policy
from reverser.sanitize.sensitive_values import hidden, sensitive, without_values
from reverser.select.rules import CompiledRule
from reverser.sops.document import mark

MOST_REMEMBERED = 10_000
"""Pairs of a type and a namespace whose routes are remembered."""


class Hooks(Protocol):
    """What plugins, the built-in ones among them, have to say on the way from an object to its file."""

    @property
    def foreign_layout(self) -> bool:
        """Whether somebody else says where files are, so that two objects may be sent to one."""

    def exclude_type(self, resource: ResourceType) -> str:
        """Why a type is left out by default; "" when it is not."""

    def leave_out(
        self, key: ObjectKey, resource: ResourceType, labels: Mapping[str, str], obj: Mapping[str, Any]
    ) -> str:
        """Why a selected object has no file; "" when it has one. Raises WithheldError."""

    def sanitize(
        self,
        key: ObjectKey,
        resource: ResourceType,
        content: dict[str, Any],
        destination: Destination,
        obj: Mapping[str, Any],
    ) -> dict[str, Any]:
        """The content with less in it; `obj` is the live object. Raises WithheldError."""

    def layout(self, key: ObjectKey, resource: ResourceType, destination: Destination) -> str:
        """The path below the destination's root, unchecked. Raises WithheldError."""


class Route(msgspec.Struct, frozen=True):
    """Everything that decides what of one cluster lands in one destination, and how it looks."""

    destination: Destination
    rules: tuple[CompiledRule, ...]
    layout: Layout
    policy: Policy
    digest_key: bytes
    """Key of the digests that tell change from noise."""
    hooks: Hooks
    _by_type: dict[ResourceType, tuple[CompiledRule, ...]] = msgspec.field(default_factory=dict)
    """The rules that select each type, since every object of a list asks for them."""

    def wants_type(self, resource: ResourceType) -> bool:
        """Whether a watch of this type can bring anything for this destination."""
        return not self.omits(resource) and any(rule.selects_type(resource) for rule in self.rules)

    def reaches(self, resource: ResourceType, namespace: str) -> bool:
        """Whether objects of this type in this namespace ("": without one) can have a file."""
        return not self.omits(resource) and any(rule.reaches(resource, namespace) for rule in self.rules)

    def omits(self, resource: ResourceType) -> bool:
        """Secrets, and types that are sensitive as a whole, have no file under `secrets = "omit"`."""
        if self.policy.secrets != "omit":
            return False
        secret = (resource.group, resource.kind) == ("", "Secret")
        return secret or sensitive(self.policy.sensitive, resource).whole

    def sealing(self, resource: ResourceType) -> bytes:
        """For whom files of this type are encrypted, as fingerprints hold it; empty: they are not."""
        sops = self.destination.sops
        if self.policy.secrets != "encrypt" or sops is None:
            return b""
        secret = (resource.group, resource.kind) == ("", "Secret")
        return mark(sops) if secret or sensitive(self.policy.sensitive, resource) else b""

    def shown(self, obj: dict[str, Any], resource: ResourceType) -> dict[str, Any]:
        """The object for a plugin: without the values of a Secret, or what else is sensitive."""
        return hidden(without_values(obj, resource), sensitive(self.policy.sensitive, resource), None)

    def selecting(
        self,
        resource: ResourceType,
        key: ObjectKey,
        labels: Mapping[str, str],
        fulfilled: Collection[str] = (),
    ) -> list[CompiledRule]:
        """The rules that select this object; none does when its type is left out altogether.

        `fulfilled`: selectors that are known to match, whatever the labels are.
        """
        rules = self._by_type.get(resource)
        if rules is None:
            omitted = self.omits(resource)
            rules = () if omitted else tuple(rule for rule in self.rules if rule.selects_type(resource))
            self._by_type[resource] = rules
        return [rule for rule in rules if rule.selects(key, labels, fulfilled)]


class RouteTable:
    """The routes of all clusters, and which of them an object can take.

    With hundreds of destinations most objects can go to one or two. What no rule of a destination reaches has
    no decision there: a list asks about all that the journal knows whenever the rules change.
    """

    def __init__(self, routes: Mapping[str, Sequence[Route]]) -> None:
        """`routes`: those of each cluster, by its name."""
        self.replace(routes)

    def replace(self, routes: Mapping[str, Sequence[Route]]) -> None:
        """From now on these are the routes."""
        self._routes = routes
        self._reaching: dict[tuple[str, ResourceType, str], tuple[Route, ...]] = {}
        self._numbers: dict[tuple[str, str], list[int]] = {}
        """By cluster and namespace: the routes whose rules name it, by their numbers; "*": those by globs."""
        for cluster, all_routes in routes.items():
            for number, route in enumerate(all_routes):
                for namespace in _named_namespaces(route):
                    self._numbers.setdefault((cluster, namespace), []).append(number)

    @property
    def clusters(self) -> Collection[str]:
        """Names of the clusters that have routes."""
        return self._routes.keys()

    @property
    def destinations(self) -> set[str]:
        """Names of the destinations that a route leads to."""
        return {route.destination.name for route in self}

    def __iter__(self) -> Iterator[Route]:
        return itertools.chain.from_iterable(self._routes.values())

    def of(self, cluster: str) -> Sequence[Route]:
        """All routes of one cluster."""
        return self._routes.get(cluster, ())

    def of_type(self, stream: Stream) -> list[Route]:
        """The routes that objects of a stream's type may take."""
        return [route for route in self.of(stream.cluster) if route.wants_type(stream.type)]

    def of_object(self, stream: Stream, namespace: str) -> tuple[Route, ...]:
        """The routes that an object may take, by its type and its namespace."""
        scope = stream.cluster, stream.type, namespace
        reaching = self._reaching.get(scope)
        if reaching is None:
            if len(self._reaching) >= MOST_REMEMBERED:
                self._reaching.clear()
            candidates = self._candidates(stream.cluster, namespace)
            reaching = tuple(route for route in candidates if route.reaches(stream.type, namespace))
            self._reaching[scope] = reaching
        return reaching

    def _candidates(self, cluster: str, namespace: str) -> Sequence[Route]:
        """Routes that may reach a namespace, in their order: the others are not even asked."""
        routes = self.of(cluster)
        if not namespace:
            return routes
        numbers = (*self._numbers.get((cluster, namespace), ()), *self._numbers.get((cluster, "*"), ()))
        return [routes[number] for number in sorted({*numbers})]


def _named_namespaces(route: Route) -> set[str]:
    """The namespaces that its rules name; "*" for any number of them."""
    names = {name for rule in route.rules for name in rule.rule.namespaces}
    return {"*" if any(character in name for character in "*?[") else name for name in names}


def _mask_key(digest_key: bytes, destination: str) -> bytes:
    """The key of a destination's masked values.

    That of a GitRepoConfig is one of its namespace: with a common one, who may mask a guess of their own and
    read what others have masked would see whether the guess is right.
    """
    if not is_of_resource(destination):
        return digest_key
    namespace = destination.partition("/")[0]
    return hashlib.blake2b(namespace.encode(), key=digest_key, digest_size=32, person=b"masks").digest()


def compile_routes(
    rules: Sequence[Rule],
    destinations: Sequence[Destination],
    sanitize: Sequence[SanitizeRule],
    digest_key: bytes,
    hooks: Hooks,
    hide: Sequence[SensitiveRule] = (),
    compiled_before: Mapping[Rule, CompiledRule] | None = None,
) -> dict[str, list[Route]]:
    """The routes of each cluster, by cluster name. `compiled_before`: rules with the same hooks."""
    named = {destination.name: destination for destination in destinations}
    grouped: dict[tuple[str, str], list[CompiledRule]] = {}
    for rule in rules:
        known = None if compiled_before is None else compiled_before.get(rule)
        grouped.setdefault((rule.cluster, rule.destination), []).append(
            known or CompiledRule(rule, hooks.exclude_type)
        )
    routes: dict[str, list[Route]] = {}
    for (cluster, name), compiled in grouped.items():
        destination = named[name]
        policy = Policy(
            style=destination.style,
            secrets=destination.secrets,
            mask_key=_mask_key(digest_key, destination.name),
            suspicious=destination.suspicious,
            rules=tuple(sanitize),
            sensitive=tuple(hide),
        )
        layout = compile_layout(destination, hooks.layout)
        route = Route(destination, tuple(compiled), layout, policy, digest_key, hooks)
        routes.setdefault(cluster, []).append(route)
    return routes
