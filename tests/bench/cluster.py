"""Fills a real API server with objects of many kinds, 200 to a namespace, as fast as it takes them."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from tests.e2e.load import KINDS, manifest
from tests.e2e.servers import ControlPlane

PER_NAMESPACE = 200
MIXED = tuple(kind for kind in KINDS if kind != "Widget")


def kind_of(number: int) -> str:
    """The kind of the object with this number."""
    return MIXED[number % len(MIXED)]


def path_of(number: int) -> str:
    """Where the object with this number lives in the API."""
    return KINDS[kind_of(number)].format(f"team-{number // PER_NAMESPACE:03}")


def name_of(number: int) -> str:
    """The name of the object with this number."""
    return f"{kind_of(number).lower()}-{number:05}"


def fill(plane: ControlPlane, first: int, last: int) -> None:
    """Create the objects from `first` up to, but without, `last`; both multiples of 200."""

    def create(number: int) -> None:
        plane.create(path_of(number), manifest(kind_of(number), name_of(number), number))

    for namespace in range(first // PER_NAMESPACE, last // PER_NAMESPACE):
        plane.create("/api/v1/namespaces", {"metadata": {"name": f"team-{namespace:03}"}})
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(create, range(first, last)))


def change(plane: ControlPlane, number: int, revision: int) -> None:
    """Change one label of an object; returns with the API server's answer."""
    response = plane.http.patch(
        f"{path_of(number)}/{name_of(number)}",
        json={"metadata": {"labels": {"example.com/revision": str(revision)}}},
        headers={"Content-Type": "application/merge-patch+json"},
    )
    response.raise_for_status()
