"""What is generated in the Helm chart is up to date. `make check` runs this."""

from __future__ import annotations

import yaml

from reverser import __version__
from tests.tools.chart import CHART, files


def test_the_files_are_what_config_and_the_structs_say() -> None:
    """Nobody edits copies, schema or table by hand: they are what `make chart` writes."""
    for path, content in files().items():
        assert path.read_text() == content, f"{path}: run make chart"


def test_the_chart_has_the_version_of_the_program() -> None:
    """A chart installs the image of its own release."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert (chart["version"], chart["appVersion"]) == (__version__, __version__)
