"""Who asks: the users that the sandbox knows, and how a request names its own.

    admin        runs the cluster; also whoever writes from Python
    alice, bob   people
    ci           the service account `ci` of the namespace `shop`

Each has an address of their own, `/as/NAME` in front of every path: the sandbox speaks no TLS, and without
it kubectl sends no token. Nobody is forbidden anything; the sandbox listens on loopback alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.sandbox.refusal import not_served

AUTHENTICATED = "system:authenticated"
PREFIX = "as"


class User(msgspec.Struct, frozen=True):
    """A user as an authenticator knows them."""

    name: str
    groups: tuple[str, ...] = (AUTHENTICATED,)

    @property
    def info(self) -> dict[str, Any]:
        """As an AdmissionReview names them."""
        return {"username": self.name, "groups": self.groups}


def service_account(namespace: str, name: str) -> User:
    """The user that pods, pipelines and controllers with this account are."""
    groups = ("system:serviceaccounts", f"system:serviceaccounts:{namespace}", AUTHENTICATED)
    return User(f"system:serviceaccount:{namespace}:{name}", groups)


ADMIN = User("admin", ("system:masters", AUTHENTICATED))
ALICE = User("alice")
BOB = User("bob")
CI = service_account("shop", "ci")
AUTOSCALER = service_account("kube-system", "horizontal-pod-autoscaler")
NAMESPACE_CONTROLLER = service_account("kube-system", "namespace-controller")

BY_NAME = {"admin": ADMIN, "alice": ALICE, "bob": BOB, "ci": CI}


def split_user(path: str) -> tuple[User, str]:
    """The user of a request, and the path that they want; whoever does not say is the admin."""
    _, first, name, *rest = [*path.split("/", 3), "", ""][:4]
    if first != PREFIX:
        return ADMIN, path
    if name not in BY_NAME:
        raise not_served()
    return BY_NAME[name], f"/{rest[0]}"
