"""The objects that replicas share in their own namespace: their names, and what they have in common.

They are marked so that no commit holds them: a checkpoint that was committed would make the next one.
"""

from __future__ import annotations

from reverser.sanitize.generated_objects import IGNORE

LABELS = {"app.kubernetes.io/managed-by": "reverser", IGNORE: "true"}


def key_name(leader: str) -> str:
    """The Secret with the key of digests, beside the Lease of this name."""
    return f"{leader}-key"


def checkpoint_name(leader: str, part: int) -> str:
    """A ConfigMap of the checkpoint."""
    return f"{leader}-checkpoint-{part}"
