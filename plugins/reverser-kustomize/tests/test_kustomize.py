"""Which lists there are, and what is in them."""

from __future__ import annotations

import pytest
import reverser_kustomize as plugin

from reverser.testing import DESTINATION, contract

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
    """Only folders in which something changed are looked at; odd names are quoted."""
    assert plugin.reverser_companions([ROLE], FILES, DESTINATION) == {
        "_cluster/kustomization.yaml": f'{HEAD}- "clusterroles.rbac/a:b.yaml"\n'
    }
    assert plugin.reverser_companions(["shop/configmaps/gone.yaml"], FILES, DESTINATION) == {
        "shop/kustomization.yaml": f"{HEAD}- configmaps/a.yaml\n- services/s.yaml\n"
    }


def test_a_list_goes_with_the_last_file() -> None:
    """Kustomize refuses an empty one."""
    assert plugin.reverser_companions(["shop/configmaps/a.yaml"], FILES[:1], DESTINATION) == {
        "shop/kustomization.yaml": None
    }


def test_settings() -> None:
    """One list for everything, or none for a destination that is not named."""
    plugin.reverser_configure(plugin.Settings(depth=0))
    assert plugin.reverser_companions(FILES[1:2], FILES, DESTINATION).keys() == {"kustomization.yaml"}

    plugin.reverser_configure(plugin.Settings(destinations=("other",)))
    assert plugin.reverser_companions(FILES, FILES, DESTINATION) is None

    with pytest.raises(ValueError, match="depth"):
        plugin.reverser_configure(plugin.Settings(depth=-1))
