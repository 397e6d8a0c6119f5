"""Promises of comparing two documents, and of the lines that say what changed."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from reverser.intake.decide import decide
from reverser.manifest import editor
from reverser.manifest.diff import MOST_LINES, describe, same
from reverser.manifest.scalars import sent
from reverser.model.resource import ResourceType
from reverser.model.rule import SanitizeRule
from tests.changes import change, recorded, route

VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-2, 2),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=2),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abc"), inner, max_size=3)
    ),
)
ALIKE = [(1, True), (0, False), (1, 1.0), (True, 1.0), (0.0, -0.0), (0, ""), (None, False), ([], {})]
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True)


@given(VALUES, VALUES)
def test_equal_is_what_is_written_alike(one: Any, other: Any) -> None:
    """Two values are the same exactly when their JSON, with sorted keys, is the same text."""
    written = [msgspec.json.encode(value, order="deterministic") for value in (one, other)]

    assert same(one, other) is (written[0] == written[1])
    assert same(one, msgspec.json.decode(msgspec.json.encode(one)))


@pytest.mark.parametrize(("one", "other"), ALIKE)
def test_types_count(one: Any, other: Any) -> None:
    """What Python takes for equal and JSON does not is a difference, wherever it stands."""
    assert not same(one, other)
    assert not same({"a": [{"b": one}]}, {"a": [{"b": other}]})


def test_depth_does_not_matter() -> None:
    """Nesting deeper than Python's stack is compared like any other."""
    left: Any = 1
    right: Any = 1
    last: Any = 2
    for _ in range(50_000):
        left, right, last = [left], [right], [last]

    assert same(left, right)
    assert not same(left, last)


def widget(enabled: Any, size: int = 1) -> dict[str, Any]:
    metadata = {"name": "w", "namespace": "shop"}
    spec = {"enabled": enabled, "size": size}
    return {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": metadata, "spec": spec}


@pytest.mark.parametrize(("one", "other"), ALIKE[:4])
def test_a_change_of_type_is_written_into_a_persons_file(one: Any, other: Any) -> None:
    """`enabled: true` that becomes `1` reaches the file, in both directions; only `1.0` says `1` already."""
    for before, after in ((one, other), (other, one)):
        existing = yaml.safe_dump(widget(before)).encode()

        edited = editor.edit(existing, 0, widget(after))

        assert same(sent(yaml.safe_load(edited)), sent(widget(after)))
        assert (edited == existing) is ([type(before), type(after)] == [float, int])


@pytest.mark.parametrize(("one", "other"), ALIKE[:4])
def test_a_change_of_type_is_an_entry_that_names_it(one: Any, other: Any) -> None:
    """Where a rule names fields that do not matter, a change of another field's type does still matter."""
    made = route(sanitize=(SanitizeRule(insignificant=("spec.size",), resources=("widgets.example.com",)),))

    decision = decide(made, change(widget(other), type=WIDGETS), recorded(made, widget(one), type=WIDGETS))

    assert decision.result == "written"
    assert decision.entry is not None
    assert decision.entry.changes == describe(widget(one), widget(other))
    assert len(decision.entry.changes) == 1


# Put together here, so that no scanner takes this file for a leak.
TOKEN = "ghp_" + "q7Zp2Vx9Kd4Lm8Wt1Rb6Ys3Hn5Jc0FgAbCd1"
CHANCE = "q7Zp2Vx9Kd4Lm8Wt1Rb6Ys3Hn5Jc0Fg"
_KEYS = ("a", "args", "env", "ip", "key", "mountPath", "name", "port", "protocol", "token", "type", "value")
_TREES = st.recursive(
    st.sampled_from([TOKEN, f"{TOKEN[::-1]} {TOKEN}", "x", "--api-token", 1, None]),
    lambda each: st.lists(each, max_size=3) | st.dictionaries(st.sampled_from(_KEYS), each, max_size=3),
    max_leaves=12,
)


def containers(*items: dict[str, Any]) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(items)}}}}


def test_changed_fields_read_old_to_new() -> None:
    """Each changed field is one line: its path with list items named by their merge key, old and new."""
    old = {"spec": {"replicas": 2}} | containers({"name": "log"}, {"name": "web", "image": "nginx:1.27"})
    new = containers({"name": "log"}, {"name": "web", "image": "nginx:1.28"})
    old["spec"]["replicas"], new["spec"]["replicas"] = 2, 5

    assert describe(old, new) == (
        "spec.replicas: 2 -> 5",
        'spec.template.spec.containers[web].image: "nginx:1.27" -> "nginx:1.28"',
    )


