"""What kubectl reads from a file that was edited is what the object is to be."""

from __future__ import annotations

import random
import subprocess
from pathlib import Path
from typing import Any

import pytest

from reverser.errors import WithheldError
from reverser.manifest import scanner
from reverser.manifest.byte_edits import patched
from reverser.manifest.diff import same
from reverser.manifest.nodes import compose
from reverser.manifest.object_index import ObjectIndex
from reverser.manifest.scalars import sent
from tests.e2e.kubectl import plain, read
from tests.e2e.servers import ASSETS
from tests.golden.people import FILES, edits, target

pytestmark = pytest.mark.skipif(not (ASSETS / "kubectl").exists(), reason="make test-servers builds kubectl")

PIECES = (
    "yY nN on off yes no ~ null Null true .inf .5 5. 0 -0 -0.0 00 08 0644 0o17 0x1F 0b11 -0b1 +5 1_000 1e3 "
)
PIECES += (
    "1E-3 1e400 12:30 2024-01-01 9223372036854775808 18446744073709551616 0x8000000000000000 1.0 -1.50 .e3 "
)
PIECES += "0x 0b 1__0 +.5 1e 0.1e+2 NaN nan Infinity y: 'y' \"08\" !!str&5 =  <<x - -- --- ... 1.2.3 v1.2"


def test_kubectl_reads_what_every_edit_of_the_corpus_is_to_say(tmp_path: Path) -> None:
    """Files of many hands, six kinds of edit, everywhere."""
    made, wanted = [], []
    for path in FILES:
        texts, index = target(path)
        for edit in edits(texts[index]):
            try:
                text = patched(texts[index], edit.wanted)
            except WithheldError:
                continue
            if not texts[index].startswith("%"):  # kubectl takes a directive for a document of its own
                made.append(text.encode())
                wanted.append(edit.wanted)

    found = read(made, tmp_path)

    assert len(found) == len(wanted) > 1500
    for text, told, asked in zip(made, found, wanted, strict=True):
        assert same(sent(told), sent(plain(asked))), text.decode()


def test_scalars_are_what_kubectl_takes_them_for(tmp_path: Path) -> None:
    """Numbers, truth, nothing and text: our reader and kubectl agree on each spelling."""
    dice = random.Random(11)
    words = [each for each in PIECES.split(" ") if each]
    words += ["".join(dice.choices("0123456789_xob.eE+-", k=dice.randint(1, 7))) for _ in range(3000)]
    documents = []
    for word in words:
        text = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: x\nvalue: {word}\n"
        try:
            compose(text)
        except ValueError:
            continue
        documents.append(text)

    found = read([text.encode() for text in documents], tmp_path)

    assert len(found) == len(documents) > 2500
    for text, told in zip(documents, found, strict=True):
        ours: Any = compose(text)
        assert same(sent(told), sent(ours.data)), text


def test_the_hashes_of_kustomize_are_known(tmp_path: Path) -> None:
    """What the real kustomize names by a hash is known for what a generator makes."""
    text = "configMapGenerator:\n" + "".join(f"- name: c{at}\n  literals: [a={at}]\n" for at in range(40))
    (tmp_path / "kustomization.yaml").write_text(text)
    command = [ASSETS / "kubectl", "kustomize", tmp_path]
    made = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    names = [line.partition(": ")[2] for line in made.splitlines() if line.startswith("  name: ")]
    found = ObjectIndex()
    found.update("kustomization.yaml", scanner.read("kustomization.yaml", text.encode()))

    assert len(names) == 40
    assert all(found.find(scanner.Identity("", "ConfigMap", "shop", name)) for name in names)
