"""Defaults that follow from other fields: is `value` what the API server would put there itself?

Each test gets the value and the map it stands in, both as they were before anything was left out.
"""

from __future__ import annotations

from typing import Any

from reverser.sanitize.json_content import Content

SCALE_UP_POLICIES = [
    {"type": "Pods", "value": 4, "periodSeconds": 15},
    {"type": "Percent", "value": 100, "periodSeconds": 15},
]
SCALE_DOWN_POLICIES = [{"type": "Percent", "value": 100, "periodSeconds": 15}]


def pull_policy(value: Any, container: Content) -> bool:
    """Always for an image without tag or with `latest`, else IfNotPresent."""
    return bool(value == ("Always" if _tag(container["image"]) == "latest" else "IfNotPresent"))


def target_port(value: Any, port: Content) -> bool:
    """The port itself; a name that looks like its number is a name."""
    return type(value) is int and value == port.get("port")


def parallelism(value: Any, job: Content) -> bool:
    """1, where completions are given: without either, completions would become 1 as well."""
    return bool(value == 1 and job.get("completions") is not None)


def completions(value: Any, job: Content) -> bool:
    """1, where parallelism is 1: with any other, a Job without completions is a work queue."""
    return bool(value == 1 and job.get("parallelism", 1) == 1)


def backoff_limit(value: Any, job: Content) -> bool:
    """6, but without limit where each index has a limit of its own."""
    return bool(value == 6 and job.get("backoffLimitPerIndex") is None)


def pod_replacement(value: Any, job: Content) -> bool:
    """Failed with a failure policy, else TerminatingOrFailed."""
    return bool(value == ("Failed" if job.get("podFailurePolicy") is not None else "TerminatingOrFailed"))


def policy_types(value: Any, policy: Content) -> bool:
    """Ingress, and Egress where there are egress rules."""
    return bool(value == (["Ingress", "Egress"] if policy.get("egress") else ["Ingress"]))


def list_kind(value: Any, names: Content) -> bool:
    """The kind with `List` behind it."""
    return bool(value == f"{names.get('kind')}List")


def singular(value: Any, names: Content) -> bool:
    """The kind in lower case."""
    return bool(value == str(names.get("kind")).lower())


def _tag(image: str) -> str:
    """`latest` when nothing is named; with a digest, only what stands before it."""
    named, _, digest = image.partition("@")
    _, colon, tag = named.rpartition("/")[2].partition(":")
    return tag if colon else "" if digest else "latest"
