"""What a row of the tables can say."""

from __future__ import annotations

import msgspec


class Strip(msgspec.Struct, frozen=True):
    """What an operator writes into objects that somebody else declared."""

    source: str
    """Repository and file that shows the operator writing it."""
    why: str
    """What it is, in a few words."""
    resources: tuple[str, ...] = ("*",)
    """Globs over `services`, `routes.route.openshift.io`."""
    when: str = ""
    """`name` or `name=value` of an annotation, a label or a finalizer that the object must have."""
    annotations: tuple[str, ...] = ()
    """Names; one that ends in `*` is a beginning."""
    labels: tuple[str, ...] = ()
    finalizers: tuple[str, ...] = ()
    fields: tuple[str, ...] = ()
    """Paths, as in `[[sanitize]] strip`."""
    atomic: bool = False
    """Takes a part out of a map or list that server-side apply replaces as a whole, so that applying the
    file changes the live object until the operator repairs it. Only done when the user asks for it."""


class Made(msgspec.Struct, frozen=True):
    """Objects that an operator makes, without a controller in their owner references."""

    source: str
    reason: str
    """Why there is no file."""
    resources: tuple[str, ...]
    when: str
    """As `Strip.when`."""
