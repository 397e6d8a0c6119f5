"""What the plugin does, and that it keeps the contract."""

from __future__ import annotations

import reverser_template as plugin

from reverser.testing import contract, make


def test_contract() -> None:
    """Answers depend on the arguments alone, and the sanitizer only takes away."""
    assert contract(plugin, {"mask_annotations": ["example.com/*"]}) == []


def test_labelled_objects_are_left_out() -> None:
    """The label alone counts, not its value."""
    plugin.reverser_configure(plugin.Settings())

    assert plugin.reverser_select({"example.com/scratch": ""})
    assert plugin.reverser_select({"app": "web"}) is None


def test_annotations_are_masked() -> None:
    """Values go, names stay."""
    plugin.reverser_configure(plugin.Settings(mask_annotations=("example.com/n*",)))

    content = plugin.reverser_sanitize(make("ConfigMap"))

    assert content is not None
    assert content["metadata"]["annotations"] == {"example.com/note": "masked"}
