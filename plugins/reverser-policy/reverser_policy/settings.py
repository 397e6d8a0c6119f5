"""The table `[plugins.policy]`."""

from __future__ import annotations

from typing import Literal

import msgspec


class Rule(msgspec.Struct, frozen=True):
    """One expression, and what becomes of the objects that it is true of."""

    name: str
    """Names the rule in what people read."""
    expression: str
    """CEL, with `object`, `resource` (`deployments.apps`) and `cluster`; its answer is a truth value."""
    message: str
    """What is wrong with such an object, for people. Never quotes the object."""
    action: Literal["withhold", "leave-out", "flag"] = "withhold"
    """withhold: the file stays as it was; leave-out: there is no file; flag: the commit says so."""
    resources: tuple[str, ...] = ("*",)
    """Globs over `deployments.apps`."""
    namespaces: tuple[str, ...] = ("*",)
    """Globs; objects without a namespace have the empty one."""
    on_error: Literal["fail", "ignore"] = "fail"
    """fail: an object that the expression has no answer for is treated as bad; ignore: as good."""


class Settings(msgspec.Struct, frozen=True):
    """The table itself."""

    rules: tuple[Rule, ...] = ()
    """In order; the first that withholds an object, or leaves it out, gives the reason."""
