"""Every edit of a file that a person wrote changes the lines that are due, and no other byte."""

from __future__ import annotations

import difflib
from pathlib import Path

import pytest

from reverser.errors import WithheldError
from reverser.manifest import editor
from reverser.manifest.byte_edits import is_json
from reverser.manifest.diff import same
from reverser.manifest.scalars import sent
from tests.golden.people import FILES, KINDS, Edit, edits, target

LEFT_ALONE = {
    "Anchored": ["anchors-elsewhere"],
    "Templated": ["script-with-placeholders", "helm-release"],
    "UneditableFile": ["tagged", "question-mark-keys-elsewhere", "yaml-1-1"],
}


def changed(before: str, after: str) -> tuple[set[int], int]:
    """(lines that went or changed, how many came)."""
    gone, came = set[int](), 0
    old, new = before.split("\n"), after.split("\n")
    for what, start, end, first, last in difflib.SequenceMatcher(
        None, old, new, autojunk=False
    ).get_opcodes():
        if what != "equal":
            gone.update(range(start, end))
            came += last - first
    return gone, came


def check(path: Path, edit: Edit, texts: list[str], index: int) -> None:
    """Only due lines change, the file says what it should, and its other documents are the same bytes."""
    existing = path.read_bytes()
    made = editor.edit(existing, index, edit.wanted)
    after, _ = target(path)[0], index
    mark = "\ufeff" if existing.startswith(b"\xef\xbb\xbf") else ""
    first, last = mark + "".join(texts[:index]), "".join(texts[index + 1 :])
    text = made.decode()
    assert text.startswith(first)
    assert text.endswith(last)
    document = text[len(first) : len(text) - len(last)]
    assert same(sent(editor.parse(document.encode())), sent(edit.wanted))
    assert is_json(document) or not is_json(texts[index])
    gone, came = changed(after[index], document)
    if edit.kind in ("key removed", "item removed"):
        # A dash or a comma may stand on the line of the neighbour.
        assert gone <= {edit.lines.start - 1, *edit.lines, edit.lines.stop}
        assert len(gone) <= len(edit.lines) + 1
        assert came <= 1
    else:
        assert gone <= {*edit.lines}
    if edit.kind in ("key added", "item added", "map added"):
        assert len(gone) <= 1


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_only_due_lines_change(path: Path) -> None:
    """Whichever value, key or item is edited, all other lines of the file stay as they are."""
    texts, index = target(path)
    kinds, left = set(), set()
    for edit in edits(texts[index]):
        try:
            check(path, edit, texts, index)
        except WithheldError as error:
            left.add(error.reason)
        except AssertionError as error:
            raise AssertionError(f"{edit.kind} at lines {edit.lines}: {error}") from error
        else:
            kinds.add(edit.kind)

    assert kinds == {*KINDS}
    assert left == {reason for reason, names in LEFT_ALONE.items() if path.stem in names}


def test_there_are_enough_files() -> None:
    """The corpus has files of many hands."""
    assert len(FILES) >= 60
