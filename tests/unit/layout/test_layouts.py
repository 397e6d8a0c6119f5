"""Where files stand: three layouts, one object one path, and no path that could do harm."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.layout import paths
from reverser.layout.layouts import compile_layout, path_by_setting, separates_clusters, template_problems
from reverser.model.destination import Destination
from reverser.model.resource import ObjectKey, ResourceType

DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True)
PODS = ResourceType("", "v1", "pods", "Pod", True)
ROLES = ResourceType("rbac.authorization.k8s.io", "v1", "clusterroles", "ClusterRole", False)
NAMESPACES = ResourceType("", "v1", "namespaces", "Namespace", False)
TEMPLATE = "{cluster}/{namespace}/{kind}.{group}/{version}-{name}.yaml"


def path(resource: ResourceType, namespace: str, name: str, **destination: Any) -> str:
    layout = compile_layout(Destination("live", "file:///x", **destination), path_by_setting)
    return layout(ObjectKey("default", resource.group, resource.resource, namespace, name), resource)


@pytest.mark.parametrize(
    ("resource", "namespace", "default", "rest", "template"),
    [
        (
            DEPLOYMENTS,
            "shop",
            "shop/deployments.apps/x.yaml",
            "apps/v1/deployments/shop/x.yaml",
            "default/shop/Deployment.apps/v1-x.yaml",
        ),
        (PODS, "shop", "shop/pods/x.yaml", "v1/pods/shop/x.yaml", "default/shop/Pod._core/v1-x.yaml"),
        (
            ROLES,
            "",
            "_cluster/clusterroles.rbac.authorization.k8s.io/x.yaml",
            "rbac.authorization.k8s.io/v1/clusterroles/x.yaml",
            "default/_cluster/ClusterRole.rbac.authorization.k8s.io/v1-x.yaml",
        ),
        (
            NAMESPACES,
            "",
            "_cluster/namespaces/x.yaml",
            "v1/namespaces/x.yaml",
            "default/_cluster/Namespace._core/v1-x.yaml",
        ),
    ],
)
def test_each_layout_has_its_form(
    resource: ResourceType, namespace: str, default: str, rest: str, template: str
) -> None:
    """The three layouts, with and without group, with and without namespace, and below a root."""
    assert path(resource, namespace, "x") == default
    assert path(resource, namespace, "x", layout="rest") == rest
    assert path(resource, namespace, "x", layout="template", template=TEMPLATE) == template
    assert path(resource, namespace, "x", path="/clusters/a/") == f"clusters/a/{default}"


LABEL = st.from_regex(r"[a-z]([a-z0-9-]{0,6}[a-z0-9])?", fullmatch=True) | st.sampled_from(
    ["v1", "pods", "apps"]
)
GROUP = st.just("") | LABEL | st.builds("{}.{}".format, LABEL, LABEL)
NAME = st.sampled_from(
    ["a", "a.yaml", "a:b", "A", "a" * 250, "a" * 251, "a" * 253, "ä" * 126 + "b", "_cluster", "v1"]
) | (
    st.text(st.characters(exclude_characters="/%", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=260)
)
OBJECT = st.builds(
    lambda group, version, resource, kind, namespace, name: (
        ObjectKey("default", group, resource, namespace, name),
        # One kind a plural and one version a type is what discovery gives; `v1` is the core group's only one.
        ResourceType(
            group, version if group else "v1", resource, resource.replace("-", "X").title(), bool(namespace)
        ),
    ),
    GROUP,
    st.just("v1"),
    LABEL,
    LABEL,
    st.just("") | LABEL,
    NAME,
)


@pytest.mark.parametrize(
    "destination",
    [
        Destination("d", "u", path="root"),
        Destination("d", "u", layout="rest"),
        Destination("d", "u", layout="template", template="{namespace}_{resource}.{group}/{name}.yaml"),
        Destination("d", "u", layout="template", template="{group}/{name}.{namespace}_{kind}.yml"),
    ],
)
def test_two_objects_never_share_a_path(destination: Destination) -> None:
    """Whatever objects are called, equal paths mean equal objects; every segment fits a file system."""
    layout = compile_layout(destination, path_by_setting)

    @settings(max_examples=150, deadline=None)
    @given(st.lists(OBJECT, min_size=2, max_size=8))
    def check(objects: list[tuple[ObjectKey, ResourceType]]) -> None:
        owners: dict[str, ObjectKey] = {}
        for key, resource in objects:
            try:
                where = layout(key, resource)
            except WithheldError:
                continue
            assert owners.setdefault(where, key) == key
            assert all(len(segment.encode()) <= 255 for segment in where.split("/"))

    check()


def test_rest_keeps_a_group_called_like_a_version_apart() -> None:
    """An aggregated group named `v1` does not read as the core group."""
    odd = ResourceType("v1", "pods", "shop", "Shop", False)

    assert path(odd, "", "x", layout="rest") != path(PODS, "shop", "x", layout="rest")


def test_overlong_names_are_shortened_without_collision() -> None:
    """Names of 253 bytes that differ in the last one keep files of their own, ending in .yaml."""
    names = ["a" * 252 + "b", "a" * 252 + "c", "ä" * 126 + "b", "ä" * 126 + "c"]

    found = [path(PODS, "shop", name).rpartition("/")[2] for name in names]

    assert len(set(found)) == len(names)
    assert all(
        len(segment.encode()) <= 255 and segment.endswith(".yaml") and "%" in segment for segment in found
    )
    assert path(PODS, "shop", "a" * 250).endswith(f"/{'a' * 250}.yaml")


@pytest.mark.parametrize(
    "bad",
    [
        "", "/a", "a/", "a//b", ".", "..", "a/../b", "./a", "a/./b", ".git/x", ".GIT/x", "a/.git", ".git /x",
        ".git./x", "git~1/x", "GIT~1/x", ".git::$INDEX_ALLOCATION/x", ".g\u200cit/x", "\ufeff.git/x",
        "a\\.git/x", "a\\git~1", "a\nb", "a\0b", "a\x7f", "a\u0085b", "a/\ud800", "a" * 256, "ä" * 128,
    ],
)  # fmt: skip
def test_unsafe_paths_are_withheld(bad: str) -> None:
    """Whatever could leave the root, hurt a clone or fit no file system withholds the object."""
    with pytest.raises(WithheldError) as caught:
        paths.check(bad)

    assert caught.value.reason == "UnsafePath"
    assert caught.value.message.isascii()


@pytest.mark.parametrize(
    "good",
    [
        "a",
        "a/b.yaml",
        ".github/x",
        "a/.gitx",
        "system:node.yaml",
        "git~10/a",
        "a b",
        "ä/😀",
        "a" * 255,
        ".git.yaml",
    ],
)
def test_ordinary_paths_pass(good: str) -> None:
    """Odd but harmless paths are written."""
    paths.check(good)


def test_a_path_stays_inside_its_root() -> None:
    """A path beside the root is refused, also when it begins with the same letters."""
    paths.check("root/a.yaml", "root")
    for outside in ("rootless/a.yaml", "a.yaml", "root", "root/../a.yaml"):
        with pytest.raises(WithheldError):
            paths.check(outside, "root")


@pytest.mark.parametrize("layout", ["default", "rest"])
def test_hostile_names_never_leave_their_folder(layout: str) -> None:
    """An object called `..` or `.git` has an ordinary file, one with a newline has none."""
    for name in ("..", ".git", "git~1"):
        assert path(PODS, "shop", name, layout=layout) in (
            f"shop/pods/{name}.yaml",
            f"v1/pods/shop/{name}.yaml",
        )
    with pytest.raises(WithheldError) as caught:
        path(PODS, "shop", "a\nb", layout=layout)
    assert caught.value.reason == "UnsafePath"


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ("{namespace}/{kind}/{name}.yaml", "{group} is missing"),
        ("{namespace}/{group}/{name}.yaml", "{resource} is missing"),
        ("{kind}.{group}/{name}.yaml", "{namespace} is missing"),
        ("{namespace}/{kind}.{group}/x.yaml", "{name} is missing"),
        ("", "missing"),
        ("{nmespace}/{kind}.{group}/{name}.yaml", "unknown field {nmespace}"),
        ("{namespace}/{kind}.{group}/{name.x}.yaml", "unknown field {name.x}"),
        ("{namespace}/{kind}.{group}/{}.yaml", "unknown field {}"),
        ("{namespace}/{kind}.{group}/{name!r}.yaml", "alone"),
        ("{namespace}/{kind}.{group}/{name:>9}.yaml", "alone"),
        ("{namespace/{kind}.{group}/{name}.yaml", "not a template"),
        ("{namespace}/{kind}.{group}/{name}", "must end in"),
        ("/{namespace}/{kind}.{group}/{name}.yaml", "plain relative path"),
        ("../{namespace}/{kind}.{group}/{name}.yaml", "plain relative path"),
        (".git/{namespace}/{kind}.{group}/{name}.yaml", "git keeps"),
        ("{namespace}%/{kind}.{group}/{name}.yaml", "%"),
        ("{kind}.{group}/{namespace}-{name}.yaml", "where one field ends"),
        ("{kind}.{group}/{namespace}{name}.yaml", "where one field ends"),
        ("{group}.{name}/{namespace}/{kind}.yaml", "where one field ends"),
    ],
)
def test_templates_that_could_mix_up_objects_are_refused(text: str, word: str) -> None:
    """A template with an unknown field, a missing identity, an unsafe or an ambiguous path is a problem."""
    problems = template_problems(text)

    assert any(word in problem for problem in problems), problems
    with pytest.raises(ValueError):
        compile_layout(Destination("d", "u", layout="template", template=text), path_by_setting)


@pytest.mark.parametrize(
    "text",
    [
        TEMPLATE,
        "{group}/{version}/{resource}/{namespace}/{name}.yaml",
        "x/{namespace}.{name}/{resource}.{group}.yaml",
        "{{x}}/{group}/{kind}_{namespace}_{name}.yml",
    ],
)
def test_good_templates_have_no_problems(text: str) -> None:
    """A template that tells all objects apart is accepted."""
    assert template_problems(text) == []


def test_only_a_template_with_cluster_separates_clusters() -> None:
    """Two clusters may share a destination only where the cluster is part of the path."""
    assert separates_clusters(TEMPLATE)
    assert not separates_clusters("{namespace}/{kind}.{group}/{name}.yaml")
    assert not separates_clusters("{cluster")
