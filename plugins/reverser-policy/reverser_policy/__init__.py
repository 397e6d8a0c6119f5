"""CEL expressions that refuse or flag what is on its way to Git: `object.spec.replicas > 50`.

What is withheld or flagged is judged as its file has it; what is left out, as the API server has it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from reverser import hookimpl
from reverser.errors import WithheldError
from reverser.model.commit import CommitPlan
from reverser.model.message import Message
from reverser.model.resource import ObjectKey
from reverser_policy.rules import NO_ANSWER, CompiledPolicy, Settings, trailers

policy = CompiledPolicy(Settings())


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    globals()["policy"] = CompiledPolicy(settings)


@hookimpl
def reverser_select(key: ObjectKey, obj: Mapping[str, Any]) -> str | None:
    for rule, message in policy.broken("leave-out", key, obj):
        if message == NO_ANSWER:
            # A file must not go because of a field that is missing.
            raise WithheldError("PolicyUnclear", f"{rule.name}: {message}")
        return f"{rule.name}: {message}"
    return None


@hookimpl
def reverser_sanitize(key: ObjectKey, content: dict[str, Any]) -> None:
    for rule, message in policy.broken("withhold", key, content):
        reason = "PolicyUnclear" if message == NO_ANSWER else "PolicyRefused"
        raise WithheldError(reason, f"{rule.name}: {message}", hint="change the object, or the policy")


@hookimpl
def reverser_message(plan: CommitPlan, message: Message) -> Message | None:
    findings = trailers(plan, policy)
    return msgspec.structs.replace(message, trailers=(*message.trailers, *findings)) if findings else None
