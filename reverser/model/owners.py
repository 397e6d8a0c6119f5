"""Who wrote what in an object, for plugins: the field managers of its managedFields.

Controllers of Kubernetes itself count as nobody, and so do entries of the subresource `status`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol


class Owners(Protocol):
    """Of one live object."""

    @property
    def known(self) -> bool:
        """Whether managedFields tells anything about fields in the object's version."""

    def owners(self, *path: str | dict[str, Any], whole: bool = True) -> Iterator[str]:
        """The managers that own a field.

        `whole`: also those that own a map or list above it as a whole, or had it when it was empty.
        """

    def owners_of_name(self, part: str, name: str) -> Iterator[str]:
        """The managers that own one of the `annotations`, `labels` or `finalizers`."""
