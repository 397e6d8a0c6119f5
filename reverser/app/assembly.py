"""One configuration put together: the routes, what they want to watch, and where streams resume.

A stream's position is only valid for the selection that it was stored with: a rule or a
destination that changed lists the stream's type again, and the journal's records keep that from
making commits of what has not changed.

Another configuration takes over from the one in force. What the two have in common is taken over as it is, so
that nothing is made anew, or interrupted, that has not changed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence, Set

import trio

from reverser.app.decider import DeciderProcess, processors, setup_of
from reverser.app.plugin_setup import built_in_hooks, names_of_authors
from reverser.config import Cluster, Config
from reverser.errors import StalledError, TransientError
from reverser.git.remote import Ask
from reverser.identity.author import Identities
from reverser.intake.route import compile_routes
from reverser.kube.credentials import fingerprint
from reverser.model.change import Stream
from reverser.model.destination import Destination, is_of_resource
from reverser.model.entry import Append
from reverser.model.journal import Journal, cluster_uid_setting
from reverser.model.push import Pushed
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.plugins import Host
from reverser.plugins.deciding_hooks import DecidingHooks
from reverser.select.resource_patterns import Meanings, patterns
from reverser.select.rules import CompiledRule
from reverser.select.streams import coverage, file_settings, streams


class Assembly:
    """The pure parts of one configuration, compiled once."""

    def __init__(
        self,
        config: Config,
        digest_key: bytes,
        host: Host,
        former: Assembly | None = None,
    ) -> None:
        """`former` is the configuration in force."""
        self.config = config
        self._host = host
        # When custom resources change, the file's tables are the same objects, and what they name stays.
        same = former is not None and _is_same_file(former.config, config)
        self.names_of_authors: tuple[Identities, str] = (
            former.names_of_authors if former and same else names_of_authors(config)
        )
        self.kubeconfigs: Mapping[str, str] = former.kubeconfigs if former and same else _fingerprints(config)
        """Name of a cluster -> what its kubeconfig held when the configuration file was read."""
        alike = former is not None and former.names_of_authors == self.names_of_authors
        self.hooks: DecidingHooks = (
            former.hooks if former and alike else host.deciding(built_in_hooks(config))
        )
        self.on_pushed: Callable[[Pushed], None] | None = host.pushed if host.plugins else None
        self.on_read: Callable[[str, str], None] | None = None
        self.login: Ask | None = host.credentials if host.plugins else None
        tables = (config.rules, config.destinations, config.sanitize)
        before = former.compiled_by_rule if former else None
        self.routes = compile_routes(*tables, digest_key, self.hooks, config.sensitive, before)
        self._clusters_of: dict[str, list[str]] = {}
        for cluster, routes in self.routes.items():
            for route in routes:
                self._clusters_of.setdefault(route.destination.name, []).append(cluster)
        self._kinds = {
            cluster: {
                (rule.selects_types_as, route.policy.secrets == "omit"): (route, rule)
                for route in routes
                for rule in route.rules
            }
            for cluster, routes in self.routes.items()
        }
        self._compiled = {
            cluster: [rule for route in routes for rule in route.rules]
            for cluster, routes in self.routes.items()
        }
        self.decider = self._decider(digest_key, former)
        """Plugins live in this process, so they are asked here."""

    def _decider(self, digest_key: bytes, former: Assembly | None) -> DeciderProcess | None:
        if self._host.plugins or processors() <= 1:
            return None
        setup = setup_of(self.config, digest_key)
        if former is not None and former.decider is not None and former.decider.setup == setup:
            return former.decider
        return DeciderProcess(setup)

    @property
    def clusters(self) -> list[Cluster]:
        """The clusters that are observed: those that some rule is about, and that of the custom resources."""
        home = self.config.home_cluster
        return [each for each in self.config.clusters if each.name in self.routes or each.name == home]

    @property
    def destinations(self) -> list[Destination]:
        """The destinations that some rule leads to, and those of custom resources, which are to be ready."""
        used = self._clusters_of
        return [each for each in self.config.destinations if each.name in used or is_of_resource(each.name)]

    @property
    def compiled_by_rule(self) -> Mapping[Rule, CompiledRule]:
        """What each rule was compiled to."""
        return {rule.rule: rule for rules in self._compiled.values() for rule in rules}

    def clusters_of(self, destination: str) -> list[str]:
        """Names of the clusters whose rules lead to a destination."""
        return self._clusters_of.get(destination, [])

    def wants(self, cluster: str, type_: ResourceType) -> bool:
        """Whether a watch of this type of the cluster can bring anything for some destination.

        Of thousands of rules most mean the same types as others: one of each kind is asked.
        """
        kinds = self._kinds.get(cluster, {}).values()
        return any(rule.selects_type(type_) and not route.omits(type_) for route, rule in kinds)

    def wanted(self, cluster: str, types: Sequence[ResourceType]) -> Mapping[ResourceType, tuple[str, ...]]:
        """Which of a cluster's types to watch, and in which namespaces (("",) is all of them)."""
        useful = [type_ for type_ in types if self.wants(cluster, type_)]
        resources = self.config.resources
        whole = resources is not None and not resources.namespaces and cluster == self.config.home_cluster
        return streams(self.compiled(cluster), useful, whole=whole)

    def meanings(self, facts: Mapping[str, str]) -> Meanings:
        """What the patterns mean that leave out something; `facts`: what the journal keeps of that."""
        return Meanings(*patterns(self.config.sensitive, self.config.sanitize, self.config.rules), facts)

    def compiled(self, cluster: str) -> Sequence[CompiledRule]:
        """The rules of one cluster."""
        return self._compiled.get(cluster, ())

    def coverage(self, stream: Stream) -> str:
        """Fingerprint of everything that decides what becomes of a stream's objects."""
        rules = self.compiled(stream.cluster)
        more: list[SanitizeRule | SensitiveRule] = [*self.config.sanitize, *self.config.sensitive]
        fingerprint = coverage(stream, rules, self.config.destinations, more)
        return fingerprint + self._host.fingerprint


