"""Takes away what well-known operators write into objects, and leaves out what they make.

`tables` is what is known about each operator, `rule` how it is applied.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from reverser import hookimpl
from reverser.model.owners import Owners
from reverser.model.resource import ObjectKey, ResourceType
from reverser.sanitize.managed_fields import managers_of
from reverser_operators.rule import Generated, Strip, concerns, generated_by_operator, stripped
from reverser_operators.settings import Settings
from reverser_operators.tables import TABLES

strip: tuple[Strip, ...] = ()
generated: tuple[Generated, ...] = ()


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings) -> None:
    tables = [table for name, table in TABLES.items() if name not in settings.skip]
    globals().update(
        strip=tuple(row for rows, _ in tables for row in rows if settings.atomic or not row.atomic),
        generated=tuple(row for _, rows in tables for row in rows if settings.generated),
    )


@hookimpl
def reverser_select(key: ObjectKey, resource: ResourceType, obj: Mapping[str, Any]) -> str | None:
    metadata = obj["metadata"]
    rows = [row for row in generated if concerns(row, key.type_name, metadata)]
    owners = managers_of(obj, resource.api_version) if rows else None
    return next((row.reason for row in rows if owners and generated_by_operator(row, metadata, owners)), None)


@hookimpl
def reverser_sanitize(key: ObjectKey, content: dict[str, Any], owners: Owners) -> dict[str, Any] | None:
    metadata = content["metadata"]
    rows = [row for row in strip if concerns(row, key.type_name, metadata)]
    return stripped(content, rows, owners) if rows else None
