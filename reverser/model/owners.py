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

    def owners(self, *path: str | dict[str, Any]) -> Iterator[str]:
        """The managers that own a field; one that owns a map or list as a whole owns what is in it."""

    def owners_of_name(self, part: str, name: str) -> Iterator[str]:
        """The managers that own one of the `annotations`, `labels` or `finalizers`."""