class Difference:
    """What differs between the configuration in force and the one that takes over."""

    def __init__(self, former: Assembly, latter: Assembly) -> None:
        before = {each.name: each for each in former.destinations}
        after = {each.name: each for each in latter.destinations}
        self.removed = before.keys() - after.keys()
        """Destinations that are written to no more."""
        self.files = frozenset(
            name
            for name, each in after.items()
            if name not in before
            or (before[name] != each and file_settings(before[name]) != file_settings(each))
        )
        """Destinations that are new, or whose files stand or look otherwise."""
        self.writers = frozenset(
            name
            for name, each in after.items()
            if before.get(name) != each
            or {*former.clusters_of(name)} != {*latter.clusters_of(name)}
            or former.hooks is not latter.hooks
        )
        """Destinations whose writers begin anew."""
        self.clusters = {each.name for each in {*former.clusters} ^ {*latter.clusters}} | {
            name for name, text in latter.kubeconfigs.items() if former.kubeconfigs.get(name, text) != text
        }
        """Clusters that come or go, or that are reached otherwise."""
        self._everything = (former.config.sanitize, former.config.sensitive) != (
            latter.config.sanitize,
            latter.config.sensitive,
        )
        self._rules = _changed_rules(former, latter, self.files | self.removed)
        self.of_file = any(not is_of_resource(rule.rule.destination) for rule in self._rules)
        """Whether a rule of the configuration file is among what differs."""

    def concerns(self, stream: Stream) -> bool:
        """Whether something else becomes of a stream's objects."""
        if self._everything or stream.cluster in self.clusters:
            return True
        return any(
            rule.rule.cluster == stream.cluster and rule.selects_type(stream.type) for rule in self._rules
        )


def _is_same_file(former: Config, latter: Config) -> bool:
    return former.clusters is latter.clusters and former.identities is latter.identities


def _fingerprints(config: Config) -> Mapping[str, str]:
    return {each.name: fingerprint(each.kubeconfig) for each in config.clusters}


def _changed_rules(former: Assembly, latter: Assembly, destinations: Set[str]) -> list[CompiledRule]:
    """Rules that are in one of the two only, and those that lead to a destination that changed."""
    before, after = former.compiled_by_rule, latter.compiled_by_rule
    both = {**before, **after}
    return [
        compiled
        for rule, compiled in both.items()
        if rule.destination in destinations or rule not in before or rule not in after
    ]


async def resume_position(journal: Journal, assembly: Assembly, stream: Stream) -> str:
    """Where a stream goes on; empty: list first. Waits for a journal that cannot be read.

    A type with withheld objects is listed: what stood in their way may be gone.
    """
    while True:
        try:
            version, covered = await journal.position(stream)
            held = any(stream.holds(each.key) for each in await journal.withheld())
        except (TransientError, StalledError):
            await trio.sleep(1)
        else:
            return version if covered == assembly.coverage(stream) and not held else ""


async def keep_meanings(journal: Journal, meanings: Meanings) -> None:
    """Make durable what patterns mean, before anything is decided by it. Waits as `resume_position` does."""
    while facts := meanings.changed():
        try:
            await journal.append(Append(settings=facts))
        except (TransientError, StalledError):
            await trio.sleep(1)
        else:
            meanings.saved(facts)


async def kept_uid(journal: Journal, cluster: str) -> str:
    """The uid of the cluster that the positions are of; empty at first. Waits as `resume_position` does."""
    while True:
        try:
            return await journal.get_setting(cluster_uid_setting(cluster))
        except (TransientError, StalledError):
            await trio.sleep(1)
