"""What the objects of a commit break, as trailers. Pure.

A commit knows its objects as the bytes of their files. So many bytes are read at most: a message must
be there within a second.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from reverser.model.commit import CommitPlan
from reverser_policy.policy import Policy

BYTES_MOST = 512 * 1024
FINDINGS_MOST = 20
TRAILER = "Policy-Finding"
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def trailers(plan: CommitPlan, policy: Policy) -> tuple[tuple[str, str], ...]:
    """One a finding, in the order of the plan."""
    found = list(_findings(plan, policy))
    if len(found) > FINDINGS_MOST:
        found[FINDINGS_MOST - 1 :] = [f"… and {len(found) - FINDINGS_MOST + 1} more"]
    return tuple((TRAILER, each) for each in found)


def _findings(plan: CommitPlan, policy: Policy) -> Iterator[str]:
    left = BYTES_MOST
    for entry in plan.entries:
        content = entry.edit.content
        if content is None or not policy.has("flag", entry.key):
            continue
        left -= len(content)
        if left < 0:
            yield "not all objects were looked at: the commit is too large"
            return
        obj = yaml.load(content, _LOADER)  # noqa: S506 - one of the two safe loaders
        for rule, told in policy.broken("flag", entry.key, obj):
            yield f"{rule.name}: {told} ({entry.key})"
