"""A secret field: a text with `${ENV}` in it, `{ file = "…" }`, or `{ env = "…" }`.

Only here are variables expanded. A variable that is not set is a problem now, not an empty
password later; a file is not looked at, since it may be mounted after the start and may be
rotated at any time: `secret_files` does that for `check`. No message ever shows the value.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from reverser.config.problems import did_you_mean
from reverser.model.secret import SecretRef

if TYPE_CHECKING:
    from collections.abc import Mapping

    from reverser.config.problems import Report

VARIABLE = re.compile(r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}")

FORMS = '"${NAME}", { env = "NAME" } or { file = "/path" }'


def secret(value: Any, path: str, environ: Mapping[str, str], report: Report) -> SecretRef | None:
    """The reference, or None when a problem was reported."""
    if isinstance(value, dict):
        return _source(value, path, environ, report)
    if not isinstance(value, str) or not value:
        report.add(path, "must be a secret that is not empty", f"write {FORMS}, or leave the key out")
        return None
    if all(_is_set(name, path, environ, report) for name in VARIABLE.findall(value)):
        return SecretRef(value=VARIABLE.sub(lambda match: environ[match[1]], value))
    return None


def _source(table: dict[str, Any], path: str, environ: Mapping[str, str], report: Report) -> SecretRef | None:
    for key in table.keys() - {"env", "file"}:
        report.add(f"{path}.{key}", "is not a known key", did_you_mean(key, ["env", "file"]))
    if report.faulty(path):
        return None
    if len(table) != 1 or not all(isinstance(each, str) and each for each in table.values()):
        report.add(path, "must have exactly one of env and file, as a text", f"write {FORMS}")
        return None
    reference = SecretRef(**table)
    if reference.env and not _is_set(reference.env, path, environ, report):
        return None
    return reference


def _is_set(name: str, path: str, environ: Mapping[str, str], report: Report) -> bool:
    if environ.get(name):
        return True
    report.add(path, f"the environment variable {name} is not set, or is empty", did_you_mean(name, environ))
    return False
