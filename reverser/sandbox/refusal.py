"""What the API answers when it does not do what was asked: a `Status` document with a code."""

from __future__ import annotations

from typing import Any

CODES = {
    "BadRequest": 400,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Expired": 410,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "TooManyRequests": 429,
    "InternalError": 500,
    "ServiceUnavailable": 503,
}


class Refusal(Exception):
    """A refused request. `reason` is one of the API's words and decides the HTTP status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message

    @property
    def code(self) -> int:
        return CODES[self.reason]

    def document(self) -> dict[str, Any]:
        """The body of the answer, and the object of an ERROR event."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "code": self.code,
        }


def not_served() -> Refusal:
    """The type or path is unknown."""
    return Refusal("NotFound", "the server could not find the requested resource")


def expired(wanted: int, oldest: int) -> Refusal:
    """The history that a watch wants to start from is gone."""
    return Refusal("Expired", f"too old resource version: {wanted} ({oldest})")
