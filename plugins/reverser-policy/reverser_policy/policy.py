"""Rules, compiled once: which of them an object breaks. Pure.

CEL is checked when it is compiled, so that a misspelt variable or a sum of unlike things refuses the
start. What is left for later is an object without the field that an expression asks for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any

from cel_expr_python import cel

from reverser.model.resource import ObjectKey
from reverser_policy.settings import Rule, Settings

VARIABLES = {"object": cel.Type.DYN, "resource": cel.Type.STRING, "cluster": cel.Type.STRING}
NO_ANSWER = "the expression has no answer for this object"


class Policy:
    """The rules of one configuration."""

    def __init__(self, settings: Settings) -> None:
        """Raises ValueError for an expression that cannot work."""
        env = cel.NewEnv(variables=VARIABLES)
        self._rules = [(rule, _compiled(env, rule)) for rule in settings.rules]

    def broken(self, action: str, key: ObjectKey, obj: Mapping[str, Any]) -> Iterator[tuple[Rule, str]]:
        """The rules of this action that the object breaks, each with what to say about it."""
        for rule, expression in self._rules:
            if rule.action == action and _concerns(rule, key):
                found = _found(rule, expression, key, obj)
                if found:
                    yield rule, found

    def has(self, action: str, key: ObjectKey) -> bool:
        """Whether any rule of this action concerns the object."""
        return any(rule.action == action and _concerns(rule, key) for rule, _ in self._rules)


def _compiled(env: cel.Env, rule: Rule) -> cel.Expression:
    try:
        expression = env.compile(rule.expression)
    except RuntimeError as error:
        told = str(error).partition("\n")[0].removeprefix("INVALID_ARGUMENT: ERROR: <input>:")
        raise ValueError(f"rule {rule.name!r}: {told}") from None
    if expression.return_type() not in (cel.Type.BOOL, cel.Type.DYN):
        raise ValueError(f"rule {rule.name!r}: the expression must be true or false")
    return expression


def _concerns(rule: Rule, key: ObjectKey) -> bool:
    return any(fnmatchcase(key.type_name, glob) for glob in rule.resources) and any(
        fnmatchcase(key.namespace, glob) for glob in rule.namespaces
    )


def _found(rule: Rule, expression: cel.Expression, key: ObjectKey, obj: Mapping[str, Any]) -> str:
    """What the rule has to say; "" when all is well."""
    data = {"object": obj, "resource": key.type_name, "cluster": key.cluster}
    try:
        answer = expression.eval(data=data)
    except RuntimeError:  # too many iterations, or something that is not JSON
        answer = None
    if answer is None or answer.type() != cel.Type.BOOL:
        return NO_ANSWER if rule.on_error == "fail" else ""
    return rule.message if answer.value() else ""
