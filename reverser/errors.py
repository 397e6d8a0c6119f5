"""Every error of reverser. The type says who has to act:

    ReverserError(message, *, hint="")
    ├─ ConfigError(problems)            the user: all problems at once, each with its key path; exit 78
    ├─ TransientError(retry_after)      nobody: it is retried with back-off
    ├─ StalledError(reason)             a person: the process stays up, says so, and retries, ever more slowly
    └─ WithheldError(reason, key)       this one object must not be written; all others continue

Anything else that escapes a task is a bug: it cancels the task tree and the process exits with 70.
Expected outcomes (a push that was refused, a list that expired) are values, not errors.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence


class ReverserError(Exception):
    """The root: a sentence for a person, and a hint on what to do about it."""

    retry_after: float | None = None
    """Seconds after which the other side wants to be asked again, where it named a time."""

    def __init__(self, message: str, *, hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


class Problem:
    """One fault of a configuration: where it is, what is wrong, and what would be right."""

    __slots__ = ("hint", "message", "path")

    def __init__(self, path: str, message: str, hint: str = "") -> None:
        self.path = path
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.path}: {self.message}{hint}" if self.path else f"{self.message}{hint}"

    def __repr__(self) -> str:
        return f"Problem({str(self)!r})"


class ConfigError(ReverserError):
    """The configuration cannot be used; `problems` holds all of them, none was acted on."""

    def __init__(self, problems: Sequence[Problem], *, hint: str = "") -> None:
        super().__init__("; ".join(map(str, problems)), hint=hint)
        self.problems = tuple(problems)


class TransientError(ReverserError):
    """It will pass: try again, after `retry_after` seconds where the other side named a time."""

    def __init__(self, message: str, *, hint: str = "", retry_after: float | None = None) -> None:
        super().__init__(message, hint=hint)
        self.retry_after = retry_after


class StalledError(ReverserError):
    """A person must act. `reason` is one CamelCase word, as in a Kubernetes condition."""

    def __init__(self, reason: str, message: str, *, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class WithheldError(ReverserError):
    """This one object must not be written. `reason` is one CamelCase word; `key` names the object."""

    def __init__(self, reason: str, message: str, *, key: object = None, hint: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.key = key


def unwrap_group(group: BaseExceptionGroup[BaseException], *expected: type[Exception]) -> BaseException:
    """The first error of a group that holds nothing but `expected` (ours, by default); else the group.

    What a task of a nursery raises comes out in a group, whoever waits for it.
    """
    expected_errors, unexpected = group.split(expected or ReverserError)
    if expected_errors is None or unexpected is not None:
        return group
    error: BaseException = expected_errors
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
