"""Python's garbage collector, told what will not become garbage.

What is there once the daemon has started (modules, tables, instruments) stays until its end. To look
through it again and again makes pauses of 50 ms and more, in which no admission call is answered.
"""

from __future__ import annotations

import gc

YOUNG = 5_000
"""Containers more than at the last look that call for one. Nearly all garbage goes without the collector."""


def settle() -> None:
    """Leave out all that is there from now on."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
