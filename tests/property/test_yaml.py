"""Every YAML reader gets back what was rendered: PyYAML (1.1), ruamel (1.2) and kubectl's own."""

from __future__ import annotations

import io
import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hostile import HOSTILE
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from ruamel.yaml import YAML

from reverser.errors import WithheldError
from reverser.manifest import canonical
from reverser.manifest.editor import parse
from reverser.manifest.emitter import MOST_COLUMNS, render
from reverser.manifest.nodes import compose

STRINGS = st.one_of(
    st.sampled_from(HOSTILE),
    st.text(max_size=12),
    st.text(alphabet=" \t\n\r#:-?|>'\"\\{}[],&*!%@`~=<.0123456789eExo_ayn\x85\u2028\ufeff", max_size=10),
)
SCALARS = st.one_of(
    STRINGS, st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(STRINGS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = st.dictionaries(STRINGS | st.sampled_from(["apiVersion", "kind", "metadata"]), VALUES, max_size=4)
QUICKLY = settings(
    max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


def pyyaml(data: bytes) -> Any:
    return yaml.safe_load(data)


def ruamel_safe(data: bytes) -> Any:
    return YAML(typ="safe").load(io.BytesIO(data))


def ruamel_pure(data: bytes) -> Any:
    return YAML(typ="safe", pure=True).load(io.BytesIO(data))


def nodes(data: bytes) -> Any:
    """Our reader of files of people."""
    node = compose(data.decode())
    return None if node is None else node.data


READERS = [pyyaml, ruamel_safe, ruamel_pure, parse, nodes]


def same(left: Any, right: Any) -> bool:
    """Equal in the JSON sense, where 1, 1.0 and true are three values."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@pytest.mark.parametrize("reader", READERS)
def test_reading_gives_back_what_was_rendered(reader: Any) -> None:
    """Parsing what was rendered gives the same value of the same types, whatever the document."""

    @QUICKLY
    @given(DOCUMENTS)
    @example({"": {"": ""}, "\0" * 300: [["\n\n"], {"k" * 1200: {"k" * 1200: ["a"]}}, [[{"k" * 1200: 1}]]]})
    @example({"k" * 1200: "a\nb\n", "a": [" x\n", ["\n x"], {"b": ["\tx\n\n"]}]})
    def check(document: dict[str, Any]) -> None:
        assert same(reader(render(document)), document)

    check()


@given(DOCUMENTS, st.data())
@QUICKLY
def test_what_is_believed_to_be_our_own_file_is_read_as_others_read_it(
    document: dict[str, Any], data: st.DataObject
) -> None:
    """Also when a person has changed a character: it is read alike, or not taken for ours."""
    text = render(document).decode()
    at = data.draw(st.integers(0, len(text)))
    cut = data.draw(st.integers(0, 2))
    put = data.draw(st.text(alphabet=" -:\n\"'|#{}[]a1.\\", max_size=2))
    changed = (text[:at] + put + text[at + cut :]).encode()
    for file in (text.encode(), changed):
        own = canonical.read(file)
        assert own is None or same(own, nodes(file))


def test_a_file_of_ours_is_read_as_such() -> None:
    """All forms that the emitter has, but for floats."""
    document = {
        "apiVersion": "v1",
        "data": {"a": "x\ny", "b": "x\n", "c": "\n x\n\n", "d: e": "-", "f": "", 'q"\\': "a: b"},
        "lists": [[["a"], {}], {"k": [], "l": [1, -2, True, None]}, "t\nu", '"', {"x: y": {"z": 1}}],
    }

    assert canonical.read(render(document)) == document


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_strings_stay_strings_everywhere(reader: Any, text: str) -> None:
    """A string that looks like something else is read as that string: as value, key, item and name."""
    document = {
        "metadata": {"name": text, "labels": {text: text}},
        "items": [text, [text, [text]], {text: text, "z": {"y": [text]}}],
        text: text,
    }

    assert same(reader(render(document)), document)


@pytest.mark.parametrize(
    "number", [0.0, -0.0, 1.0, 1e16, 1e-7, 1.5e300, 5e-324, -2.5, 1e22, 2**53, 2**64, -(2**63)]
)
@pytest.mark.parametrize("reader", READERS)
def test_numbers_keep_value_and_type(reader: Any, number: float) -> None:
    """Numbers are read as the same number of the same type."""
    assert same(reader(render({"n": number})), {"n": number})


@QUICKLY
@given(DOCUMENTS)
def test_equal_documents_render_to_equal_bytes(document: dict[str, Any]) -> None:
    """The order in which fields arrive does not show in the file."""
    turned = dict(reversed(document.items()))

    assert render(turned) == render(document)


@QUICKLY
@given(DOCUMENTS)
def test_files_are_text_without_surprises(document: dict[str, Any]) -> None:
    """A file is UTF-8, ends in one newline, and holds no invisible control characters."""
    text = render(document).decode()

    assert text.endswith("\n")
    assert not {*text} & {*"\0\r\x7f\x85\u2028\u2029\ufeff\u202e"}


def test_half_a_surrogate_pair_is_withheld() -> None:
    """Text that no UTF-8 can hold withholds the object instead of crashing or being replaced."""
    for document in ({"a": "\ud800"}, {"\udfff": 1}, {"a": ["x\n\ud83d"]}):
        with pytest.raises(WithheldError) as caught:
            render(document)
        assert caught.value.reason == "InvalidText"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), b"x", (1,), object()])
def test_what_is_not_json_is_withheld(value: object) -> None:
    """A value outside the JSON data model withholds the object."""
    with pytest.raises(WithheldError) as caught:
        render({"a": value})
    assert caught.value.reason == "UnsupportedValue"


@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_deep_nesting_is_read_or_withheld(wrap: Any) -> None:
    """Nesting that is rendered can be read; deeper nesting withholds the object."""
    deep: Any = 1
    for _ in range(MOST_COLUMNS // 2 - 2):
        deep = wrap(deep)
    too_deep = deep
    for _ in range(10_000):
        too_deep = wrap(too_deep)

    assert yaml.load(render({"a": deep}), Loader=yaml.CSafeLoader) == {"a": deep}
    with pytest.raises(WithheldError):
        render({"a": too_deep})


def test_a_file_reads_as_people_write_it() -> None:
    """Identity first, other keys sorted, lists at their parent's indentation, quotes only where needed."""
    document = {
        "spec": {
            "template": {
                "spec": {"containers": [{"name": "web", "image": "nginx:1.27", "args": ["--v=2", "yes"]}]}
            },
            "replicas": 2,
            "strategy": {"rollingUpdate": {"maxSurge": "25%"}},
            "empty": {},
            "none": [],
        },
        "data": {"run.sh": "#!/bin/sh\necho hi\n", "memory": "128Mi", "port": "8080"},
        "kind": "Deployment",
        "metadata": {"labels": {"app": "web"}, "namespace": "shop", "name": "web", "annotations": {"a": ""}},
        "apiVersion": "apps/v1",
    }

    assert render(document).decode() == (
        "apiVersion: apps/v1\n"
        "kind: Deployment\n"
        "metadata:\n"
        "  name: web\n"
        "  namespace: shop\n"
        "  annotations:\n"
        '    a: ""\n'
        "  labels:\n"
        "    app: web\n"
        "data:\n"
        "  memory: 128Mi\n"
        '  port: "8080"\n'
        "  run.sh: |\n"
        "    #!/bin/sh\n"
        "    echo hi\n"
        "spec:\n"
        "  empty: {}\n"
        "  none: []\n"
        "  replicas: 2\n"
        "  strategy:\n"
        "    rollingUpdate:\n"
        "      maxSurge: 25%\n"
        "  template:\n"
        "    spec:\n"
        "      containers:\n"
        "      - args:\n"
        "        - --v=2\n"
        '        - "yes"\n'
        "        image: nginx:1.27\n"
        "        name: web\n"
    )


def test_kubectl_reads_what_was_rendered(tmp_path: Path) -> None:
    """kubectl's own reader gives back every hostile string, as a value and as a key."""
    assets = os.environ.get("KUBEBUILDER_ASSETS") or Path(__file__).parents[1] / "servers" / "bin"
    kubectl = Path(assets) / "kubectl"
    if not kubectl.exists():
        pytest.skip("kubectl is missing: make test-servers")
    data = {f"v{index}": text for index, text in enumerate(HOSTILE)} | dict.fromkeys(HOSTILE, "key")
    document = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": data}
    file = tmp_path / "x.yaml"
    file.write_bytes(render(document))

    done = subprocess.run(
        [kubectl, "label", "--local", "-f", file, "a=b", "-o", "json"],
        capture_output=True,
        check=True,
        timeout=60,
    )

    assert json.loads(done.stdout)["data"] == data
