"""Signs a request as Standard Webhooks has it, so that the other side knows who sent it, and when.

    webhook-id: live/9f2c…
    webhook-timestamp: 1767225600
    webhook-signature: v1,<base64 of HMAC-SHA256 of "id.timestamp.body">

https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac

PREFIX = "whsec_"
"""Of a key that is given in base64; any other is taken as it is."""


def signature(key: str, message_id: str, body: bytes, now: float) -> dict[str, str]:
    """The headers to send. Raises ValueError for a key that is no base64 behind its prefix."""
    timestamp = str(int(now))
    signed = f"{message_id}.{timestamp}.".encode() + body
    mac = hmac.new(_bytes(key), signed, hashlib.sha256).digest()
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(mac).decode()}",
    }


def _bytes(key: str) -> bytes:
    if not key.startswith(PREFIX):
        return key.encode()
    try:
        return base64.b64decode(key.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        raise ValueError("the signing key is no base64") from None
