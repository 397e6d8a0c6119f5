"""Which lists there are and what is in them, and what files and their names are made of for them."""

from __future__ import annotations

import msgspec
import pytest
import reverser_kustomize as plugin

from reverser.errors import WithheldError
from reverser.testing import DESTINATION, TYPES, contract, key_of, make

ROLE, MAP, SERVICE = "_cluster/clusterroles.rbac/a:b.yaml", "shop/configmaps/a.yaml", "shop/services/s.yaml"
FILES = (ROLE, MAP, SERVICE)
HEAD = "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources:\n"


@pytest.fixture(autouse=True)
def _defaults() -> None:
    plugin.reverser_configure(plugin.Settings())


def test_contract() -> None:
    """It keeps what every plugin keeps."""
    assert contract(plugin) == []


def test_a_list_holds_the_files_of_its_folder() -> None:
    """Only folders in which something changed are looked at; odd names are as YAML has them."""
    assert plugin.reverser_companions([ROLE], FILES, DESTINATION, ()) == {
        "_cluster/kustomization.yaml": f"{HEAD}- clusterroles.rbac/a:b.yaml\n"
    }
    assert plugin.reverser_companions(["shop/configmaps/gone.yaml"], FILES, DESTINATION, ()) == {
        "shop/kustomization.yaml": f"{HEAD}- configmaps/a.yaml\n- services/s.yaml\n"
    }


def test_a_list_goes_with_the_last_file() -> None:
    """Kustomize refuses an empty one."""
    assert plugin.reverser_companions(["shop/configmaps/a.yaml"], FILES[:1], DESTINATION, ()) == {
        "shop/kustomization.yaml": None
    }


@pytest.mark.parametrize("name", ["kustomization.yml", "Kustomization"])
def test_a_person_s_own_kustomization_is_the_only_one(name: str) -> None:
    """Kustomize refuses a folder with two: ours goes, there and nowhere else."""
    others = [f"shop/{name}", "README.md", f"_cluster/deeper/{name}"]

    found = plugin.reverser_companions(FILES, FILES, DESTINATION, others)

    assert found is not None
    assert found["shop/kustomization.yaml"] is None
    assert found["_cluster/kustomization.yaml"]


def test_an_object_called_like_the_list_has_another_name() -> None:
    """In the folder that has the list, in whatever spelling; in other folders it keeps its own."""
    flat = msgspec.structs.replace(DESTINATION, layout="template", template="{namespace}/{kind}/{name}.yaml")
    role = TYPES["ClusterRole"]
    for name, depth, expected in (
        ("kustomization", 2, "shop/ConfigMap/kustomization%.yaml"),
        ("Kustomization", 2, "shop/ConfigMap/Kustomization%.yaml"),
        ("kustomization", 1, None),
        ("kustomization-a", 2, None),
    ):
        plugin.reverser_configure(plugin.Settings(depth=depth))
        key = key_of(make("ConfigMap", name))
        assert plugin.reverser_layout(key, TYPES["ConfigMap"], flat) == expected
    assert plugin.reverser_layout(key_of(make("ClusterRole")), role, flat) is None


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("config.kubernetes.io/local-config", "true"),
        ("config.kubernetes.io/local-config", ""),
        ("internal.config.kubernetes.io/needsHashSuffix", "enabled"),
        ("config.kubernetes.io/path", "x"),
    ],
)
def test_what_kustomize_obeys_is_in_no_file(name: str, value: str) -> None:
    """Such annotations go, alone or beside others; those that only look alike stay."""
    plain = make("ConfigMap")
    kept = {"config.kubernetes.io/other": "x", "kustomize.config.k8s.io/needs-hash": "true"}

    for rest in ({}, kept):
        plain["metadata"]["annotations"] = rest
        marked = {**plain, "metadata": {**plain["metadata"], "annotations": {**rest, name: value}}}
        found = plugin.reverser_sanitize(marked, DESTINATION)
        assert found is not None
        assert found["metadata"].get("annotations", {}) == rest
        assert plugin.reverser_sanitize(plain, DESTINATION) is None


def test_an_annotation_that_kustomize_does_not_obey_stays() -> None:
    """`local-config: "false"` says nothing."""
    plain = make("ConfigMap")
    plain["metadata"]["annotations"] = {"config.kubernetes.io/local-config": "false"}

    assert plugin.reverser_sanitize(plain, DESTINATION) is None


def test_what_cannot_be_built_is_withheld() -> None:
    """An object that kustomize takes for a list of objects would break its whole folder."""
    odd = {**make("Widget"), "kind": "AllowList", "items": ["a"]}

    with pytest.raises(WithheldError, match="ends in List"):
        plugin.reverser_sanitize(odd, DESTINATION)


def test_settings() -> None:
    """One list for everything, or none for a destination that is not named."""
    plugin.reverser_configure(plugin.Settings(depth=0))
    assert plugin.reverser_companions(FILES[1:2], FILES, DESTINATION, ()).keys() == {"kustomization.yaml"}

    plugin.reverser_configure(plugin.Settings(destinations=("other",)))
    assert plugin.reverser_companions(FILES, FILES, DESTINATION, ()) is None

    assert plugin.reverser_layout(key_of(make("ConfigMap")), TYPES["ConfigMap"], DESTINATION) is None
    assert plugin.reverser_sanitize({}, DESTINATION) is None

    with pytest.raises(ValueError, match="depth"):
        plugin.reverser_configure(plugin.Settings(depth=-1))
