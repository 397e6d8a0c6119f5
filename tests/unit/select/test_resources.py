"""kubectl's spelling of resource types."""

from __future__ import annotations

import pytest

from reverser.model.resource import ResourceType
from reverser.select.resources import matches, names_exactly

DEPLOYMENTS = ResourceType(
    "apps", "v1", "deployments", "Deployment", True, short_names=("deploy",), singular="deployment"
)
PODS = ResourceType("", "v1", "pods", "Pod", True, short_names=("po",), singular="pod")
WIDGETS = ResourceType("example.com", "v1beta1", "widgets", "Widget", True)
EVENTS = ResourceType("", "v1", "events", "Event", True)
NEW_EVENTS = ResourceType("events.k8s.io", "v1", "events", "Event", True)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        *((p, DEPLOYMENTS) for p in ("deployments", "deployments.apps", "deployments.v1.apps", "deploy")),
        *(
            (p, DEPLOYMENTS)
            for p in ("Deployment", "DEPLOYMENT", "deployment", "deploy.apps", "Deployment.apps")
        ),
        *((p, PODS) for p in ("pods", "po", "Pod", "pods.", "pods.v1.")),
        *((p, WIDGETS) for p in ("widgets", "widgets.example.com", "widgets.v1beta1.example.com", "Widget")),
        ("events", EVENTS),
        ("events", NEW_EVENTS),
    ],
)
def test_every_spelling_of_kubectl_names_the_type(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """Plural, singular, short name and kind, with and without group and version, name a type exactly."""
    assert matches(pattern, type)
    assert names_exactly(pattern, type)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        ("*", PODS),
        ("*", WIDGETS),
        ("*.apps", DEPLOYMENTS),
        ("*.", PODS),
        ("*.example.com", WIDGETS),
        ("*.v1.apps", DEPLOYMENTS),
    ],
)
def test_wildcards_match_but_do_not_name(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """A wildcard covers types, but does not override the default exclusions of any."""
    assert matches(pattern, type)
    assert not names_exactly(pattern, type)


@pytest.mark.parametrize(
    ("pattern", "type"),
    [
        ("deployments.extensions", DEPLOYMENTS),
        ("deployments.v1beta1.apps", DEPLOYMENTS),
        ("deployments.", DEPLOYMENTS),
        ("deploymen", DEPLOYMENTS),
        ("", DEPLOYMENTS),
        ("", WIDGETS),
        ("pods.v1", PODS),
        ("*.example", WIDGETS),
        ("*.com", WIDGETS),
        ("events.events.k8s.io", EVENTS),
    ],
)
def test_other_types_are_not_meant(pattern: str, type: ResourceType) -> None:  # noqa: A002
    """Another group, another version or half a name matches nothing."""
    assert not matches(pattern, type)
