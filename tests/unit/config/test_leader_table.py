"""The table `[leader]`, and what stands in for what it leaves out."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverser.config import parse
from reverser.config.leader_table import Leader, identity_of, namespace_of
from reverser.errors import ConfigError

REST = (
    '\n[[destinations]]\nname = "live"\nurl = "file:///live"\n[[rules]]\nname = "a"\ndestination = "live"\n'
)


def test_without_the_table_nobody_is_elected() -> None:
    """The presence of the table is the switch."""
    assert parse(REST, {}).leader is None
    assert parse(f"[leader]{REST}", {}).leader == Leader()


@pytest.mark.parametrize(
    ("text", "path", "told"),
    [
        ('name = "A b"', "leader.name", "not a name"),
        ('name = ""', "leader.name", "not a name"),
        ('namespace = "x/y"', "leader.namespace", "not the name of a namespace"),
        (f'identity = "{"x" * 201}"', "leader.identity", "at most 200"),
        ("lease_seconds = 0", "leader.lease_seconds", "from 1 to 3600"),
        ("renew_seconds = 15", "leader.renew_seconds", "less than lease_seconds (15)"),
        ("renew_seconds = nan", "leader.renew_seconds", "less than lease_seconds"),
        ("retry_seconds = 6", "leader.retry_seconds", "at most half of renew_seconds (10)"),
        ("retry_seconds = 0", "leader.retry_seconds", "more than 0"),
    ],
)
def test_every_problem_names_its_key(text: str, path: str, told: str) -> None:
    """A wrong value is refused with its key and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        parse(f"[leader]\n{text}\n{REST}", {})

    assert [(problem.path, told in str(problem)) for problem in caught.value.problems] == [(path, True)]


def test_the_pod_names_what_the_table_leaves_out(tmp_path: Path) -> None:
    """Namespace: the table, the environment, the service account; identity: the table, the pod, the host."""
    (tmp_path / "namespace").write_text("account\n")
    pod = {"POD_NAMESPACE": "pod-space", "POD_NAME": "pod-1"}

    assert namespace_of(Leader(namespace="table"), pod, tmp_path) == "table"
    assert namespace_of(Leader(), pod, tmp_path) == "pod-space"
    assert namespace_of(Leader(), {}, tmp_path) == "account"
    assert namespace_of(Leader(), {}, tmp_path / "none") == ""
    assert identity_of(Leader(identity="mine"), pod) == "mine"
    assert identity_of(Leader(), pod) == "pod-1"
    assert identity_of(Leader(), {}) != identity_of(Leader(), {})
