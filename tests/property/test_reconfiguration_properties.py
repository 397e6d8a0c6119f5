"""What another configuration concerns: more than what its coverage says, never less."""

from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from reverser.app.assembly import Assembly, Difference
from reverser.config import Config
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule, SanitizeRule, SensitiveRule
from reverser.plugins import Host

VERBS = ("list", "watch")
TYPES = [
    ResourceType("", "v1", "configmaps", "ConfigMap", True, VERBS, ("cm",)),
    ResourceType("apps", "v1", "deployments", "Deployment", True, VERBS, ("deploy",)),
    ResourceType("", "v1", "nodes", "Node", False, VERBS),
]
PATTERNS = ("*", "cm", "deployments.apps", "nodes", "*.apps")
DESTINATIONS = [
    Destination("live", "file:///live.git"),
    Destination("live", "file:///live.git", layout="rest"),
    Destination("live", "file:///live.git", window="5s"),
    Destination("copy", "file:///copy.git"),
    Destination("copy", "file:///copy.git", style="minimal"),
]

rules = st.builds(
    Rule,
    name=st.sampled_from(["one", "two"]),
    destination=st.sampled_from(["live", "copy"]),
    resources=st.lists(st.sampled_from(PATTERNS), min_size=1, max_size=2).map(tuple),
    namespaces=st.sampled_from([("*",), ("shop",), ("bank", "shop")]),
    selector=st.sampled_from(["", "app=web"]),
    exclude_users=st.sampled_from([(), ("bot",)]),
)
configurations = st.builds(
    Config,
    destinations=st.tuples(st.sampled_from(DESTINATIONS[:3]), st.sampled_from(DESTINATIONS[3:])),
    rules=st.lists(rules, max_size=3, unique_by=lambda rule: rule.name).map(tuple),
    sanitize=st.sampled_from([(), (SanitizeRule(resources=("cm",), strip=("data.a",)),)]),
    sensitive=st.sampled_from([(), (SensitiveRule(resources=("nodes",)),)]),
)


@given(configurations, configurations)
def test_a_stream_whose_coverage_differs_is_concerned(one: Config, other: Config) -> None:
    """Else it would go on from a position that was stored for other rules."""
    former = Assembly(one, b"k" * 32, Host())
    latter = Assembly(other, b"k" * 32, Host(), former)
    difference = Difference(former, latter)
    for stream in (Stream("default", type_, namespace) for type_ in TYPES for namespace in ("", "shop")):
        if former.coverage(stream) != latter.coverage(stream):
            assert difference.concerns(stream), stream


@given(configurations)
def test_an_equal_configuration_concerns_nothing(one: Config) -> None:
    """Whatever it was made of."""
    former = Assembly(one, b"k" * 32, Host())
    again = msgspec.json.decode(msgspec.json.encode(one), type=Config)
    difference = Difference(former, Assembly(again, b"k" * 32, Host(), former))
    assert not any(difference.concerns(Stream("default", type_)) for type_ in TYPES)
    changed = (difference.writers, difference.removed, difference.files, difference.clusters)
    assert not any(changed)


@given(configurations, configurations)
def test_what_took_over_decides_as_if_it_had_been_there_first(one: Config, other: Config) -> None:
    """Nothing of the former configuration is in what is compiled after it."""
    former = Assembly(one, b"k" * 32, Host())
    latter, alone = Assembly(other, b"k" * 32, Host(), former), Assembly(other, b"k" * 32, Host())
    for stream in (Stream("default", type_) for type_ in TYPES):
        assert latter.coverage(stream) == alone.coverage(stream)
    assert latter.wanted("default", TYPES) == alone.wanted("default", TYPES)
