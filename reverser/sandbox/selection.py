"""Which objects of a type a list, a watch or a deletecollection is about."""

from __future__ import annotations

import msgspec

from reverser.sandbox.history import Stored
from reverser.sandbox.refusal import Refusal
from reverser.select.labels import Selector
from reverser.select.labels import parse as parse_labels


class Selection(msgspec.Struct, frozen=True):
    """A namespace, a label selector and a field selector; what is left empty covers everything."""

    namespace: str = ""
    labels: Selector = Selector()
    fields: tuple[tuple[str, str], ...] = ()
    """`metadata.name` and `metadata.namespace`, the two that every type supports."""

    @property
    def everything(self) -> bool:
        return self == Selection(self.namespace)

    def covers(self, stored: Stored) -> bool:
        """Whether the object is meant."""
        if self.namespace and stored.namespace != self.namespace:
            return False
        if self.fields and any(getattr(stored, name) != value for name, value in self.fields):
            return False
        return self.labels.matches(stored.labels)


def parse(namespace: str, label_selector: str, field_selector: str) -> Selection:
    """Read the query parameters. Refuses what cannot be parsed."""
    try:
        labels = parse_labels(label_selector)
    except ValueError as error:
        raise Refusal("BadRequest", f"unable to parse requirement: {error}") from error
    return Selection(namespace, labels, tuple(map(_field, filter(None, field_selector.split(",")))))


def _field(term: str) -> tuple[str, str]:
    name, _, value = term.replace("==", "=").partition("=")
    if name not in ("metadata.name", "metadata.namespace"):
        raise Refusal("BadRequest", f"field label not supported: {name}")
    return name.removeprefix("metadata."), value
