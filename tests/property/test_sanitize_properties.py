"""Laws of the sanitizer, tried on the golden objects with something wrong in a random place."""

from __future__ import annotations

import copy
import json
from base64 import b64encode
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.intake.hpa_targets import scale_target
from reverser.sanitize.document import Document, Policy, sanitize, significant
from reverser.sanitize.generated_objects import exclusion
from reverser.sanitize.managed_fields import changed_at, manager
from reverser.sanitize.metadata import ANNOTATIONS, LABELS, SERVER_FIELDS
from reverser.sanitize.object_copies import LAST_APPLIED
from tests.golden.corpus import KEY, NAMES, Style, key_of, resource_of, source
from tests.property.json_paths import places, put

CANARY = "canary-7f3e"
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
NAME = st.sampled_from(NAMES)
STYLE: st.SearchStrategy[Style] = st.sampled_from(("full", "minimal"))
TRIES = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def made(obj: dict[str, Any], name: str, style: Style) -> Document:
    original = source(name)
    policy = Policy(style=style, secrets="mask", mask_key=KEY)
    return sanitize(obj, key_of(original), resource_of(original), policy)


def ownerless(content: dict[str, Any]) -> dict[str, Any]:
    """The same without `clusterIPs: [None]`, kept only while somebody owns it; a document tells no owners."""
    spec = content.get("spec")
    if isinstance(spec, dict) and spec.get("clusterIPs") == ["None"]:
        return {**content, "spec": {key: item for key, item in spec.items() if key != "clusterIPs"}}
    return content


@TRIES
@given(data=st.data(), name=NAME, style=STYLE, value=JSON)
def test_an_object_of_any_shape_is_sanitized_or_withheld(
    data: st.DataObject, name: str, style: Style, value: Any
) -> None:
    """Whatever stands in whatever place: a document that sanitizes to itself, or WithheldError."""
    obj = copy.deepcopy(source(name))
    put(obj, data.draw(st.sampled_from(list(places(obj)))), value)
    before = copy.deepcopy(obj)

    key, document = None, None
    try:
        document = made(obj, name, style)
    except WithheldError as error:
        key = error.key

    if document is None:
        assert key == key_of(source(name))
    else:
        assert made(document.content, name, style).content == ownerless(document.content)
        significant(document)
    assert obj == before


@TRIES
@given(data=st.data(), name=NAME, value=JSON)
def test_what_is_asked_before_sanitizing_always_has_an_answer(
    data: st.DataObject, name: str, value: Any
) -> None:
    """Exclusion, scale target, manager and time never raise, whatever the object holds."""
    obj = copy.deepcopy(source(name))
    put(obj, data.draw(st.sampled_from(list(places(obj)))), value)

    assert isinstance(exclusion(obj, resource_of(source(name))), str)
    assert isinstance(manager(obj), str)
    scale_target(obj)
    changed_at(obj)


@TRIES
@given(data=st.data(), name=NAME, style=STYLE)
def test_a_canary_in_a_place_that_is_stripped_never_survives(
    data: st.DataObject, name: str, style: Style
) -> None:
    """What stands in the server's fields, bookkeeping or status is nowhere in the document."""
    obj = copy.deepcopy(source(name))
    metadata = obj["metadata"]
    plant = data.draw(st.sampled_from(["field", "annotation", "label", "managed", "status"]))
    if plant == "field":
        metadata[data.draw(st.sampled_from(SERVER_FIELDS))] = CANARY
    elif plant == "annotation":
        pattern = data.draw(st.sampled_from(ANNOTATIONS))
        metadata.setdefault("annotations", {})[pattern.replace("*", "-x")] = CANARY
    elif plant == "label":
        pattern = data.draw(st.sampled_from(LABELS))
        metadata.setdefault("labels", {})[pattern.replace("*", "x")] = CANARY
    elif plant == "managed":
        metadata["managedFields"] = [
            {"manager": CANARY, "apiVersion": obj["apiVersion"], "fieldsV1": {CANARY: {}}}
        ]
    else:
        obj["status"] = {"seen": [CANARY]}

    assert CANARY not in json.dumps(made(obj, name, style).content)


@TRIES
@given(data=st.data(), name=NAME, style=STYLE)
def test_a_last_applied_annotation_survives_nowhere(data: st.DataObject, name: str, style: Style) -> None:
    """Put into any map of any object, the copy of the whole object goes."""
    obj = copy.deepcopy(source(name))
    ways = [way for way in places(obj) if "versions" not in way and isinstance(at(obj, way), dict)]
    way = data.draw(st.sampled_from([(), *ways]))
    at(obj, way)[LAST_APPLIED] = CANARY

    try:
        told = json.dumps(made(obj, name, style).content)
    except WithheldError as error:
        told = str(error)

    assert CANARY not in told


SECRETS = [name for name in NAMES if name.startswith("secret#")]
VALUES = st.dictionaries(st.text(max_size=9), st.binary(min_size=3, max_size=40), min_size=1, max_size=3)


@TRIES
@given(name=st.sampled_from(SECRETS), style=STYLE, values=VALUES, field=st.text(min_size=1, max_size=9))
def test_no_value_of_a_secret_survives(name: str, style: Style, values: dict[str, bytes], field: str) -> None:
    """Keys stay, values do not, in whatever field they stand."""
    encoded = {key: b64encode(CANARY.encode() + value).decode() for key, value in values.items()}
    obj = {**source(name), field: {"x": CANARY}, "data": encoded, "stringData": {"clear": CANARY}}
    if field in ("apiVersion", "kind", "metadata", "type", "immutable"):
        return

    document = made(obj, name, style)

    told = json.dumps({**document.content, "data": list(document.content["data"].values())})
    assert CANARY not in told
    assert not any(value in told for value in encoded.values())
    assert document.content["data"].keys() == {*encoded, "clear"}


def at(value: Any, way: tuple[Any, ...]) -> Any:
    """What stands at the end of the way."""
    for key in way:
        value = value[key]
    return value
