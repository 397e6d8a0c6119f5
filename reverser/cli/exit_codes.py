"""Errors become sentences and exit codes. Who must act is in the error's type; see `reverser.errors`."""

from __future__ import annotations

import sys
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import click

from reverser.errors import ConfigError, ReverserError

if TYPE_CHECKING:
    from collections.abc import Iterator

EXIT_UNAVAILABLE = 69
EXIT_BUG = 70
EXIT_CONFIG = 78
EXIT_INTERRUPTED = 130


@contextmanager
def exits() -> Iterator[None]:
    """End the process with the exit code that an escaping error stands for."""
    try:
        with interruptible():
            yield
    except (Exception, BaseExceptionGroup) as error:
        _end(error)


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends the process with 130 and no word, bare or in the group that a nursery makes of it."""
    try:
        yield
    except (KeyboardInterrupt, BaseExceptionGroup) as error:
        if interrupted(error):
            sys.exit(EXIT_INTERRUPTED)
        raise


def interrupted(error: BaseException) -> bool:
    """Whether a person has pressed Ctrl-C."""
    return any(isinstance(leaf, KeyboardInterrupt) for leaf in _leaves(error))


def _end(error: BaseException) -> NoReturn:
    leaves = list(_leaves(error))
    for leaf in leaves:
        if isinstance(leaf, ConfigError):
            show_problems(leaf)
            sys.exit(EXIT_CONFIG)
    if all(isinstance(leaf, ReverserError) for leaf in leaves):
        for leaf in leaves:
            _print_error(leaf)
        sys.exit(EXIT_UNAVAILABLE)
    _trace(error)
    click.echo("reverser: this is a bug in reverser; please report it with the lines above", err=True)
    sys.exit(EXIT_BUG)


def _trace(error: BaseException) -> None:
    """Where it was raised, and why, without any error's text: it may quote a value of an object."""
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        _trace(before)
        click.echo("which led to:", err=True)
    click.echo("Traceback (most recent call last, without messages):", err=True)
    for frame in traceback.extract_tb(error.__traceback__):
        click.echo(f'  File "{frame.filename}", line {frame.lineno}, in {frame.name}', err=True)
    click.echo(type(error).__name__, err=True)
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            _trace(inner)


def _leaves(error: BaseException) -> Iterator[BaseException]:
    """The errors themselves, without the groups that nurseries wrap around them."""
    if isinstance(error, BaseExceptionGroup):
        for inner in error.exceptions:
            yield from _leaves(inner)
    else:
        yield error


def _print_error(error: BaseException) -> None:
    click.echo(f"reverser: {error}", err=True)
    hint = getattr(error, "hint", "")
    if hint:
        click.echo(f"  {hint}", err=True)


def show_problems(error: ConfigError) -> None:
    """All problems, one a line, on standard error."""
    count, of_options = len(error.problems), all(each.path.startswith("--") for each in error.problems)
    where = "" if of_options else " in the configuration"
    click.echo(f"reverser: {count} problem{'s' if count > 1 else ''}{where}", err=True)
    for problem in error.problems:
        click.echo(f"  {problem}", err=True)
    click.echo(f"nothing was {'written' if of_options else 'started'}", err=True)
