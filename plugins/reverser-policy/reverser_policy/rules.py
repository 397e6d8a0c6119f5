"""Rules, compiled once: which of them an object breaks. Pure.

CEL is checked when it is compiled, so that a misspelt variable or a sum of unlike things refuses the
start. What is left for later is an object without the field that an expression asks for.

What the objects of a commit break becomes trailers. A commit knows its objects as the bytes of their files,
of which only a part is read: a message must be there within a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, Literal

import msgspec
import yaml
from cel_expr_python import cel

from reverser.model.commit import CommitPlan
from reverser.model.resource import ObjectKey

VARIABLES = {"object": cel.Type.DYN, "resource": cel.Type.STRING, "cluster": cel.Type.STRING}
BYTES_MOST = 512 * 1024
FINDINGS_MOST = 20
TRAILER = "Policy-Finding"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
NO_ANSWER = "the expression has no answer for this object"


class PolicyRule(msgspec.Struct, frozen=True):
    """One expression, and what becomes of the objects that it is true of."""

    name: str
    """Names the rule in what people read."""
    expression: str
    """CEL, with `object`, `resource` (`deployments.apps`) and `cluster`; its answer is a truth value."""
    message: str
    """What is wrong with such an object, for people. Never quotes the object."""
    action: Literal["withhold", "leave-out", "flag"] = "withhold"
    """withhold: the file stays as it was; leave-out: there is no file; flag: the commit says so."""
    resources: tuple[str, ...] = ("*",)
    """Globs over `deployments.apps`."""
    namespaces: tuple[str, ...] = ("*",)
    """Globs; objects without a namespace have the empty one."""
    on_error: Literal["fail", "ignore"] = "fail"
    """fail: an object that the expression has no answer for is treated as bad; ignore: as good."""


class Settings(msgspec.Struct, frozen=True):
    """The table itself."""

    rules: tuple[PolicyRule, ...] = ()
    """In order; the first that withholds an object, or leaves it out, gives the reason."""


class CompiledPolicy:
    """The rules of one configuration."""

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError for an expression that cannot work."""
        env = cel.NewEnv(variables=VARIABLES)
        self._rules = [(rule, _compiled(env, rule)) for rule in settings.rules]

    def broken(self, action: str, key: ObjectKey, obj: Mapping[str, Any]) -> Iterator[tuple[PolicyRule, str]]:
        """The rules of this action that the object breaks, each with what to say about it."""
        for rule, expression in self._rules:
            if rule.action == action and _concerns(rule, key):
                message = _message(rule, expression, key, obj)
                if message:
                    yield rule, message

    def has(self, action: str, key: ObjectKey) -> bool:
        """Whether any rule of this action concerns the object."""
        return any(rule.action == action and _concerns(rule, key) for rule, _ in self._rules)


def _compiled(env: cel.Env, rule: PolicyRule) -> cel.Expression:
    try:
        expression = env.compile(rule.expression)
    except RuntimeError as error:
        message = str(error).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ERROR: <input>:")
        raise ValueError(f"rule {rule.name!r}: {message}") from None
    if expression.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise ValueError(f"rule {rule.name!r}: the expression must be true or false")
    return expression


def _concerns(rule: PolicyRule, key: ObjectKey) -> bool:
    return any(fnmatchcase(key.type_name, glob) for glob in rule.resources) and any(
        fnmatchcase(key.namespace, glob) for glob in rule.namespaces
    )


def _message(rule: PolicyRule, expression: cel.Expression, key: ObjectKey, obj: Mapping[str, Any]) -> str:
    """What the rule has to say; "" when all is well."""
    data = {"object": obj, "resource": key.type_name, "cluster": key.cluster}
    try:
        answer = expression.eval(data=data)
    except RuntimeError:  # too many iterations, or something that is not JSON
        answer = None
    if answer is None or answer.type() != cel.Type.BOOL:
        return NO_ANSWER if rule.on_error == "fail" else ""
    return rule.message if answer.value() else ""


def trailers(plan: CommitPlan, policy: CompiledPolicy) -> tuple[tuple[str, str], ...]:
    """One a finding, in the order of the plan."""
    findings = list(_findings(plan, policy))
    if len(findings) > FINDINGS_MOST:
        findings[FINDINGS_MOST - 1 :] = [f"… and {len(findings) - FINDINGS_MOST + 1} more"]
    return tuple((TRAILER, each) for each in findings)


def _findings(plan: CommitPlan, policy: CompiledPolicy) -> Iterator[str]:
    bytes_left = BYTES_MOST
    for entry in plan.entries:
        content = entry.edit.content
        if content is None or not policy.has("flag", entry.key):
            continue
        bytes_left -= len(content)
        if bytes_left < 0:
            yield "not all objects were looked at: the commit is too large"
            return
        obj = yaml.load(content, _LOADER)  # noqa: S506 - one of the two safe loaders
        for rule, message in policy.broken("flag", entry.key, obj):
            yield f"{rule.name}: {message} ({entry.key})"
