"""What an audit log lacks shows in the next object that it tells, and is not blamed on who wrote that."""

from __future__ import annotations

from typing import Any

import pytest

from reverser.replay.missing_writes import by_others, marks
from tests.audit_events import stored
from tests.replayed import one

BOB = ("kubectl-edit", "Update", "2026-11-23T16:22:45Z")
"""What the request of `event` leaves."""
EARLIER = ("kubectl-edit", "Update", "2026-11-23T16:22:40Z")
HELPER = ("helper", "Apply", "2026-11-23T16:22:44Z")


def left(*entries: tuple[str, str, str], owned: str = "f:a") -> dict[str, Any]:
    fields = {owned: {}}
    names = ("manager", "operation", "time")
    return stored(
        managedFields=[{**dict(zip(names, each, strict=True)), "fieldsV1": fields} for each in entries]
    )


BEFORE = marks(one(responseObject=left(EARLIER)))


@pytest.mark.parametrize(
    ("entries", "others"),
    [
        ((BOB,), False),
        ((BOB, HELPER), True),
        ((HELPER, EARLIER), True),
        ((EARLIER,), True),
        (((*BOB[:1], "Apply", BOB[2]),), True),
    ],
)
def test_a_stamp_that_was_not_there_is_the_writer_s(entries: Any, others: bool) -> None:
    """Where another one is new, or nothing has changed in whose time it is, somebody else has written."""
    assert by_others(one(responseObject=left(*entries)), BEFORE) is others


def test_an_apply_with_other_fields_is_somebody_else_s() -> None:
    """Repeated within a second, an apply leaves its stamp as it was."""
    before = marks(one(responseObject=left(HELPER)))

    assert by_others(one(responseObject=left(HELPER, owned="f:b")), before)
    assert not by_others(one(responseObject=left(BOB, HELPER)), before)


def test_without_what_was_before_only_the_time_tells() -> None:
    """An object that the log shows for the first time is mostly its writer's."""
    assert not by_others(one(responseObject=left(BOB, HELPER)), ())
    assert by_others(one(responseObject=left(BOB, ("helper", "Update", BOB[2]))), ())


def test_who_names_a_version_may_have_met_what_the_log_lacks() -> None:
    """Also who sends managed fields; a creation holds what was created, and some objects have no stamps."""
    met = {"metadata": {"resourceVersion": "5", "managedFields": []}}
    assert by_others(one(responseObject=left(BOB, HELPER), requestObject=met), BEFORE)
    assert not by_others(one(responseObject=left(HELPER), verb="create"), BEFORE)
    assert not by_others(one(responseObject=stored()), ())
    assert by_others(one(responseObject=stored()), BEFORE)


def test_a_scaling_that_the_log_holds_is_no_sign_of_somebody_else() -> None:
    """Its answer holds no stamps; the next object has its stamp, and is still its writer's."""
    object_ref = {"resource": "deployments", "namespace": "shop", "name": "web", "apiGroup": "apps"}
    scale = {"kind": "Scale", "metadata": {"resourceVersion": "8"}, "spec": {"replicas": 3}}
    scaling = one(
        responseObject=scale,
        objectRef={**object_ref, "subresource": "scale"},
        requestURI="/apis/apps/v1/namespaces/shop/deployments/web/scale?fieldManager=kubectl",
    )
    after = left(EARLIER, BOB)
    after["metadata"]["managedFields"].append(
        {"manager": "kubectl", "operation": "Update", "subresource": "scale", "fieldsV1": {"f:spec": {}}}
    )

    assert by_others(one(responseObject=after), BEFORE)
    assert not by_others(one(responseObject=after), marks(scaling, BEFORE))
