"""What a row of the tables can say.

A row takes away what no field manager but the operator's owns, and an object is the operator's when its mark
is. What nobody owns was set by an API server or a webhook of the operator's while the object was admitted.
"""

from __future__ import annotations

import msgspec


class Strip(msgspec.Struct, frozen=True):
    """What an operator writes into objects that somebody else declared."""

    source: str | tuple[str, ...]
    """Where the operator's own source or documentation says that it writes it: a URL, or several."""
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
    only: str = ""
    """A glob that the value of a field must match; `{name}` and `{namespace}` are the object's."""
    atomic: bool = False
    """Takes a part out of a map or list that server-side apply replaces as a whole, so that applying the
    file changes the live object until the operator repairs it, and nobody can tell whose the part is. Only
    done when the user asks for it."""
    managers: tuple[str, ...] = ()
    """Globs over the field managers that are the operator itself; the table's."""


class Generated(msgspec.Struct, frozen=True):
    """Objects that an operator makes, without a controller in their owner references."""

    source: str | tuple[str, ...]
    reason: str
    """Why there is no file."""
    resources: tuple[str, ...]
    when: str
    """As `Strip.when`."""
    managers: tuple[str, ...] = ()
    """As `Strip.managers`: a mark that somebody else set does not make the object the operator's."""
