"""The log: one shape for every line, and nothing secret in it."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator

import pytest
import structlog

from reverser.log import configure


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def lines(stream: io.StringIO) -> list[dict[str, str]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_away_from_a_terminal_lines_are_json() -> None:
    """`auto` writes one JSON object a line with level, UTC time and the fields."""
    stream = io.StringIO()
    configure("auto", "info", stream)

    structlog.get_logger().info("push refused", reason="hook")

    [line] = lines(stream)
    assert (line["event"], line["level"], line["reason"]) == ("push refused", "info", "hook")
    assert line["timestamp"].endswith("Z")


def test_on_a_terminal_lines_are_for_people() -> None:
    """`auto` on a terminal writes words, not JSON."""
    stream = Terminal()
    configure("auto", "info", stream)

    structlog.get_logger().info("push refused", reason="hook")

    assert "push refused" in stream.getvalue()
    assert not stream.getvalue().startswith("{")


def test_the_level_can_change_while_running() -> None:
    """A logger made earlier follows a later `configure`."""
    log, stream = structlog.get_logger(), io.StringIO()
    configure("json", "error", stream)
    log.warning("unseen")

    configure("json", "debug", stream)
    log.debug("seen")

    assert [line["event"] for line in lines(stream)] == ["seen"]


def test_libraries_are_heard_from_warning_on() -> None:
    """What a library logs comes out in the same shape, with its name."""
    stream = io.StringIO()
    configure("json", "info", stream)

    logging.getLogger("httpx").info("unseen")
    logging.getLogger("hypercorn.error").warning("odd %s", "client")

    [line] = lines(stream)
    assert (line["event"], line["logger"]) == ("odd client", "hypercorn.error")


@pytest.mark.parametrize("form", ["json", "console"])
def test_tracebacks_do_not_show_variables(form: str) -> None:
    """The value of a local variable, which may be a Secret's, is in no traceback."""
    stream = Terminal()
    configure(form, "info", stream)
    token = "s3" + "cret"

    try:
        token.index("x")
    except ValueError:
        structlog.get_logger().exception("boom")
        logging.getLogger("httpx").exception("boom")

    assert "ValueError" in stream.getvalue()
    assert token not in stream.getvalue()