def test_added_and_removed_fields_are_told_apart() -> None:
    """`+` shows a field that was not there, `-` one that is gone; whole items are shown as JSON."""
    old = containers({"name": "a"}) | {"gone": [1, 2]}
    new = containers({"name": "b", "args": ["x"]}) | {"new": True}

    assert describe(old, new) == (
        "gone: - [1,2]",
        "new: + true",
        'spec.template.spec.containers[a]: - {"name":"a"}',
        'spec.template.spec.containers[b]: + {"name":"b","args":["x"]}',
    )


@pytest.mark.parametrize(
    ("old", "new", "label"),
    [
        ({"containerPort": 80, "protocol": "TCP"}, {"hostPort": 1}, "80/TCP"),
        ({"containerPort": 80}, {"hostPort": 1}, "80"),
        ({"name": "data", "mountPath": "/data"}, {"readOnly": True}, "/data"),
        ({"port": 53, "protocol": "UDP"}, {"nodePort": 1}, "53/UDP"),
        ({"key": "tier"}, {"value": "x"}, "tier"),
        ({"ip": "10.0.0.1"}, {"hostnames": ["x"]}, "10.0.0.1"),
        ({"topologyKey": "zone"}, {"maxSkew": 1}, "zone"),
        ({"devicePath": "/dev/a", "name": "a"}, {"x": 1}, "a"),
        ({"type": "Ready"}, {"x": 1}, "Ready"),
        ({"apiGroups": ["apps"]}, {"verbs": ["get"]}, "0"),
    ],
)
def test_items_are_named_by_what_kubernetes_merges_them_by(
    old: dict[str, Any], new: dict[str, Any], label: str
) -> None:
    """A list item keeps its name in the path; without a merge key it is counted."""
    [line] = describe({"l": [old]}, {"l": [old | new]})

    assert line.startswith(f"l[{label}].")


def test_items_with_equal_merge_keys_are_counted() -> None:
    """Two items of one name cannot be told apart by it: their positions are shown."""
    old = {"env": [{"name": "a", "value": "1"}, {"name": "a", "value": "2"}]}
    new = {"env": [{"name": "a", "value": "1"}, {"name": "a", "value": "3"}]}

    assert describe(old, new) == ('env[1].value: "2" -> "3"',)


def test_a_new_order_is_said() -> None:
    """Items that only changed places do not leave the body empty."""
    assert describe({"l": [{"name": "a"}, {"name": "b"}]}, {"l": [{"name": "b"}, {"name": "a"}]}) == (
        "l: order changed",
    )


def test_at_most_ten_lines() -> None:
    """Of many changes the first nine are shown and the others counted."""
    old = {f"f{index:02}": 0 for index in range(16)}
    new = dict.fromkeys(old, 1)

    lines = describe(old, new)

    assert len(lines) == MOST_LINES
    assert lines[0] == "f00: 0 -> 1"
    assert lines[-1] == "… and 7 more"
    assert len(describe({f"f{i}": 0 for i in range(10)}, {f"f{i}": 1 for i in range(10)})) == 10


def test_values_are_cut_and_control_characters_spelt() -> None:
    """Long values are cut at 60 characters; nothing in keys or values can end a line or hide."""
    [line] = describe({"a": "x" * 100}, {"a": "y"})
    assert line == f'a: "{"x" * 58}… -> "y"'

    [line] = describe({"data": {}}, {"data": {"a\nb\u2028": "c\nd\u0085\u202e\x1b"}})
    assert line == "data['a\\u000ab\\u2028']: + " + '"c\\nd\\u0085\\u202e\\u001b"'


@given(
    st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers(), max_size=4),
    st.dictionaries(st.text(max_size=4), st.text(max_size=4) | st.integers(), max_size=4),
)
def test_a_difference_is_never_silent(old: dict[str, Any], new: dict[str, Any]) -> None:
    """There are lines exactly when the documents differ, and each is one line."""
    lines = describe(old, new)

    assert bool(lines) is (old != new)
    assert all(len(line.splitlines()) == 1 for line in lines)


