"""The tables `[resources]` and `[tenancy]`, which switch custom resources on."""

from __future__ import annotations

import pytest

from reverser.config import Resources, Tenancy, parse
from reverser.errors import ConfigError


def test_custom_resources_are_off_unless_the_table_is_there() -> None:
    """A file without `[resources]` needs destinations and rules, and is told of the other source."""
    with pytest.raises(ConfigError) as caught:
        parse("", {})

    problems = {problem.path: problem for problem in caught.value.problems}
    assert problems.keys() == {"destinations", "rules"}
    assert "or [resources], to read custom resources" in problems["rules"].hint


def test_with_the_table_a_file_needs_nothing_else() -> None:
    """`[resources]` alone is a whole configuration."""
    config = parse("[resources]", {})

    assert config.resources == Resources()
    assert config.tenancy == Tenancy()
    assert config.destinations == config.rules == ()


def test_every_key_is_read() -> None:
    """Both tables are taken as they are written."""
    config = parse(
        """
[resources]
cluster = "default"
namespaces = ["shop", "team-a"]
selector = "shard=a"
known_hosts = "reverser/known-hosts"
[tenancy]
allow_urls = ["https://git.example.com/*"]
service_account = "default"
""",
        {},
    )

    assert config.resources == Resources("default", ("shop", "team-a"), "shard=a", "reverser/known-hosts")
    assert config.tenancy == Tenancy(("https://git.example.com/*",), "default")


@pytest.mark.parametrize(
    ("text", "path", "told"),
    [
        ('[resources]\ncluster = "defalt"', "resources.cluster", "did you mean default?"),
        ('[resources]\nnamespaces = ["team-*"]', "resources.namespaces[0]", "not the name of a namespace"),
        ('[resources]\nselector = "a in b"', "resources.selector", "expected `(`"),
        ('[resources]\nknown_hosts = "hosts"', "resources.known_hosts", "NAMESPACE/NAME"),
        ('[resources]\nnamespace = "a"', "resources.namespace", "did you mean namespaces?"),
        ('[resources]\n[tenancy]\nallow_urls = [""]', "tenancy.allow_urls[0]", "can match no URL"),
        ('[resources]\n[tenancy]\nallow_urls = ["*"]', "tenancy.allow_urls[0]", "leave allow_urls out"),
        ('[resources]\n[tenancy]\nservice_account = "a/b"', "tenancy.service_account", "without a namespace"),
    ],
)
def test_every_problem_names_its_key(text: str, path: str, told: str) -> None:
    """A wrong value is refused with its key and what to write."""
    with pytest.raises(ConfigError) as caught:
        parse(text, {})

    problems = {problem.path: str(problem) for problem in caught.value.problems}
    assert told in problems[path]


def test_tenancy_without_custom_resources_is_a_mistake() -> None:
    """A table that does nothing is told of."""
    text = '[[destinations]]\nname = "a"\nurl = "file:///a"\n[[rules]]\nname = "b"\ndestination = "a"\n'
    with pytest.raises(ConfigError) as caught:
        parse(f'{text}[tenancy]\nservice_account = "default"', {})

    assert [problem.path for problem in caught.value.problems] == ["tenancy"]
