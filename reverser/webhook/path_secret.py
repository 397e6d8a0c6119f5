"""A long secret in front of the paths that API servers call, where they cannot present a certificate.

`/SECRET/audit` instead of `/audit`. It is compared in constant time and taken off the path before anybody
else sees it, so that no log line, no metric and no answer can hold it. A request without it is answered like
one for a path that is not there.
"""

from __future__ import annotations

import hmac
import os
from pathlib import Path
from typing import Any

import structlog
import trio

from reverser.config.value_formats import check_path_secret
from reverser.errors import ConfigError, Problem
from reverser.http.asgi import Receive, Scope, Send, answer
from reverser.model.secret import SecretRef

log = structlog.get_logger()

KEY = "webhook.path_secret"
LOG_SECONDS = 60.0
HINT = "make one with: openssl rand -hex 32"


class PathSecretGuard:
    """The application behind the secret."""

    def __init__(self, application: Any, secret: str) -> None:
        self._application = application
        self._secret = secret.encode()
        self._quiet_until = float("-inf")

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._application(scope, receive, send)
            return
        first, slash, rest = scope["path"].removeprefix("/").partition("/")
        # Whoever handles it, or logs that it failed, sees the rest alone.
        scope["path"], scope["raw_path"] = slash + rest, (slash + rest).encode()
        if hmac.compare_digest(first.encode(errors="replace"), self._secret):
            await self._application(scope, receive, send)
        else:
            self._warn(scope)
            await answer(send, 404, b"not found\n")

    def _warn(self, scope: Scope) -> None:
        now = trio.current_time()
        if now >= self._quiet_until:
            self._quiet_until = now + LOG_SECONDS
            client = scope.get("client")
            hint = "run `reverser webhook install` again; for audit, `reverser audit print-webhook`"
            log.warning("webhook call lacks the path secret", client=client and client[0], hint=hint)


def path_secret(reference: SecretRef | None) -> str:
    """The secret as it is now; empty when none is wanted. Raises ConfigError, which never quotes it."""
    if reference is None:
        return ""
    try:
        text = _read(reference).strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "no text"
        problem = f"{reference.file} cannot be read: {reason}"
        raise ConfigError(
            [Problem(KEY, problem, "the file is read at the start, and must exist by then")]
        ) from None
    try:
        check_path_secret(text)
    except ValueError as error:
        raise ConfigError([Problem(KEY, _fault(reference, text, str(error)), HINT)]) from None
    return text


def _fault(reference: SecretRef, text: str, what: str) -> str:
    """What is wrong, and with which file or variable; the text itself is not quoted."""
    where = reference.file or reference.env
    if where and not text:
        return f"{where} is empty"
    return f"what is in {where} {what}" if where else what


def _read(reference: SecretRef) -> str:
    if reference.file:
        return Path(reference.file).read_text()
    return os.environ.get(reference.env, "") if reference.env else reference.value
