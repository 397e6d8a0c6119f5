"""A secret field: a text with `${ENV}` in it, `{ file = "…" }`, or `{ env = "…" }`.

Only here are variables expanded. A variable that is not set is a problem now, not an empty
password later; a file is not looked at, since it may be mounted after the start and may be
rotated at any time: `secret_files` does that for `check`. No message ever shows the value.

Files with secrets that cannot be read now are found without a connection, on the machine they are on.

They are no problem of the text: a file may be mounted after the start, and is read at each use. So
`check` reports them, and `run` warns of them and starts. The secret of the webhook's path is not among them:
it is read at the start (`webhook.path_secret`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from reverser.config.problems import did_you_mean, key_paths
from reverser.errors import Problem
from reverser.model.destination import Destination
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


def unreadable(destinations: Sequence[Destination], plugins: Mapping[str, Any]) -> list[Problem]:
    """One problem for each file that a login, a signing key or a plugin's secret should be in, and is not.

    `plugins`: name -> settings, as the plugins have them.
    """
    references = [*_references(destinations, "destinations"), *_references(dict(plugins), "plugins")]
    return [
        Problem(key, f"{reference.file} {fault}", "the file is read at each use, and must exist by then")
        for key, reference in references
        if reference.file and (fault := _file_problem(reference.file))
    ]


def _references(value: Any, path: str) -> Iterator[tuple[str, SecretRef]]:
    if isinstance(value, SecretRef):
        yield path, value
    elif isinstance(value, msgspec.Struct):
        for name in value.__struct_fields__:
            yield from _references(getattr(value, name), f"{path}.{name}")
    elif isinstance(value, dict):
        for name, each in value.items():
            yield from _references(each, f"{path}.{name}")
    elif isinstance(value, (list, tuple)):
        where = key_paths([getattr(each, "name", None) for each in value], path)
        for inner, each in zip(where, value, strict=True):
            yield from _references(each, inner)


def _file_problem(file: str) -> str:
    try:
        return "" if Path(file).read_text() else "is empty"
    except (OSError, UnicodeDecodeError) as error:
        return f"cannot be read: {error.strerror if isinstance(error, OSError) else 'no text'}"
