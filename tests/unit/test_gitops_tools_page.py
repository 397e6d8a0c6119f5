"""What docs/gitops-tools.md shows of the TOML file is a configuration."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from reverser import config

PAGE = (Path(__file__).parents[2] / "docs/gitops-tools.md").read_text()
REST = """
[webhook]
[[destinations]]
name = "live"
url = "https://git.example.com/team/live.git"
"""


@pytest.mark.parametrize("block", re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL))
def test_the_rule_is_taken(block: str) -> None:
    """With a webhook and a destination, each block is loaded as it stands."""
    (rule,) = config.parse(REST + block, {}).rules

    assert rule.exclude_users
    assert rule.exclude_managers
