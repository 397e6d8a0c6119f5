"""Who asks: the users that the sandbox knows, each by a bearer token, and what a request's token says.

    admin        runs the cluster; also whoever writes from Python
    alice, bob   people
    ci           the service account `ci` of the namespace `shop`

A token is the user's name, and nothing is forbidden to anybody: the sandbox listens on loopback alone.
"""

from __future__ import annotations

from typing import Any

import msgspec

from reverser.sandbox.refusal import Refusal

AUTHENTICATED = "system:authenticated"


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
ANONYMOUS = User("system:anonymous", ("system:unauthenticated",))
AUTOSCALER = service_account("kube-system", "horizontal-pod-autoscaler")
NAMESPACE_CONTROLLER = service_account("kube-system", "namespace-controller")

BY_TOKEN = {"admin": ADMIN, "alice": ALICE, "bob": BOB, "ci": CI}


def authenticated(authorization: str) -> User:
    """The user of an Authorization header; without one they are anonymous. Refuses a token of nobody."""
    if not authorization:
        return ANONYMOUS
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "bearer" or token not in BY_TOKEN:
        raise Refusal("Unauthorized", "Unauthorized")
    return BY_TOKEN[token]
