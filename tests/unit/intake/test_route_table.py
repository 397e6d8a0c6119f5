"""Which routes an object may take, where hundreds of rules name namespaces or match them by globs."""

from __future__ import annotations

from reverser.intake.route import RouteTable, compile_routes
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from tests.hooks import HOOKS

VERBS = ("get", "list", "watch")
TYPES = (
    ResourceType("", "v1", "configmaps", "ConfigMap", True, VERBS),
    ResourceType("", "v1", "nodes", "Node", False, VERBS),
)
SCOPES: tuple[tuple[str, ...], ...] = (
    ("a",),
    ("b",),
    ("a", "b"),
    ("*",),
    ("a*",),
    ("[ab]",),
    ("?", "a"),
    ("c", "b*"),
)


def test_the_routes_of_a_namespace_are_all_that_reach_it_in_their_order() -> None:
    """Names, globs and both: none is missing, none too many, before and after other routes are in force."""
    destinations = [Destination(f"d{number}", f"file:///d{number}") for number in range(3 * len(SCOPES))]
    rules = [
        Rule(f"r{number}", each.name, namespaces=SCOPES[number % len(SCOPES)])
        for number, each in enumerate(destinations)
    ]
    table = RouteTable({})
    for some in (rules, rules[::2]):
        routes = compile_routes(some, destinations, (), b"k", HOOKS)
        table.replace(routes)
        for type_ in TYPES:
            for namespace in ("", "a", "b", "ab", "c", "z"):
                stream = Stream("default", type_)
                expected = [each for each in routes["default"] if each.reaches(type_, namespace)]
                assert [*table.of_object(stream, namespace)] == expected
