"""The dashboard, the alert rules and the ServiceMonitor fit the metrics and the Service that there are."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from reverser.metrics import INSTRUMENTS, PREFIX
from tests.tools import dashboard
from tests.tools.dashboard_panels import ROWS, Panel

ROOT = Path(__file__).parents[2]
CONFIG = ROOT / "config"
PAGE = (ROOT / "docs/troubleshooting.md").read_text()
OF_SCRAPES = {"job", "role"}
"""Labels that Prometheus adds: the Service's name, and the pod's label of the leader."""
SERIES = {
    f"{PREFIX}{row.name}{suffix}": {*row.labels, *extra}
    for row in INSTRUMENTS
    for suffix, extra in {
        "counter": [("_total", ())],
        "gauge": [("", ())],
        "histogram": [("_bucket", ("le",)), ("_sum", ()), ("_count", ())],
    }[row.kind]
}
"""Name of each series -> its labels."""
PANELS = [panel for row in ROWS.values() for panel in row]
ALERTS: list[dict[str, Any]] = [
    rule
    for group in yaml.safe_load((CONFIG / "prometheus/rules.yaml").read_text())["spec"]["groups"]
    for rule in group["rules"]
]


def nodes(expression: Any) -> Iterator[Any]:
    """The expression and all that it is made of."""
    yield expression
    for name in ("expr", "lhs", "rhs", "vector_selector", "param"):
        inner = getattr(expression, name, None)
        if inner is not None and not isinstance(inner, (str, float)):
            yield from nodes(inner)
    for inner in getattr(expression, "args", ()):
        yield from nodes(inner)


def problems(text: str) -> list[str]:
    """What is wrong with an expression: metrics that nothing exposes, labels that they do not have."""
    tree = promql_parser.parse(text.replace("$__rate_interval", "5m"))
    selectors = [node for node in nodes(tree) if isinstance(node, promql_parser.VectorSelector)]
    names = {selector.name for selector in selectors} - {"up"}
    labels = {matcher.name for each in selectors for matcher in each.matchers.matchers}
    grouped = {label for node in nodes(tree) for label in _grouping(node)}
    known = set.union(OF_SCRAPES, *(SERIES.get(name, set()) for name in names))
    return [
        *(f"{name} is not exposed" for name in names - SERIES.keys()),
        *(f"{label} is no label of {names}" for label in (labels | grouped) - known),
    ]


def _grouping(node: Any) -> list[str]:
    modifier = node.modifier if isinstance(node, promql_parser.AggregateExpr) else None
    return list(modifier.labels) if modifier else []


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_each_panel_shows_metrics_that_there_are(panel: Panel) -> None:
    """Expressions are PromQL, and legends name labels that the results have."""
    for legend, expression in panel.expressions.items():
        assert problems(expression) == []
        shown = set(re.findall(r"{{(\w+)}}", legend))
        tree = promql_parser.parse(expression.replace("$__rate_interval", "5m"))
        assert shown <= {label for node in nodes(tree) for label in _grouping(node)}


@pytest.mark.parametrize("panel", PANELS, ids=lambda panel: panel.title)
def test_each_panel_is_explained(panel: Panel) -> None:
    """A panel's description is one sentence."""
    assert re.fullmatch(r"[A-Z0][^.\n]{20,}\.", panel.sentence)


def test_each_metric_is_on_the_dashboard() -> None:
    """What is counted can be seen."""
    shown = " ".join(expression for panel in PANELS for expression in panel.expressions.values())

    assert {row.name for row in INSTRUMENTS if f"{PREFIX}{row.name}" not in shown} == set()


def test_the_dashboard_is_up_to_date() -> None:
    """config/grafana has what the rows say: `make manifests` writes it."""
    assert dashboard.FILE.read_bytes() == dashboard.content()
    ids = [panel["id"] for panel in json.loads(dashboard.content())["panels"]]
    assert len(ids) == len(set(ids))


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_asks_for_metrics_that_there_are(alert: dict[str, Any]) -> None:
    """Its expression is PromQL, and its summary names labels that the result has."""
    assert problems(alert["expr"]) == []
    tree = promql_parser.parse(alert["expr"])
    grouped = {label for node in nodes(tree) for label in _grouping(node)}
    assert set(re.findall(r"\$labels\.(\w+)", str(alert["annotations"]))) <= grouped


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])
def test_each_alert_has_its_section(alert: dict[str, Any]) -> None:
    """The alert names a heading of docs/troubleshooting.md, which is called like the alert."""
    assert alert["annotations"]["runbook"] == f"docs/troubleshooting.md#{alert['alert'].lower()}"
    assert re.search(rf"^### {alert['alert']}$", PAGE, re.MULTILINE)


def test_the_page_explains_no_alert_that_there_is_not() -> None:
    """Headings that are called like alerts are alerts."""
    assert set(re.findall(r"^### (Reverser\w+)$", PAGE, re.MULTILINE)) == {rule["alert"] for rule in ALERTS}


def test_the_service_monitor_selects_the_service() -> None:
    """Labels, namespace and port of config/prometheus are those of the Service of metrics."""
    monitor = yaml.safe_load((CONFIG / "prometheus/servicemonitor.yaml").read_text())
    documents = yaml.safe_load_all((ROOT / "install.yaml").read_text())
    services = [each for each in documents if each["kind"] == "Service"]
    wanted = monitor["spec"]["selector"]["matchLabels"].items()
    selected = [each for each in services if wanted <= each["metadata"]["labels"].items()]

    assert [each["metadata"]["name"] for each in selected] == ["gitops-reverser-metrics"]
    ports = {port["name"] for port in selected[0]["spec"]["ports"]}
    assert {endpoint["port"] for endpoint in monitor["spec"]["endpoints"]} <= ports
    assert monitor["spec"]["podTargetLabels"] == ["role"]
    kustomization = yaml.safe_load((CONFIG / "prometheus/kustomization.yaml").read_text())
    assert kustomization["namespace"] == selected[0]["metadata"]["namespace"]
    (job,) = re.findall(r'job=~"([^"]+)"', str(ALERTS))
    assert re.fullmatch(job, selected[0]["metadata"]["name"])
