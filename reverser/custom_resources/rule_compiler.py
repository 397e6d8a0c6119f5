"""One WatchRule or ClusterWatchRule -> a rule for each element of its spec, and a verdict.

A WatchRule selects objects of its own namespace only. An element of a ClusterWatchRule selects objects
without a namespace, or those of all namespaces, or of the namespaces whose labels match.

With `[tenancy] service_account`, a WatchRule selects a type only when that account of its namespace may list
and watch it there. A type that was not asked about yet is not selected. ClusterWatchRules are not asked
about: whoever may create one administers the cluster.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from reverser.custom_resources import label_selector
from reverser.custom_resources.access import Access
from reverser.custom_resources.api_types import AnyRule, ClusterResourceRule, ResourceRule, WatchRule
from reverser.custom_resources.model import AccessQuestion, Verdict
from reverser.custom_resources.rule_refusals import (
    ConfigState,
    RefusedRule,
    bad_selector,
    check_spec,
    listed,
    not_ready,
    selector_text,
    usable,
)
from reverser.custom_resources.type_selection import TypeIndex, TypeSelection, exact_pattern, select
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule

SECRETS = ("", "secrets")
_OPERATIONS: dict[str, Literal["create", "update", "delete"]] = {
    "CREATE": "create", "UPDATE": "update", "DELETE": "delete",
}  # fmt: skip


class Surroundings(msgspec.Struct, frozen=True):
    """What a rule depends on besides."""

    cluster: str
    index: TypeIndex
    namespaces: Mapping[str, Mapping[str, str]] = {}
    """Name -> labels; needed for ClusterWatchRules only."""
    account: str = ""
    """The service account of `[tenancy]`."""
    answers: Mapping[AccessQuestion, bool] = {}


class CompiledRules(msgspec.Struct, frozen=True):
    """What one custom resource means."""

    verdict: Verdict
    rules: tuple[Rule, ...] = ()
    questions: frozenset[AccessQuestion] = frozenset()


def compile_rule(
    rule: AnyRule, access: Access, config: ConfigState | None, around: Surroundings
) -> CompiledRules:
    """The rules and the verdict. `config` is None where access is refused. Never raises for its content."""
    try:
        check_spec(rule)
        selector = selector_text(rule)
        return _Compilation(rule, selector, usable(rule, access, config), around).compiled()
    except RefusedRule as refused:
        return CompiledRules(refused.verdict)


class _Compilation:
    """One rule on its way; what it does not select gathers in sentences."""

    def __init__(self, rule: AnyRule, selector: str, config: ConfigState, around: Surroundings) -> None:
        self._rule = rule
        self._selector = selector
        self._config = config
        self._around = around
        self._idle: dict[tuple[str, bool], None] = {}
        """Entries of resources, and whether types in namespaces were meant."""
        self._sentences: dict[str, None] = {}
        self._matched: set[str] = set()
        self._questions: set[AccessQuestion] = set()
        self._denied: set[str] = set()
        self._unanswered = False

    def compiled(self) -> CompiledRules:
        elements: Sequence[ResourceRule | ClusterResourceRule] = self._rule.spec.rules
        rules = [self._compile(number, element) for number, element in enumerate(elements)]
        in_force = tuple(each for each in rules if each is not None)
        return CompiledRules(self._verdict(), in_force, frozenset(self._questions))

    def _compile(self, number: int, element: ResourceRule | ClusterResourceRule) -> Rule | None:
        namespaces, namespaced = self._scope(number, element)
        if namespaced and not namespaces:
            return None
        selection = select(element, self._around.index, namespaced=namespaced)
        patterns = self._select(element, selection, namespaced=namespaced)
        if not patterns:
            return None
        spec = self._rule.spec
        return Rule(
            name=f"{_name(self._rule)}[{number}]",
            destination=self._config.destination,
            cluster=self._around.cluster,
            resources=patterns,
            namespaces=namespaces,
            cluster_scoped=not namespaced,
            exclude_namespaces=(),
            selector=self._selector,
            operations=_operations(element.operations),
            exclude_users=spec.exclude_users,
            exclude_managers=spec.exclude_managers,
            only_users=spec.only_users,
        )

    def _scope(
        self, number: int, element: ResourceRule | ClusterResourceRule
    ) -> tuple[tuple[str, ...], bool]:
        """(namespaces, whether objects in namespaces are meant)."""
        if isinstance(element, ResourceRule):
            return (self._rule.metadata.namespace,), True
        if element.scope == "Cluster":
            return (), False
        if element.namespace_selector is None:
            return ("*",), True
        try:
            selector = label_selector.read(element.namespace_selector)
        except ValueError as error:
            raise bad_selector(f"spec.rules[{number}].namespaceSelector", error) from None
        names = sorted(name for name, labels in self._around.namespaces.items() if selector.matches(labels))
        if not names:
            self._sentences[f"no namespace has the labels of spec.rules[{number}].namespaceSelector"] = None
        return tuple(names), True

    def _select(
        self, element: ResourceRule | ClusterResourceRule, selection: TypeSelection, *, namespaced: bool
    ) -> tuple[str, ...]:
        if self._around.index.types:
            self._idle.update(dict.fromkeys((entry, namespaced) for entry in selection.idle))
        types = [each for each in selection.types if not self._omitted(each)]
        if len(types) < len(selection.types) and any(map(_names_secrets, element.resources)):
            self._sentences[
                f"Secrets have no file, since spec.secrets of GitRepoConfig {self._config.name} is omit"
            ] = None
        if not self._restricted:
            self._matched.update(each.name for each in types)
            return selection.patterns
        allowed = [each for each in types if self._allowed(each)]
        self._matched.update(each.name for each in allowed)
        return tuple(sorted(map(exact_pattern, allowed)))

    @property
    def _restricted(self) -> bool:
        return bool(self._around.account) and isinstance(self._rule, WatchRule)

    def _omitted(self, type: ResourceType) -> bool:  # noqa: A002 - the word of the design
        return (type.group, type.resource) == SECRETS and not self._config.writes_secrets

    def _allowed(self, type: ResourceType) -> bool:  # noqa: A002
        namespace = self._rule.metadata.namespace
        question = AccessQuestion(namespace, self._around.account, type.group, type.resource, namespace)
        self._questions.add(question)
        answer = self._around.answers.get(question)
        if answer is None:
            self._unanswered = True
        elif not answer:
            self._denied.add(type.name)
        return answer is True

    def _verdict(self) -> Verdict:
        matched, config = tuple(sorted(self._matched)), self._config
        if self._unknown:
            message = "types and access rights are being looked up"
            return Verdict(not self._restricted, "Validating", message, waiting=True, config=config.name)
        if self._denied and not matched and not self._unanswered:
            return Verdict(
                False,
                "AccessDenied",
                self._denial(),
                "AccessDenied",
                unmatched=self._unmatched(),
                config=config.name,
            )
        types = f"{len(matched)} resource type{'' if len(matched) == 1 else 's'}"
        reason, message = "Ready", f"the rule selects {types}"
        if config.trouble:
            reason, message = "GitRepoConfigNotReady", not_ready(self._rule, config)
        return Verdict(
            True,
            reason,
            message,
            waiting=config.waiting,
            matched=matched,
            unmatched=self._unmatched(),
            config=config.name,
        )

    @property
    def _unknown(self) -> bool:
        return not self._around.index.types or (self._unanswered and not self._matched)

    def _denial(self) -> str:
        namespace = self._rule.metadata.namespace
        account = f"system:serviceaccount:{namespace}:{self._around.account}"
        return (
            f"{account} may not list and watch {listed(sorted(self._denied))} in namespace {namespace}, "
            "and the rule selects only what it may; a RoleBinding in the namespace can allow it"
        )

    def _unmatched(self) -> str:
        sentences = [*self._sentences]
        if subresources := [entry for entry, _ in self._idle if "/" in entry]:
            sentences.append(f"{listed(subresources)}: subresources are not watched")
        for namespaced, kind in ((True, "namespaced"), (False, "cluster-scoped")):
            names = [entry for entry, scope in self._idle if scope is namespaced and "/" not in entry]
            if names:
                sentences.append(f"{listed(names)}: no {kind} type fits resources, apiGroups and apiVersions")
        if self._denied and self._matched:
            sentences.append(self._denial())
        return "; ".join(sentences)


def _name(rule: AnyRule) -> str:
    metadata = rule.metadata
    return f"{metadata.namespace}/{metadata.name}" if metadata.namespace else metadata.name


def _operations(operations: Iterable[str]) -> tuple[Literal["create", "update", "delete"], ...]:
    given = set(operations)
    every = not given or "*" in given
    return tuple(spelt for name, spelt in _OPERATIONS.items() if every or name in given)


def _names_secrets(entry: str) -> bool:
    """Whether an entry of `resources` means Secrets by name: whoever writes * does not ask for them."""
    return entry.partition(".")[0].lower() in ("secret", "secrets")