def test_a_secret_shows_which_keys_changed_and_no_value() -> None:
    """Of a Secret only field paths are told, whatever changed."""
    old = {"data": {"password": "canary1", "a": "canary2"}, "metadata": {"annotations": {"x": "canary3"}}}
    new = {"data": {"password": "canary4", "b": "canary5"}, "metadata": {"labels": {"y": "canary6"}}}

    lines = describe(old, new, secret=True)

    assert lines == (
        "data.a: removed",
        "data.b: added",
        "data.password: changed",
        "metadata.annotations: removed",
        "metadata.labels: added",
    )


def test_creation_and_deletion_need_no_lines() -> None:
    """Without an old or a new document there is nothing to compare."""
    assert describe(None, {"a": 1}) == ()
    assert describe({"a": 1}, None) == ()


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ({"password": "x"}, {"password": CHANCE}, "l.password: changed"),
        ({"password": CHANCE}, {"password": "x"}, "l.password: changed"),
        ({}, {"a": {"b": [{"apiToken": CHANCE}]}}, "l.a: added"),
        ([{"name": "TOKEN", "value": CHANCE}], [], "l[TOKEN]: removed"),
        (
            [{"name": "TOKEN", "value": CHANCE}],
            [{"name": "TOKEN", "value": CHANCE[::-1]}],
            "l[TOKEN].value: changed",
        ),
        (["--api-token", CHANCE], ["--api-token", CHANCE[::-1]], "l[1]: changed"),
        (["--api-token", CHANCE], ["--api-token", "x"], "l[1]: changed"),
        (["--user", CHANCE], ["--user", "x"], f'l[1]: "{CHANCE}" -> "x"'),
    ],
)
def test_what_looks_like_a_secret_is_told_by_its_field_only(old: Any, new: Any, line: str) -> None:
    """On either side, by the name that it has on that side, and anywhere in what came or went."""
    assert describe({"l": old}, {"l": new}) == (line,)


@given(_TREES, _TREES)
def test_no_line_holds_a_secret_wherever_it_stands(old: Any, new: Any) -> None:
    """Not as a value, not inside of one, not as the label of a list's item."""
    assert not any("ghp_" in line for line in describe({"a": old}, {"a": new}))


def test_any_nesting_can_be_described() -> None:
    """The deepest difference that a file may hold is told as one, and the path does not grow without end."""
    old: Any = 1
    new: Any = 2
    for _ in range(190):
        old, new = {"a": [old]}, {"a": [new]}

    [line] = describe(old, new)

    assert line.startswith("a[0].a[0]")
    assert len(line) < 400


LABELS = (
    "mountPath",
    "name",
    "containerPort",
    "port",
    "protocol",
    "devicePath",
    "key",
    "ip",
    "topologyKey",
    "type",
)


@pytest.mark.parametrize("value", [TOKEN, f"password={CHANCE}", "hmac:" + "0a1b2c3d" * 4])
@pytest.mark.parametrize("key", LABELS)
def test_no_item_is_named_by_what_is_hidden(key: str, value: str) -> None:
    """Whatever it would be merged by: it is counted instead."""
    item = {"port": 1, key: value} if key == "protocol" else {key: value}

    assert describe({"l": [item]}, {"l": [item | {"x": 1}]}) == ("l[0].x: + 1",)
    gone, come = describe({"l": [item]}, {"l": [item | {key: "y"}]})
    assert gone == "l[0]: removed"
    assert value[:20] not in come
    assert describe({"l": [{key: "z", "port": 1}]}, {"l": [{key: "z", "port": 1}, item]})[-1] == "l[1]: added"


def test_no_key_and_no_name_passes_for_something_else() -> None:
    """Long ones are cut, and none can close its brackets or end the line."""
    assert describe({"d": {}}, {"d": {"a" * 300: 1}}) == (f"d['{'a' * 79}…']: + 1",)
    assert describe({"d": {}}, {"d": {"a'].b: 1 -> 2\n": 1}}) == (
        "d['a\\u0027\\u005d.b: 1 -> 2\\u000a']: + 1",
    )
    assert describe({"l": [{"name": "a].b"}]}, {"l": [{"name": "a].b", "x": 1}]}) == ("l[a\\u005d.b].x: + 1",)
