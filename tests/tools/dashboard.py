"""config/grafana/gitops-reverser.json, made of the rows of `dashboard_panels`; `make manifests` writes it.

A test compares the file with what this module makes, and the expressions with the metrics that there are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tests.tools.dashboard_panels import ROWS, P, Panel

FILE = Path(__file__).parents[2] / "config/grafana/gitops-reverser.json"
COLUMNS, HEIGHT = 3, 8
"""Panels beside each other, and how high each is, in the units of Grafana's grid of 24."""


def dashboard() -> dict[str, Any]:
    """The dashboard as Grafana imports it."""
    return {
        "title": "GitOps Reverser",
        "uid": "gitops-reverser",
        "description": "What reverser reads from the cluster, what it writes to Git, and what waits.",
        "tags": ["gitops-reverser", "kubernetes", "git"],
        "schemaVersion": 39,
        "version": 1,
        "editable": True,
        "graphTooltip": 1,
        "refresh": "30s",
        "time": {"from": "now-6h", "to": "now"},
        "templating": {"list": _variables()},
        "panels": _panels(),
    }


def _variables() -> list[dict[str, Any]]:
    """What is chosen above the panels: a source of data, jobs, destinations."""
    source = {"name": "datasource", "type": "datasource", "query": "prometheus", "label": "Data source"}
    jobs = _variable("job", "Job", f"label_values({P}stalled_conditions, job)")
    destinations = f'label_values({P}git_commit_queue_size{{job=~"$job"}}, destination)'
    return [source, jobs, _variable("destination", "Destination", destinations)]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": _source(),
        "query": {"query": query, "refId": name},
        "refresh": 2,
        "multi": True,
        "includeAll": True,
        "allValue": ".*",
        "current": {"text": "All", "value": "$__all"},
    }


def _panels() -> list[dict[str, Any]]:
    """A heading for each row, and its panels below it, three beside each other."""
    panels: list[dict[str, Any]] = []
    top = 0
    for title, row in ROWS.items():
        place = {"x": 0, "y": top, "w": 24, "h": 1}
        panels.append({"id": len(panels) + 1, "type": "row", "title": title, "gridPos": place, "panels": []})
        top += 1
        width = 24 // COLUMNS
        for number, panel in enumerate(row):
            y = top + number // COLUMNS * HEIGHT
            where = {"x": number % COLUMNS * width, "y": y, "w": width, "h": HEIGHT}
            panels.append(_panel(panel, len(panels) + 1, where))
        top += -(-len(row) // COLUMNS) * HEIGHT
    return panels


def _panel(panel: Panel, number: int, where: dict[str, int]) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + index), "expr": expression, "legendFormat": legend, "datasource": _source()}
        for index, (legend, expression) in enumerate(panel.expressions.items())
    ]
    defaults: dict[str, Any] = {"unit": panel.unit, "min": 0}
    if panel.unit == "short":
        defaults["decimals"] = 0 if panel.kind == "stat" else None
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.sentence,
        "datasource": _source(),
        "gridPos": where,
        "targets": targets,
        "fieldConfig": {"defaults": defaults, "overrides": []},
    }


def _source() -> dict[str, str]:
    return {"type": "prometheus", "uid": "${datasource}"}


def content() -> bytes:
    """The file."""
    return (json.dumps(dashboard(), indent=2) + "\n").encode()


if __name__ == "__main__":
    FILE.write_bytes(content())
