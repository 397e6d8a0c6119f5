"""Which types are wanted does not depend on how many rules say so, nor on which of them comes first."""

from __future__ import annotations

from reverser.app.assembly import Assembly
from reverser.config import Cluster, Config
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from reverser.plugins import Host

VERBS = ("get", "list", "watch")
MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True, VERBS)
SECRETS = ResourceType("", "v1", "secrets", "Secret", True, VERBS)
NAMESPACES = ResourceType("", "v1", "namespaces", "Namespace", False, VERBS)
EVENTS = ResourceType("", "v1", "events", "Event", True, VERBS)
TYPES = (MAPS, SECRETS, NAMESPACES, EVENTS)


def wanted(*rules: Rule) -> set[ResourceType]:
    """What these rules have watched; the destination `open` masks Secrets, `closed` omits them."""
    destinations = (
        Destination("open", "file:///open", secrets="mask"),
        Destination("closed", "file:///closed", secrets="omit"),
    )
    config = Config("/data", clusters=(Cluster(),), destinations=destinations, rules=rules)
    return {*Assembly(config, b"k" * 32, Host()).wanted("default", TYPES)}


def test_a_type_is_wanted_when_one_of_many_alike_rules_wants_it() -> None:
    """What differs in scope, in exclusions or in the destination counts, whichever rule comes first."""
    everything = ("*",)
    cases: list[tuple[Rule, set[ResourceType]]] = [
        (Rule("r", "open", resources=everything, namespaces=("shop",)), {MAPS, SECRETS}),
        (Rule("r", "open", resources=everything), {MAPS, SECRETS, NAMESPACES}),
        (Rule("r", "closed", resources=everything, namespaces=("shop",)), {MAPS}),
        (Rule("r", "open", resources=everything, exclude_resources=("secrets",)), {MAPS, NAMESPACES}),
        (Rule("r", "open", resources=("events",)), {EVENTS}),
        (Rule("r", "open", resources=everything, default_excludes=False), {*TYPES}),
    ]
    for rule, types in cases:
        assert wanted(rule) == types
        for other, more in cases:
            assert wanted(rule, other) == wanted(other, rule) == types | more
