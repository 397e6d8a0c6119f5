"""What the objects have in common that replicas share in their own namespace.

They are marked so that no commit holds them: a checkpoint that was committed would make the next one.
"""

from __future__ import annotations

from reverser.sanitize.generated_objects import IGNORE

LABELS = {"app.kubernetes.io/managed-by": "reverser", IGNORE: "true"}
