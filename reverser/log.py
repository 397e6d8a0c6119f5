"""What the process tells, on standard error: constant sentences with fields.

Everything goes through structlog, foreign libraries' `logging` records from WARNING on included,
so that one line has one shape whoever wrote it. An object's body is never among the fields, and
tracebacks come without local variables: both of structlog's default renderers print them, and a
Secret's value may be one.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}

LINES_MOST = 100
"""Of one plugin's own, in a minute."""
BOUNDED = "_bounded"
"""A field of loggers whose lines are bounded in number."""
_lines: dict[str, tuple[int, int]] = {}
"""Plugin -> (the minute, its lines in it)."""


def bounded(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Leave out what a plugin logs beyond its bound, and say so once a minute."""
    if not event.pop(BOUNDED, False):
        return event
    plugin, now = str(event.get("plugin")), int(time.monotonic() // 60)
    minute, lines = _lines.get(plugin, (now, 0))
    lines = 1 if minute != now else lines + 1
    _lines[plugin] = now, lines
    if lines > LINES_MOST + 1:
        raise structlog.DropEvent
    if lines == LINES_MOST + 1:
        return {"plugin": plugin, "event": "plugin logs too much, its lines are dropped for a minute"}
    return event


SHARED: tuple[Processor, ...] = (
    bounded,
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def configure(format: str, level: str, stream: TextIO | None = None) -> None:  # noqa: A002 the key's name
    """Send every log line of the process to `stream` (standard error), from `level` on.

    `format` is console, json, or auto: console on a terminal, else json.
    """
    target = sys.stderr if stream is None else stream
    people = format == "console" or (format == "auto" and target.isatty())
    structlog.configure(
        processors=[structlog.processors.StackInfoRenderer(), *SHARED, *_final_processors(people, target)],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=structlog.WriteLoggerFactory(target),
        # Loggers are made at import time, before the configuration says format and level.
        cache_logger_on_first_use=False,
    )
    _route_foreign(people, target)


def _final_processors(people: bool, target: TextIO) -> list[Processor]:
    if people:
        plain = structlog.dev.plain_traceback
        return [structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=plain)]
    tracebacks = structlog.tracebacks.ExceptionDictTransformer(show_locals=False)
    return [
        structlog.processors.ExceptionRenderer(tracebacks),
        structlog.processors.JSONRenderer(default=str),
    ]


def _route_foreign(people: bool, target: TextIO) -> None:
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*SHARED, structlog.stdlib.add_logger_name],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                *_final_processors(people, target),
            ],
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(logging.WARNING)
