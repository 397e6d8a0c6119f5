"""What is told of an error that nobody expected: its type and its place, never its text."""

from __future__ import annotations

import pytest
import structlog.testing
import trio

from reverser import unexpected_errors
from reverser.errors import StalledError, WithheldError
from reverser.layout import paths
from reverser.unexpected_errors import contained, left_out

CANARY = "canary-hunter2"


def test_an_error_is_named_by_its_type_and_place_and_never_by_its_text() -> None:
    """The sentence and the log line name type, module and line; what the error quotes is in neither."""
    with (
        structlog.testing.capture_logs() as lines,
        pytest.raises(WithheldError) as caught,
        contained("decide", "shop/configmaps/web"),
    ):
        paths.check(type(CANARY, (), {})())

    assert caught.value.reason == "Bug"
    assert caught.value.message.startswith("reverser has a bug: TypeError in reverser.layout.paths:")
    (line,) = [line for line in lines if line["event"] == "bug contained"]
    assert line["about"] == "shop/configmaps/web"
    assert CANARY not in f"{lines}{caught.value.message}{caught.value.__cause__}"
    assert caught.value.__suppress_context__


def test_every_bug_is_counted_and_each_is_told_once() -> None:
    """The count rises each time, the log line of one object and place comes once."""
    before = unexpected_errors.counts["test"]
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            with left_out("test", "counted"):
                raise KeyError(CANARY)

    assert unexpected_errors.counts["test"] == before + 3
    assert [line["event"] for line in lines] == ["bug contained"]
    assert CANARY not in str(lines)


@pytest.mark.parametrize("keep", [contained, left_out])
@pytest.mark.parametrize("error", [StalledError("Any", "a person must act"), KeyboardInterrupt()])
def test_what_has_a_meaning_of_its_own_passes(
    keep: type[unexpected_errors.Contained], error: BaseException
) -> None:
    """Errors that say who must act, and what is no error, are not contained."""
    with pytest.raises(type(error)), keep("test"):
        raise error


async def test_cancellation_passes() -> None:
    """A task that is cancelled inside ends."""
    with trio.CancelScope() as scope, left_out("test"):
        scope.cancel()
        await trio.sleep_forever()

    assert scope.cancelled_caught
