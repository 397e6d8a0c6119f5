"""Files with audit events: lines, places, and what is wrong with them."""

from __future__ import annotations

import gzip
import itertools
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

import pytest

from reverser.errors import StalledError
from reverser.replay import log_file
from reverser.replay.log_file import AuditLog, LogPosition
from reverser.replay.log_merge import AuditLogs
from reverser.replay.resource_types import LoggedTypes
from tests.audit_log import event, lines


class Made(Protocol):
    def __call__(self, content: bytes, *, compressed: bool = False) -> AuditLog: ...


@pytest.fixture
def made(tmp_path: Path) -> Iterator[Made]:
    """Makes a log of some content."""
    opened: list[AuditLog] = []

    def make(content: bytes, *, compressed: bool = False) -> AuditLog:
        path = tmp_path / f"log-{len(opened)}"
        path.write_bytes(gzip.compress(content) if compressed else content)
        opened.append(AuditLog(str(path)))
        return opened[-1]

    yield make
    for log in opened:
        log.close()


def texts(log: AuditLog, most: int = 100) -> list[bytes]:
    return [line.text for line in log.lines(most)]


@pytest.mark.parametrize("compressed", [False, True])
def test_lines_come_in_turns(made: Made, compressed: bool) -> None:
    """Empty ones are left out; the last may lack its end. Only a line feed ends a line."""
    log = made(b"one\n\n \ntwo\xc2\x85\xe2\x80\xa8\r\nthree", compressed=compressed)

    assert [texts(log, 1), texts(log, 5), texts(log)] == [
        [b"one\n"],
        [b"two\xc2\x85\xe2\x80\xa8\r\n", b"three"],
        [],
    ]


@pytest.mark.parametrize("later", [b"", b"three\nfour\n"])
def test_a_log_is_gone_on_with_where_it_was_left(made: Made, later: bytes) -> None:
    """Also when it has grown, was renamed, or was compressed meanwhile."""
    log = made(b"one\ntwo\n")
    texts(log, 2)
    for compressed in (False, True):
        again = made(b"one\ntwo\n" + later, compressed=compressed)
        again.seek(log.position)

        assert again.identity == log.identity
        assert b"".join(texts(again)) == later


@pytest.mark.parametrize("other", [b"one\n2wo\nthree\n", b"one\n", b"one\ntwo"])
@pytest.mark.parametrize("compressed", [False, True])
def test_another_log_is_read_from_its_beginning(made: Made, other: bytes, compressed: bool) -> None:
    """Though it has the same first line."""
    log = made(b"one\ntwo\n")
    texts(log, 2)
    again = made(other, compressed=compressed)
    again.seek(log.position)

    assert again.identity == log.identity
    assert b"".join(texts(again)) == other


@pytest.mark.parametrize("content", [b"", b"one", b"\n", b"x" * 60_000])
def test_without_a_first_line_a_log_has_no_name(made: Made, content: bytes) -> None:
    """It is read all the same, and from the beginning the next time."""
    log = made(content)

    assert log.identity == ""
    assert b"".join(texts(log)) == content.strip()


@pytest.mark.parametrize("compressed", [False, True])
def test_a_log_whose_first_line_is_long_is_gone_on_with(made: Made, compressed: bool) -> None:
    """It is known by the beginning of that line, also when it was compressed since."""
    first = b"x" * 300_000 + b"\n"
    log = made(first + b"two\n")
    texts(log, 2)
    again = made(first + b"two\nthree\n", compressed=compressed)
    again.seek(log.position)

    assert log.identity
    assert again.identity == log.identity
    assert texts(again) == [b"three\n"]


def test_a_compressed_log_that_is_cut_off_gives_what_it_has(tmp_path: Path) -> None:
    """Wherever it is cut, and says so."""
    content = b"".join(b"line %d of many\n" % number for number in range(3000))
    whole = gzip.compress(content)
    for size in (20, len(whole) // 2, len(whole) - 4):
        path = tmp_path / "cut"
        path.write_bytes(whole[:size])
        log = AuditLog(str(path))
        found = b"".join(itertools.chain.from_iterable(iter(lambda: texts(log), [])))  # noqa: B023

        assert content.startswith(found)
        assert log.damage == "the compressed file is cut off"
        log.close()
    assert found


def test_what_follows_a_compressed_log_does_not_spoil_it(tmp_path: Path) -> None:
    """Two that were put together are read as one; rubbish behind them is told."""
    path = tmp_path / "log"
    path.write_bytes(gzip.compress(b"one\n") + gzip.compress(b"two\n") + b"rubbish")
    log = AuditLog(str(path))

    assert texts(log) == [b"one\n", b"two\n"]
    assert log.damage == "the compressed file is damaged"
    log.close()


def test_a_line_without_end_is_not_kept(made: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is counted, and the lines behind it are read."""
    monkeypatch.setattr(log_file, "MOST_BYTES", 10)
    log = made(b"one\n" + b"x" * 1000 + b"\ntwo\n")

    assert texts(log) == [b"one\n", b"two\n"]
    assert log.too_long == 1
    assert log.position == LogPosition().after(b"one\n" + b"x" * 1000 + b"\ntwo\n")


def test_a_folder_is_no_log(tmp_path: Path) -> None:
    """A folder in the place of a log is an error that a person must mend."""
    with pytest.raises(StalledError):
        AuditLog(str(tmp_path))


def test_going_on_from_any_batch_misses_nothing(tmp_path: Path) -> None:
    """Whatever is handed out after a batch was made durable is handed out again, and what is missing then."""
    told = [event(number, "create", f"n{number}") for number in range(1, 2400)]
    first, second = tmp_path / "one", tmp_path / "two"
    first.write_bytes(lines(*told[::2]))
    second.write_bytes(lines(*told[1::2]) + json.dumps(event(9999)).encode()[:-9])
    paths = [str(first), str(second)]
    logs = AuditLogs(paths, LoggedTypes(), lambda _: True)
    logs.resume({}, "x")
    names: list[str] = []
    turns = 0
    while (batch := logs.next()) is not None:
        names += [write.name for write in batch.writes]
        turns += 1
        going_on = AuditLogs(paths, LoggedTypes(), lambda _: True)
        going_on.resume(batch.positions, "x")
        rest: list[str] = []
        while (following := going_on.next()) is not None:
            rest += [write.name for write in following.writes]
        going_on.close()
        assert rest[len(rest) - len(told) + len(names) :] == [
            f"n{number}" for number in range(len(names) + 1, 2400)
        ]
    assert names == [f"n{number}" for number in range(1, 2400)]
    assert turns > 3
    assert logs.counts["unfinished"] == 1
    logs.close()


def test_with_another_configuration_logs_are_read_anew(tmp_path: Path) -> None:
    """What was not selected may be so now."""
    path = tmp_path / "log"
    path.write_bytes(lines(event(1)))
    logs = AuditLogs([str(path)], LoggedTypes(), lambda _: True)
    logs.resume({}, "x")
    batch = logs.next()
    assert batch is not None
    logs.close()

    for coverage, read in (("x", 0), ("y", 1)):
        again = AuditLogs([str(path)], LoggedTypes(), lambda _: True)
        again.resume(batch.positions, coverage)
        found = again.next()
        again.close()
        assert len(found.writes if found else ()) == read
