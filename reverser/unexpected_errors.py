"""Bugs that one object, file, resource, request or kubeconfig meets: contained there, named, counted.

`contained` turns an exception that nobody expected into a WithheldError of the reason `Bug`, which says
the type of the error and where it was raised; `left_out` goes on without what raised it. The error's own
message is never told: it may quote a value of the object. Our own errors pass, since they say who must
act, and so does cancellation. What concerns nobody in particular is not contained: it ends the process
with 70.
"""

from __future__ import annotations

import traceback
from collections import Counter
from types import TracebackType

import structlog

from reverser.errors import ReverserError, WithheldError

log = structlog.get_logger()

BUG = "Bug"
"""The reason of what is withheld because of one."""
MOST_FRAMES = 8
ABOUT_MOST = 500
"""Characters of the name of an object, file or request."""
MOST_LOGGED = 1000
"""Different bugs that are logged by one process; all are counted."""

counts: Counter[str] = Counter()
"""How many bugs each part of the process has contained; `/metrics` shows them."""
_logged: set[tuple[str, str, str]] = set()


class Contained:
    """Raises WithheldError for an exception that nobody expected."""

    __slots__ = ("_about", "_part")

    def __init__(self, part: str, about: object = "") -> None:
        """`part` is one word for the metric, `about` the object, file or request, as a person knows it."""
        self._part = part
        self._about = about

    def __enter__(self) -> None:
        """A class, not a generator: several stand around each change, and cost a quarter so."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, Exception) and not isinstance(error, ReverserError):
            raise bug(self._part, self._about, error) from None


class LeftOut(Contained):
    """Leaves out what raises an exception that nobody expected, where the rest is as good without it."""

    __slots__ = ()

    def __exit__(  # type: ignore[override]
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> bool:
        if not isinstance(error, Exception) or isinstance(error, ReverserError):
            return False
        bug(self._part, self._about, error)
        return True


contained, left_out = Contained, LeftOut
"""`with contained("decide", key):` and `with left_out("sighting", key):`"""


def bug(part: str, about: object, error: Exception) -> WithheldError:
    """Count and log an exception that nobody expected; the error that stands for it from here on."""
    counts[part] += 1
    what = named(error)
    name = str(about)[:ABOUT_MOST]
    occurrence = (part, name, what)
    if occurrence not in _logged and len(_logged) < MOST_LOGGED:
        _logged.add(occurrence)
        log.error("bug contained", part=part, about=name, error=what, frames=_frames(error))
    return WithheldError(BUG, f"reverser has a bug: {what}", key=about)


def named(error: BaseException) -> str:
    """The type of an error and where in reverser it was raised: `KeyError in reverser.manifest.editor:38`."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    frames = _frame_lines(error)
    ours = [frame for frame in frames if frame.startswith("reverser.")]
    return " in ".join((type(error).__name__, *(ours or frames)[-1:]))


def _frames(error: BaseException) -> list[str]:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return _frame_lines(error)[-MOST_FRAMES:]


def _frame_lines(error: BaseException) -> list[str]:
    """`module:line` of every frame, the outermost first."""
    return [
        f"{frame.f_globals.get('__name__', '?')}:{line}"
        for frame, line in traceback.walk_tb(error.__traceback__)
    ]
