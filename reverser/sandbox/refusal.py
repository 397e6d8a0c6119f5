"""What the API answers when it does not do what was asked: a `Status` document with a code."""

from __future__ import annotations

from typing import Any

CODES = {
    "BadRequest": 400,
    "Forbidden": 403,
    "NotFound": 404,
    "MethodNotAllowed": 405,
    "NotAcceptable": 406,
    "AlreadyExists": 409,
    "Conflict": 409,
    "Expired": 410,
    "UnsupportedMediaType": 415,
    "Invalid": 422,
    "InternalError": 500,
}


class Refusal(Exception):
    """A refused request. `reason` is one of the API's words and decides the HTTP status."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason
        self.message = message
        self.code = CODES[reason]

    def document(self) -> dict[str, Any]:
        """The body of the answer, and the object of an ERROR event."""
        status = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
        return {**status, "message": self.message, "reason": self.reason, "code": self.code}


def not_served() -> Refusal:
    """The type or path is unknown."""
    return Refusal("NotFound", "the server could not find the requested resource")
