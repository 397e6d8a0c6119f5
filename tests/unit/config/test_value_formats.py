"""Durations as people write them."""

from __future__ import annotations

import pytest

from reverser.config.value_formats import parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0.0),
        ("500ms", 0.5),
        ("5s", 5.0),
        ("2m", 120.0),
        ("1h", 3600.0),
        ("1m30s", 90.0),
        ("1h2m3s4ms", 3723.004),
    ],
)
def test_durations_are_read_as_seconds(text: str, seconds: float) -> None:
    """Hours, minutes, seconds and milliseconds add up."""
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize("text", ["", "5", "s", "-1s", "1.5s", "1s1m", "1d", "5 s", "1s1s", "٣s", "5sec"])
def test_other_texts_are_refused(text: str) -> None:
    """A number without unit, another unit or another order is an error that shows how to write it."""
    with pytest.raises(ValueError, match="1m30s"):
        parse_duration(text)
