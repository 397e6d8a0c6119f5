"""What is kept of a long history."""

from __future__ import annotations

from reverser.git.history import _parse

NONCE = b"6b9f"


def record(number: int, *changed: bytes) -> bytes:
    names = b"".join(part + b"\0" for part in changed)
    return NONCE + b"%040x\0shop/%d\n\0default\n\0\0\0\n%s" % (number, number, names)


def test_every_commit_of_a_history_is_read() -> None:
    """With its entries and its files, the first and the last one, too; of no output, none."""
    found = _parse(record(1, b"A", b"a.yaml") + record(2, b"D", b"a.yaml", b"M", b"b.yaml"), NONCE)

    assert [(each.commit, each.entries, each.cluster) for each in found] == [
        (f"{1:040x}", ("shop/1",), "default"),
        (f"{2:040x}", ("shop/2",), "default"),
    ]
    assert [(each.paths, each.removed, each.added) for each in found] == [
        (("a.yaml",), (), ("a.yaml",)),
        (("a.yaml", "b.yaml"), ("a.yaml",), ()),
    ]
    assert _parse(b"", NONCE) == []


def test_a_path_is_kept_once_however_often_it_changed() -> None:
    """A year of changes of the same files takes no memory for their names."""
    found = _parse(b"".join(record(number, b"M", b"shop/a.yaml") for number in range(100)), NONCE)

    assert len(found) == 100
    assert len({id(path) for each in found for path in each.paths}) == 1
