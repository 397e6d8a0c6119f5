"""Random clusters laid out in every way: paths are safe, lead back to one object, and live together."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.layout.layouts import compile_layout, path_by_setting, template_problems
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType

LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,5}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["v1", "a", "shop", "yaml"]
)
LONG = st.text("ab", min_size=240, max_size=253)
SUBDOMAIN = st.lists(LABEL, min_size=1, max_size=3).map(".".join) | LONG
FREE = st.text(
    st.sampled_from("ab.:-_ ~gitGIT1\\\u200c\u202e😀ä\n\0") | st.characters(exclude_characters="/%"),
    min_size=1,
    max_size=12,
).filter(lambda name: name not in (".", ".."))
NAME = SUBDOMAIN | FREE | LONG.map(lambda text: text + "ä" * 10)


def _type(group: str, version: str, plural: str, *, namespaced: bool) -> ResourceType:
    return ResourceType(group, version, plural, plural.replace("-", "").title(), namespaced)


TYPE = st.builds(
    _type,
    st.just("") | st.just("apps") | st.lists(LABEL, min_size=2, max_size=3).map(".".join),
    st.just("v1"),
    st.sampled_from(["pods", "roles", "secrets", "v1", "shop"]),
    namespaced=st.booleans(),
)
FORMS = [
    Destination("d", "u"),
    Destination("d", "u", path="clusters/a"),
    Destination("d", "u", layout="rest"),
    Destination("d", "u", layout="template", template="{name}/{namespace}.{kind}.{group}.yaml"),
    Destination("d", "u", layout="template", template="{namespace}/{group}/{resource}/{name}.yml"),
    Destination(
        "d", "u", path="x", layout="template", template="{cluster}_{namespace}/{kind}.{group}/{name}.yaml"
    ),
]


@st.composite
def objects(draw: st.DrawFn) -> list[tuple[ObjectKey, ResourceType]]:
    """Objects as one API server could hold them: a type is one thing, and scoped in one way."""
    types = {(type_.group, type_.resource): type_ for type_ in draw(st.lists(TYPE, min_size=1, max_size=4))}
    found: dict[ObjectKey, ResourceType] = {}
    for type_ in types.values():
        for name in draw(st.lists(NAME, max_size=4)):
            namespace = draw(LABEL) if type_.namespaced else ""
            found[ObjectKey("default", type_.group, type_.resource, namespace, name)] = type_
    return list(found.items())


@pytest.mark.parametrize("destination", FORMS, ids=lambda form: f"{form.layout}-{form.path}-{form.template}")
def test_paths_are_safe_and_live_together(destination: Destination) -> None:
    """No two objects share a path, no file stands where another needs a folder, all are below the root."""
    layout = compile_layout(destination, path_by_setting)

    @settings(max_examples=100, deadline=None)
    @given(objects())
    def check(cluster: list[tuple[ObjectKey, ResourceType]]) -> None:
        found: list[str] = []
        for key, resource in cluster:
            try:
                path = layout(key, resource)
            except WithheldError:
                assert not _plain(key.name)
                continue
            paths.check(path, destination.path)
            assert layout(key, resource) == path
            found.append(path)
        assert len(set(found)) == len(found)
        folded = sorted(f"{path}/" for path in found)
        assert not [one for one, two in pairwise(folded) if two.startswith(one)]

    check()


def _plain(name: str) -> bool:
    """Whether a name is what nearly every object's name is: nothing is then a reason to withhold it."""
    return all(char.isascii() and (char.islower() or char.isdigit() or char in "-.:") for char in name) and (
        name.strip(".") not in ("git", "") and not name.startswith(".git")
    )


FIELD = st.sampled_from(
    ["{cluster}", "{group}", "{version}", "{resource}", "{kind}", "{namespace}", "{name}"]
)
TEMPLATE = st.lists(
    FIELD | st.sampled_from(["/", "-", ".", "_", "a", "..", ".git", "{{", "~1"]), max_size=14
).map(lambda parts: "".join(parts) + ".yaml")


@settings(max_examples=500, deadline=None)
@given(TEMPLATE, objects())
def test_a_template_without_problems_tells_all_objects_apart(
    template: str, cluster: list[tuple[ObjectKey, ResourceType]]
) -> None:
    """Whatever template is accepted at start, each object that is written has a path of its own."""
    if template_problems(template):
        with pytest.raises(ValueError):
            compile_layout(Destination("d", "u", layout="template", template=template), path_by_setting)
        return
    layout = compile_layout(Destination("d", "u", layout="template", template=template), path_by_setting)
    owners: dict[str, ObjectKey] = {}
    for key, resource in cluster:
        try:
            path = layout(key, resource)
        except WithheldError:
            continue
        assert owners.setdefault(path, key) == key
