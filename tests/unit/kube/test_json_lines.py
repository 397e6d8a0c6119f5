"""Bytes to lines."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator

from hypothesis import given
from hypothesis import strategies as st

from reverser.kube.watch_events import LineReader


async def _lines(chunks: list[bytes]) -> list[bytes]:
    async def source() -> AsyncIterator[bytes]:
        for chunk in chunks:
            yield chunk

    return [line async for line in LineReader(source())]


@given(st.binary(), st.lists(st.integers(0, 200)))
async def test_lines_do_not_depend_on_how_the_network_cuts(text: bytes, cuts: list[int]) -> None:
    """Whole lines come out, empty ones and an unfinished last one do not, wherever chunks end."""
    at = [0, *sorted(cut for cut in cuts if cut < len(text)), len(text)]
    chunks = [text[start:end] for start, end in itertools.pairwise(at)]

    assert await _lines(chunks) == [line for line in text.split(b"\n")[:-1] if line]


async def test_only_a_newline_ends_a_line() -> None:
    """Unicode's own line breaks, and a carriage return, are content."""
    text = "one\u2028two\u0085three\rfour\n".encode()

    assert await _lines([text]) == [text[:-1]]
