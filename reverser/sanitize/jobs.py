"""Jobs and stateful sets: what the API server generates into their specs.

A Job's generated selector and labels carry its uid: left over, they are refused (422) when the
Job is created again or under another name. With `manualSelector` they are the user's own.
"""

from __future__ import annotations

from reverser.sanitize.json_content import Content, drop, drop_emptied, mapping, rows
from reverser.sanitize.known_annotations import JOB_LABELS
from reverser.sanitize.metadata import OriginalObject, tidy
from reverser.sanitize.pods import workload


def job(content: Content, live: OriginalObject) -> None:
    """Strip the generated selector and labels."""
    workload(content, live)
    spec = mapping(content, "spec")
    if spec is None or spec.get("manualSelector") is True:
        return
    drop(spec, "selector")
    template = mapping(spec, "template") or {}
    for metadata in (mapping(content, "metadata"), mapping(template, "metadata")):
        if metadata is not None:
            drop(mapping(metadata, "labels"), *JOB_LABELS)
            drop_emptied(metadata, "labels")
    drop_emptied(template, "metadata")


def stateful_set(content: Content, live: OriginalObject) -> None:
    """Strip what is left over in claim templates, and the empty service name."""
    workload(content, live)
    spec = mapping(content, "spec")
    if spec is None:
        return
    if spec.get("serviceName") == "":
        del spec["serviceName"]
    for template in rows(spec, "volumeClaimTemplates"):
        drop(template, "apiVersion", "kind", "status")
        tidy(template)
