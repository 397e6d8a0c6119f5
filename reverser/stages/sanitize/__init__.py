"""The only maker of documents: objects in, sanitized documents out.

A deny-list with rules per kind, never an allow-list of fields. Pure, and it fails closed: an
object that does not have the shape a rule expects is withheld, never half sanitized. The tables
of rules are data: `bookkeeping`, `excluded`, `made`, `kinds` and `defaults`.
"""

from reverser.stages.sanitize.document import in_clear, sanitize, significant
from reverser.stages.sanitize.excluded import EXCLUDED_TYPES, excluded_type
from reverser.stages.sanitize.exclusion import exclusion
from reverser.stages.sanitize.fieldpath import parse_path
from reverser.stages.sanitize.policy import Policy
from reverser.stages.sanitize.scale import scale_target
from reverser.stages.sanitize.search import hides
from reverser.stages.sanitize.secrets import without_values
from reverser.stages.sanitize.suspicious import suspicious, without_suspicious

__all__ = [
    "EXCLUDED_TYPES",
    "Policy",
    "excluded_type",
    "exclusion",
    "hides",
    "in_clear",
    "parse_path",
    "sanitize",
    "scale_target",
    "significant",
    "suspicious",
    "without_suspicious",
    "without_values",
]
