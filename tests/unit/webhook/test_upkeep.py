"""Which registrations a running daemon changes, and how."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from reverser.webhook.registration import KEEP_BUNDLE, WEBHOOK
from reverser.webhook.upkeep import Listener, amended

OLD = b"-----BEGIN CERTIFICATE-----\nb2xk\n-----END CERTIFICATE-----\n"
NEW = b"-----BEGIN CERTIFICATE-----\nbmV3\n-----END CERTIFICATE-----\n" + OLD
STRANGER = b"-----BEGIN CERTIFICATE-----\nc3RyYW5nZXI=\n-----END CERTIFICATE-----\n"
OWNER = {"apiVersion": "v1", "kind": "Namespace", "name": "ours", "uid": "7"}
LISTENER = Listener(lambda: NEW, ["hook.ours.svc"], "ours")


def registration(bundle: bytes = b"", **changes: Any) -> dict[str, Any]:
    """A registration for the Service ours/hook that a daemon may give a bundle."""
    given = {"marked": True, "namespace": "ours", "owners": (), "webhook": WEBHOOK} | changes
    trust = {"caBundle": base64.b64encode(bundle).decode()} if bundle else {}
    service = {"name": "hook", "namespace": given["namespace"]}
    return {
        "metadata": {
            "name": "it",
            "uid": "1",
            "annotations": {KEEP_BUNDLE: "true"} if given["marked"] else {},
            "ownerReferences": list(given["owners"]),
        },
        "webhooks": [{"name": given["webhook"], "clientConfig": {"service": service, **trust}}],
    }


def bundle(document: dict[str, Any] | None) -> bytes | None:
    """The bundle that would be written; None: none would."""
    if document is None or "webhooks" not in document:
        return None
    (webhook,) = document["webhooks"]
    return base64.b64decode(webhook["clientConfig"]["caBundle"])


@pytest.mark.parametrize(
    ("given", "written"),
    [
        (registration(), NEW),
        (registration(OLD), NEW),
        (registration(OLD, namespace="others"), NEW),
        (registration(NEW), None),
        (registration(STRANGER), None),
        (registration(marked=False), None),
        (registration(OLD, marked=False), None),
        (registration(namespace="others"), None),
        (registration(webhook="somebody.else"), None),
    ],
)
def test_who_is_given_our_authority(given: dict[str, Any], written: bytes | None) -> None:
    """A marked registration that trusts an older authority of ours, or calls us and trusts nobody."""
    assert bundle(amended(given, LISTENER, NEW, None)) == written


def test_what_was_written_is_repeated() -> None:
    """A new owner takes away no bundle, and a new bundle no owner: each apply is a whole."""
    owned = amended(registration(NEW), LISTENER, NEW, OWNER)
    renewed = amended(registration(OLD, owners=[OWNER]), LISTENER, NEW, OWNER)

    for document in (owned, renewed):
        assert document is not None
        assert bundle(document) == NEW
        assert document["metadata"]["ownerReferences"] == [OWNER]
    assert amended(registration(NEW, owners=[OWNER]), LISTENER, NEW, OWNER) is None


def test_bundles_of_others_are_left_alone() -> None:
    """Where the certificate comes from cert-manager the registration gets its owner and nothing else."""
    document = amended(registration(STRANGER, marked=False), Listener(namespace="ours"), b"", OWNER)

    assert document is not None
    assert bundle(document) is None
    assert document["metadata"]["ownerReferences"] == [OWNER]
