"""Custom resources and what surrounds them -> destinations, rules, logins, and a verdict for each.

Pure and total: equal states give equal results, in whatever order the objects came; what is wrong with one
object is its verdict and nobody else's, an unexpected error included. Order of work: each GitRepoConfig
alone, then which of them must wait for another's folder, then each rule with the config that it names.

A `Compiler` remembers the result for each object together with all that it depended on, so that one change
among thousands of objects compiles again what it concerns, and all else is the same value as before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, Generic, TypeVar

import msgspec

from reverser.custom_resources import overlap
from reverser.custom_resources.access import decide, referenced
from reverser.custom_resources.api_types import AnyRule, GitRepoConfig, Kind, WatchRule
from reverser.custom_resources.config_compiler import (
    GOOD,
    CompiledConfig,
    SecretState,
    compile_config,
)
from reverser.custom_resources.model import (
    AccessQuestion,
    ClusterState,
    Compiled,
    ObjectName,
    ObjectRef,
    Tenancy,
    Verdict,
)
from reverser.custom_resources.rule_compiler import CompiledRules, Surroundings, compile_rule
from reverser.custom_resources.rule_refusals import ConfigState
from reverser.custom_resources.type_selection import ExcludeType, TypeIndex
from reverser.errors import ReverserError
from reverser.model.destination import Destination
from reverser.sanitize.excluded_types import excluded_type
from reverser.unexpected_errors import BUG, contained

Result = TypeVar("Result")
PART = "resources"
"""Of the daemon, in the count of contained bugs."""


def compile_resources(
    state: ClusterState, tenancy: Tenancy, cluster: str, destinations: Sequence[Destination] = ()
) -> Compiled:
    """What the custom resources mean; `destinations` are those of the configuration file."""
    return Compiler(tenancy, cluster, destinations).compile(state)


class Compiler:
    """Compiles one state after the other, and of each only what differs from the one before."""

    def __init__(
        self,
        tenancy: Tenancy,
        cluster: str,
        destinations: Sequence[Destination] = (),
        exclude: ExcludeType = excluded_type,
    ) -> None:
        """`exclude` says why a type is left out unless it is named exactly; empty when it is not."""
        self._tenancy = tenancy
        self._cluster = cluster
        self._destinations = tuple(destinations)
        self._exclude = exclude
        self._before = ClusterState()
        self._answers_before: Mapping[AccessQuestion, bool] = {}
        self._index = TypeIndex((), exclude)
        self._configs = _Memory[CompiledConfig](lambda verdict: CompiledConfig(verdict))
        self._rules = _Memory[CompiledRules](lambda verdict: CompiledRules(verdict))
        self._claimed: Any = None
        """What `_losers` follows from."""
        self._losers: Mapping[ObjectName, str] = {}

    def compile(self, state: ClusterState) -> Compiled:
        """The meaning of a state."""
        state = self._adopted(state)
        configs = self._compile_configs(state)
        states = {name: _config_state(name, compiled) for name, compiled in configs.items()}
        rules = self._compile_rules(state, states)
        return _assembled(configs, rules)

    def _adopted(self, state: ClusterState) -> ClusterState:
        """The state, with the large parts that are equal to those before replaced by these: `is` is fast."""
        before = self._before
        self._answers_before = before.answers
        same = {
            field: getattr(before, field)
            for field in ("namespaces", "answers", "types")
            if getattr(before, field) == getattr(state, field)
        }
        if "types" not in same:
            self._index = TypeIndex(state.types, self._exclude)
        self._before = msgspec.structs.replace(state, **same)
        return self._before

    def _compile_configs(self, state: ClusterState) -> dict[ObjectName, CompiledConfig]:
        compiled: dict[ObjectName, CompiledConfig] = {}
        for name in _sorted(state.configs):
            config = state.configs[name]
            secret = _secret_of(config)
            known = SecretState(
                secret in state.secrets, state.secrets.get(secret), state.secret_errors.get(secret, "")
            )
            inputs = (config.spec, state.known_hosts, known.read, known.data, known.error)
            compute = partial(compile_config, config, self._tenancy, known, state.known_hosts)
            compiled[name] = self._configs.recall(_ref("GitRepoConfig", name), inputs, compute)
        self._configs.forget_unused()
        return self._without_overlaps(state, compiled)

    def _without_overlaps(
        self, state: ClusterState, compiled: dict[ObjectName, CompiledConfig]
    ) -> dict[ObjectName, CompiledConfig]:
        claims = [
            _claim(name, state.configs[name], each) for name, each in compiled.items() if each.destination
        ]
        claimed = (claims, state.proven, state.yielding)
        if claimed != self._claimed:
            self._claimed = claimed
            self._losers = overlap.refused(claims, state.proven, state.yielding, self._destinations)
        losers = self._losers
        return {
            name: _lost(each, losers[name]) if name in losers else each for name, each in compiled.items()
        }

    def _compile_rules(
        self, state: ClusterState, configs: Mapping[ObjectName, ConfigState]
    ) -> dict[ObjectRef, CompiledRules]:
        around = Surroundings(
            self._cluster, self._index, state.namespaces, self._tenancy.service_account, state.answers
        )
        same_name: dict[str, list[str]] = {}
        for name in _sorted(state.configs):
            same_name.setdefault(name.name, []).append(name.namespace)
        compiled: dict[ObjectRef, CompiledRules] = {}
        for ref, rule in _rules(state):
            config = state.configs.get(referenced(rule))
            elsewhere = () if isinstance(rule, WatchRule) else tuple(same_name.get(referenced(rule).name, ()))
            compiled[ref] = self._compile_rule(ref, rule, config, elsewhere, configs, around)
        self._rules.forget_unused()
        return compiled

    def _compile_rule(
        self,
        ref: ObjectRef,
        rule: AnyRule,
        config: GitRepoConfig | None,
        elsewhere: tuple[str, ...],
        configs: Mapping[ObjectName, ConfigState],
        around: Surroundings,
    ) -> CompiledRules:
        own = isinstance(rule, WatchRule)
        labels = around.namespaces.get(rule.metadata.namespace) if own else None
        policy = None if config is None else (config.spec.access_policy,)
        state = None if config is None else configs[referenced(rule)]
        spaces = None if own else around.namespaces
        new = own and ref.name in self._before.new_rules
        inputs = (rule.spec, policy, labels, elsewhere, state, around.index, spaces, new)

        def compiled() -> CompiledRules:
            access = decide(rule, config, labels, elsewhere, new=new)
            return compile_rule(rule, access, state if access.allowed else None, around)

        return self._rules.recall(ref, inputs, compiled, self._same_answers)

    def _same_answers(self, before: CompiledRules) -> bool:
        """Whether the access reviews that a result depends on have the answers that they had."""
        old, new = self._answers_before, self._before.answers
        return old is new or all(old.get(each) is new.get(each) for each in before.questions)


class _Memory(Generic[Result]):
    """Results by object, each with all that it depended on."""

    def __init__(self, failed: Callable[[Verdict], Result]) -> None:
        self._failed = failed
        self._known: dict[ObjectRef, tuple[tuple[Any, ...], Result]] = {}
        self._used: dict[ObjectRef, tuple[tuple[Any, ...], Result]] = {}

    def recall(
        self,
        ref: ObjectRef,
        inputs: tuple[Any, ...],
        compute: Callable[[], Result],
        valid: Callable[[Result], bool] = lambda _: True,
    ) -> Result:
        """The result for an object: the one before while its inputs are equal and it is valid."""
        known = self._known.get(ref)
        if known is None or known[0] != inputs or not valid(known[1]):
            known = (inputs, self._contained(ref, compute))
        self._used[ref] = known
        return known[1]

    def _contained(self, ref: ObjectRef, compute: Callable[[], Result]) -> Result:
        try:
            with contained(PART, f"{ref.kind} {ref.name}"):
                return compute()
        except ReverserError as error:
            return self._failed(Verdict(False, BUG, error.message, BUG))

    def forget_unused(self) -> None:
        """Forget objects that were not asked for since the last call."""
        self._known, self._used = self._used, {}


def _sorted(objects: Iterable[ObjectName]) -> list[ObjectName]:
    return sorted(objects, key=lambda name: (name.namespace, name.name))


def _ref(kind: Kind, name: ObjectName) -> ObjectRef:
    return ObjectRef(kind, name)


def _rules(state: ClusterState) -> Iterable[tuple[ObjectRef, AnyRule]]:
    for name in _sorted(state.watch_rules):
        yield _ref("WatchRule", name), state.watch_rules[name]
    for name in _sorted(state.cluster_watch_rules):
        yield _ref("ClusterWatchRule", name), state.cluster_watch_rules[name]


def _secret_of(config: GitRepoConfig) -> ObjectName:
    reference = config.spec.secret_ref
    return ObjectName(config.metadata.namespace, reference.name if reference else "")


def _claim(name: ObjectName, config: GitRepoConfig, compiled: CompiledConfig) -> overlap.FolderClaim:
    assert compiled.repository is not None
    # One whose Secret is being read does not lose its folder to whoever needs none.
    able = (compiled.credentials is not None or compiled.verdict.waiting) and not config.spec.suspend
    return overlap.FolderClaim(
        name,
        compiled.repository,
        config.spec.branch,
        config.spec.path,
        config.metadata.creation_timestamp,
        able,
    )


def _lost(compiled: CompiledConfig, message: str) -> CompiledConfig:
    """Without its destination; what else is wrong with it is said first."""
    verdict = compiled.verdict
    if verdict.accepted:
        verdict = Verdict(False, "Overlap", message, "Overlap", warnings=verdict.warnings)
    return CompiledConfig(verdict, secret=compiled.secret)


def _config_state(name: ObjectName, compiled: CompiledConfig) -> ConfigState:
    verdict, destination = compiled.verdict, compiled.destination
    return ConfigState(
        name,
        destination.name if destination else "",
        destination is not None and destination.secrets != "omit",
        "" if verdict.reason == GOOD else f"{verdict.reason}: {verdict.message}",
        verdict.waiting,
    )


def _assembled(
    configs: Mapping[ObjectName, CompiledConfig], rules: Mapping[ObjectRef, CompiledRules]
) -> Compiled:
    verdicts = {_ref("GitRepoConfig", name): each.verdict for name, each in configs.items()}
    return Compiled(
        destinations=tuple(each.destination for each in configs.values() if each.destination),
        rules=tuple(rule for each in rules.values() for rule in each.rules),
        credentials={
            each.destination.name: each.credentials
            for each in configs.values()
            if each.destination and each.credentials
        },
        verdicts=verdicts | {ref: each.verdict for ref, each in rules.items()},
        secrets=frozenset(each.secret for each in configs.values() if each.secret),
        questions=frozenset[AccessQuestion]().union(*(each.questions for each in rules.values())),
    )
