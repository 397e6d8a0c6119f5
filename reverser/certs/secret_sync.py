"""Copies authority and certificate from a Secret into the files that the listener loads, again and again.

The files get only what the Secret holds: the listener serves nothing that a reader of the Secret does not
trust. With a Secret only this exchange renews certificates, not the listener.
"""

from __future__ import annotations

from datetime import UTC, datetime

import structlog
import trio

from reverser.certs.secret_store import CertSecret, reconcile, stalled
from reverser.certs.self_managed import SelfManaged
from reverser.errors import StalledError, TransientError
from reverser.kube.stream_health import api_backoff

log = structlog.get_logger()

EVERY_SECONDS = 600.0
START_SECONDS = 30.0


class CertificateSync:
    """One Secret, and the files of one listener."""

    def __init__(self, where: CertSecret, own: SelfManaged) -> None:
        self._where = where
        self._own = own

    async def start(self, seconds: float = START_SECONDS) -> None:
        """Write the files. While the API server is away, wait, then use the files of the last start.

        Raises StalledError when there are none, and at once for what waiting does not change.
        """
        try:
            await self._exchange_until(trio.current_time() + seconds)
        except TransientError as error:
            if not (await trio.to_thread.run_sync(self._own.read)).server:
                raise stalled(self._where, error) from error
            log.warning(
                "certificate Secret cannot be read, using the certificate of the last start",
                error=error.message,
            )

    async def keep(self, every_seconds: float = EVERY_SECONDS) -> None:
        """Exchange again and again, until cancelled; the same error is logged once."""
        last_error = ""
        while True:
            await trio.sleep(every_seconds)
            try:
                await self.exchange()
                last_error = ""
            except (StalledError, TransientError) as error:
                if error.message != last_error:
                    hint = error.hint or self._where.hint
                    log.warning(
                        "certificate cannot be renewed, the old one stays in use",
                        error=error.message,
                        hint=hint,
                    )
                last_error = error.message

    async def exchange(self) -> None:
        """Write to the files what the Secret holds now. Raises TransientError or StalledError."""
        mine = await trio.to_thread.run_sync(self._own.read)
        state = await reconcile(self._where, mine, self._own.names, datetime.now(UTC))
        await trio.to_thread.run_sync(self._own.write, state)

    async def _exchange_until(self, deadline: float) -> None:
        backoff = api_backoff()
        error_so_far = TransientError("it did not answer in time")
        with trio.move_on_at(deadline):
            while True:
                try:
                    return await self.exchange()
                except TransientError as error:
                    error_so_far = error
                await trio.sleep(backoff.failed(error_so_far.retry_after))
        raise error_so_far
