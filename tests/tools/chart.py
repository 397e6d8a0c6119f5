"""What is generated in charts/gitops-reverser: copies of config/, schema of the values, table of the README.

`make chart` writes them. The schema refuses keys that nobody reads: it holds those of values.yaml, and below
`config` those of the configuration's structs. The table has the comments of values.yaml. A test compares the
files with what this module makes.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import yaml

from reverser.config.schema import Config

ROOT = Path(__file__).parents[2]
CHART = ROOT / "charts/gitops-reverser"
VALUES = CHART / "values.yaml"
BEGIN, END = "<!-- values: written by make chart -->", "<!-- end -->"

COPIES = {
    "config/crd/gitrepoconfigs.yaml": "crds/gitrepoconfigs.yaml",
    "config/crd/watchrules.yaml": "crds/watchrules.yaml",
    "config/crd/clusterwatchrules.yaml": "crds/clusterwatchrules.yaml",
    "config/webhook/registration.yaml": "registration.yaml",
    "config/prometheus/rules.yaml": "rules.yaml",
    "config/grafana/gitops-reverser.json": "dashboard.json",
}
"""Files of config/ that templates read, below files/: a chart can read nothing outside of its folder."""

OWN_TABLES = ("data_dir", "operations", "log")
"""Keys of the configuration that follow from other values, since the Deployment depends on them."""

Schema = dict[str, Any]

_TEXT: Schema = {"type": "string"}
_TEXTS: Schema = {"type": "object", "additionalProperties": _TEXT}
_OPEN: Schema = {"type": "object"}
_OBJECTS: Schema = {"type": "array", "items": {"type": "object"}}
_PORT: Schema = {"type": "integer", "minimum": 1, "maximum": 65535}
_COUNT_OR_SHARE: list[Schema] = [
    {"type": "integer", "minimum": 0},
    {"type": "string", "pattern": "^[0-9]+%$"},
]

SHAPES: dict[str, Schema] = {
    "global.commonLabels": _TEXTS,
    "namespaceCreation.labels": _TEXTS,
    "namespaceCreation.annotations": _TEXTS,
    "replicaCount": {"type": "integer", "minimum": 0},
    "image.pullPolicy": {"enum": ["Always", "IfNotPresent", "Never"]},
    "image.digest": {"type": "string", "pattern": "^(sha256:[0-9a-f]{64})?$"},
    "imagePullSecrets": {
        "type": "array",
        "items": {
            "type": "object",
            "properties": {"name": _TEXT},
            "required": ["name"],
            "additionalProperties": False,
        },
    },
    "terminationGracePeriodSeconds": {"type": ["integer", "null"], "minimum": 1},
    "logging.level": {"enum": ["debug", "info", "warning", "error"]},
    "logging.encoder": {"enum": ["auto", "console", "json"]},
    "webhook.server.port": _PORT | {"minimum": 1024},
    "webhook.validating.timeoutSeconds": {"type": "integer", "minimum": 1, "maximum": 10},
    "webhook.validating.namespaceSelector": _OPEN,
    "webhook.validating.objectSelector": _OPEN,
    "certificates.certManager.issuer.kind": {"enum": ["Issuer", "ClusterIssuer"]},
    "serviceAccount.annotations": _TEXTS,
    "podAnnotations": _TEXTS,
    "podLabels": _TEXTS,
    "podSecurityContext": _OPEN,
    "securityContext": _OPEN,
    "resources": _OPEN,
    "nodeSelector": _TEXTS,
    "tolerations": _OBJECTS,
    "affinity": _OPEN,
    "topologySpreadConstraints": _OBJECTS,
    "env": _OBJECTS,
    "volumes": _OBJECTS,
    "volumeMounts": _OBJECTS,
    "podDisruptionBudget.maxUnavailable": {"oneOf": _COUNT_OR_SHARE},
    "podDisruptionBudget.minAvailable": {"oneOf": [*_COUNT_OR_SHARE, {"type": "null"}]},
    "networkPolicy.metricsNamespaceLabels": _TEXTS,
    "networkPolicy.egressPorts": {"type": "array", "items": _PORT},
    "monitoring.serviceMonitor.labels": _TEXTS,
    "monitoring.prometheusRule.labels": _TEXTS,
    "monitoring.dashboard.labels": _TEXTS,
    "extraObjects": {"type": "array", "items": {"type": ["object", "string"]}},
}
"""Values whose default does not say all of what may be there."""


def files() -> dict[Path, str]:
    """Path -> content of everything in the chart that is generated."""
    copies = {CHART / "files" / copy: (ROOT / source).read_text() for source, copy in COPIES.items()}
    schema = json.dumps(values_schema(), indent=2, ensure_ascii=False) + "\n"
    readme = CHART / "README.md"
    before, rest = readme.read_text().split(BEGIN)
    page = f"{before}{BEGIN}\n\n{table()}\n{END}{rest.partition(END)[2]}"
    return copies | {CHART / "values.schema.json": schema, readme: page}


def values_schema() -> Schema:
    """The JSON schema of the values."""
    shown = dict(comments())
    schema = _of(yaml.safe_load(VALUES.read_text()), "", shown)
    # Charts that have this one inside share `global` with others.
    schema["properties"]["global"]["additionalProperties"] = True
    # Of a chart that is inside of another, Helm adds nothing else than `enabled`, which is its condition.
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "Values of gitops-reverser",
    } | schema


def _of(value: Any, path: str, shown: dict[str, str]) -> Schema:
    described = {"description": shown[path]} if path in shown else {}
    if path == "config":
        return described | configuration_schema()
    if path in SHAPES:
        return described | SHAPES[path]
    if isinstance(value, dict):
        assert value, f"{path}: say in SHAPES what it holds"
        below = {key: _of(each, f"{path}.{key}".lstrip("."), shown) for key, each in value.items()}
        return described | {"type": "object", "additionalProperties": False, "properties": below}
    kinds = {bool: "boolean", str: "string"}
    return described | {"type": kinds[type(value)]}


def configuration_schema() -> Schema:
    """The JSON schema of the configuration file, references resolved."""
    document = msgspec.json.schema(Config)
    schema = _resolved(document["$defs"]["Config"], document["$defs"])
    for key in OWN_TABLES:
        del schema["properties"][key]
    return schema


def _resolved(given: Schema, definitions: dict[str, Schema]) -> Schema:
    if given.get("$ref", "").endswith("/SecretRef"):
        one = [{"type": "object", "properties": {key: _TEXT}, "required": [key]} for key in ("file", "env")]
        return {"oneOf": [_TEXT, *(each | {"additionalProperties": False} for each in one)]}
    if "$ref" in given:
        return _resolved(definitions[given["$ref"].rpartition("/")[2]], definitions)
    if "anyOf" in given:
        kinds = [_resolved(each, definitions) for each in given["anyOf"] if each.get("type") != "null"]
        return kinds[0] if len(kinds) == 1 else {"anyOf": kinds}
    result = {key: value for key, value in given.items() if key not in ("default", "title", "description")}
    if not result.get("required", True):
        del result["required"]
    if "properties" in given:
        tables = {key: each for key, each in given["properties"].items() if key != "tables"}
        result["properties"] = {key: _resolved(each, definitions) for key, each in tables.items()}
    for key in ("items", "additionalProperties"):
        if isinstance(given.get(key), dict):
            result[key] = _resolved(given[key], definitions)
    return result


def comments() -> Iterator[tuple[str, str]]:
    """Path of a value -> the comment above it."""
    parents: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in VALUES.read_text().splitlines():
        match = re.match(r"( *)(?:# (.*)|([A-Za-z]+):)", line)
        if match is None:
            comment = []
        elif match[2] is not None:
            comment.append(match[2])
        else:
            indent = len(match[1])
            parents = [(each, name) for each, name in parents if each < indent] + [(indent, match[3])]
            if comment:
                yield ".".join(name for _, name in parents), " ".join(comment)
            comment = []


def table() -> str:
    """The values in Markdown."""
    values = yaml.safe_load(VALUES.read_text())
    rows = ["| value | default | meaning |", "|---|---|---|"]
    for path, text in comments():
        default = values
        for name in path.split("."):
            default = default[name]
        shown = json.dumps(default) if len(json.dumps(default)) < 60 else "see values.yaml"
        text = text.replace("|", "\\|")
        rows.append(f"| `{path}` | `{shown}` | {text} |".replace("`see values.yaml`", "see values.yaml"))
    return "\n".join(rows) + "\n"


if __name__ == "__main__":
    for file, content in files().items():
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
