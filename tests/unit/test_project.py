"""The project's own files: documented keys, pinned requirements, one source of each truth."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from reverser import config
from reverser.config import Config, Plugins, Webhook
from reverser.config.problems import key_paths
from reverser.identity.author import Identities
from reverser.model.secret import SecretRef

ROOT = Path(__file__).parents[2]
EXAMPLE = (ROOT / "config.example.toml").read_text()
REFERENCE = (ROOT / "docs/configuration.md").read_text()
REQUIREMENTS = sorted((ROOT / "requirements").glob("*.txt"))


def structs(kind: type = Config) -> Iterator[type]:
    """Every table of the configuration file."""
    yield kind
    for field in msgspec.structs.fields(kind):
        for part in (field.type, *getattr(field.type, "__args__", ())):
            if isinstance(part, type) and issubclass(part, msgspec.Struct) and part is not SecretRef:
                yield from structs(part)


FIELDS = [
    (kind, field.name)
    for kind in structs()
    for field in msgspec.structs.fields(kind)
    if (kind, field.name) != (Plugins, "tables")  # stands for tables of any name
]


def tables() -> dict[str, Any]:
    """The example with everything in it that is only a comment."""
    return tomllib.loads(re.sub(r"^# (?=\[+[a-z.]+\]+$|[a-z_]+ = )", "", EXAMPLE, flags=re.MULTILINE))


def described(value: Any) -> Iterator[str]:
    """Every key of the example."""
    for each in value if isinstance(value, list) else [value]:
        if isinstance(each, dict):
            for key, inner in each.items():
                yield key
                yield from described(inner)


def test_the_example_is_a_configuration() -> None:
    """config.example.toml is loaded as it stands."""
    assert config.parse(EXAMPLE, {}).rules[0].destination == "live"


def test_what_the_example_leaves_out_shows_the_defaults() -> None:
    """The optional tables of the example, once they are taken in, say what they say without their keys."""
    optional = tables()

    assert optional["webhook"].pop("path_secret").keys() == {"file"}  # there is none by default
    assert msgspec.convert(optional["webhook"], Webhook) == Webhook()
    (rule,) = optional["identities"].pop("rules")
    assert msgspec.convert(optional["identities"], Identities) == Identities()
    assert {key for key in rule if key != "user"} == {"author", "group", "extra"}


def test_the_example_shows_the_defaults() -> None:
    """Leaving out every key of the example that has a default changes nothing."""
    shown = config.parse(EXAMPLE, {})
    loaded = msgspec.structs.replace(shown, sanitize=(), sensitive=())

    assert (loaded.data_dir, loaded.grace_seconds) == (Config().data_dir, Config().grace_seconds)
    assert (loaded.log, loaded.operations, loaded.clusters) == (
        Config().log,
        Config().operations,
        Config().clusters,
    )
    for shown_table in (loaded.destinations[0], loaded.rules[0]):
        required = {"name", "url", "destination", "credentials"}
        for field in msgspec.structs.fields(shown_table):
            if field.name not in required:
                assert getattr(shown_table, field.name) == field.default, field.name


@pytest.mark.parametrize(("kind", "key"), FIELDS, ids=lambda part: getattr(part, "__name__", part))
def test_every_key_is_documented(kind: type, key: str) -> None:
    """Each key stands in the example and in docs/configuration.md."""
    assert key in set(described(tables()))
    assert re.search(rf"`{key}`|\[{key}\]|\.{key}\]", REFERENCE)


@pytest.mark.parametrize(
    "kind", [kind for kind in structs() if kind is not Config], ids=lambda kind: kind.__name__
)
def test_every_field_says_what_it_is(kind: type) -> None:
    """Each field of a table has its docstring, in the code that defines it."""
    source = Path(str(__import__(kind.__module__, fromlist=["_"]).__file__)).read_text()
    for field in msgspec.structs.fields(kind):
        assert re.search(rf'^    {field.name}: .*\n    """', source, flags=re.MULTILINE), field.name


@pytest.mark.parametrize("path", REQUIREMENTS, ids=lambda path: path.name)
def test_requirements_are_pinned_with_hashes_and_name_no_address(path: Path) -> None:
    """Each requirement has one version and hashes; no line names an index or a folder of a machine."""
    text = path.read_text()

    assert not re.search(
        r"https?://|--(extra-)?index-url|--find-links|--trusted-host|^/|file:/", text, re.MULTILINE
    )
    pinned = re.compile(r"[a-z0-9._-]+==[\w.]+ \\\n( +--hash=sha256:[0-9a-f]{64}( \\)?\n)+")
    rest = pinned.sub("", text)
    assert pinned.search(text)
    assert [line for line in rest.splitlines() if line.strip() and not line.strip().startswith("#")] == []


def test_the_container_installs_what_was_tested() -> None:
    """Every requirement of the container is in the development requirements, in the same version."""
    pins = {
        path.name: set(re.findall(r"^[a-z0-9._-]+==\S+", path.read_text(), re.MULTILINE))
        for path in REQUIREMENTS
    }

    assert pins["run.txt"] <= pins["dev.txt"]
    assert pins["build.txt"] <= pins["dev.txt"]


def test_every_dependency_is_used() -> None:
    """pyproject.toml names no dependency that no module imports, but for those decision 0002 explains."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    names = {re.split(r"[<>=\[]", line)[0] for line in project["dependencies"]}
    modules = {"opentelemetry-sdk": "opentelemetry.sdk", "PyYAML": "yaml", "google-re2": "re2"}
    modules["opentelemetry-exporter-prometheus"] = "opentelemetry.exporter.prometheus"
    code = "\n".join(path.read_text() for path in (ROOT / "reverser").rglob("*.py"))

    imported = {
        name
        for name in names
        if re.search(rf"^\s*(import|from) {modules.get(name, name.replace('-', '_'))}\b", code, re.MULTILINE)
    }

    assert names - imported == {"anyio", "ruamel.yaml"}


def test_tables_of_one_name_are_told_by_number() -> None:
    """A key path leads to one table: by its name where that is enough, else by its place."""
    assert key_paths(["a", "b", "b", "", None], "rules") == [
        "rules.a",
        "rules[1]",
        "rules[2]",
        "rules[3]",
        "rules[4]",
    ]


def test_no_test_module_imports_another() -> None:
    """What tests share stands in modules of its own, so that a test module can be changed or go by itself."""
    files = [*(ROOT / "tests").rglob("*.py"), *(ROOT / "plugins").rglob("tests/*.py")]
    imports = {
        str(path.relative_to(ROOT)): re.findall(
            r"^\s*(?:from|import) (?:[\w.]*\.)?test_\w+.*", path.read_text(), re.MULTILINE
        )
        for path in files
    }

    assert {path: lines for path, lines in imports.items() if lines} == {}
