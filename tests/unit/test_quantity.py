"""Quantities: how long a text may be to be taken for one."""

from __future__ import annotations

import pytest

from reverser.stages.adopt import edit, parse
from reverser.stages.quantity import parse as quantity

DIGITS = "9" * 4301


@pytest.mark.parametrize("key", ["divisor", "sizeLimit", "averageValue"])
def test_thousands_of_digits_are_no_quantity(key: str) -> None:
    """A field that is called like a quantity may hold any text: it is compared as it is written."""
    before = f"apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  {key}: '1'\n"

    after = edit(before.encode(), 0, parse(before.replace("'1'", f"'{DIGITS}'").encode()))

    assert DIGITS.encode() in after


def test_what_is_short_is_one() -> None:
    """The longest that an API server makes itself are short."""
    assert quantity("1024Mi") == quantity("1Gi")
    assert quantity("9" * 101) is None
