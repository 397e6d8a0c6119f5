"""The label `role=leader` on the pod that leads: the Service of the webhooks selects by it.

The pod is named by $POD_NAME; without it, or without the right to patch pods, there is no label, and all else
goes on. A label that a former leader could not remove, since its node is lost or its process stands
still, is removed by whoever takes over, as far as the Lease calls it by the name of its pod.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import structlog
import trio

from reverser.config.value_formats import check_object_name
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.kube.errors import Forbidden, NotFound
from reverser.kube.stream_health import api_backoff

if TYPE_CHECKING:
    from reverser.health import Health
    from reverser.leader.lease_api import LeaseApi

log = structlog.get_logger()

SUBJECT = "leader/label"
AGAIN_SECONDS = 30.0
"""Between two writes of a label that nobody should have changed."""
REMOVE_SECONDS = 2.0
"""How long removing it may take at the end of the process."""
HINT = "allow get and patch of pods in our namespace"


class RoleLabel:
    """The label of one pod."""

    def __init__(self, api: LeaseApi, pod: str, health: Health) -> None:
        """`pod` is empty where there is none."""
        self._api = api
        self._pod = pod
        self._health = health
        self._leads = False
        self._changed = trio.Event()

    def lead(self) -> None:
        """From now on the pod has the label."""
        self._set(True)

    def follow(self) -> None:
        """From now on it has not."""
        self._set(False)

    def _set(self, leads: bool) -> None:
        self._leads = leads
        self._changed.set()

    async def run(self) -> None:
        """Write the label as it should be, until cancelled; a former life of the pod may have left one."""
        backoff = api_backoff()
        while self._pod:
            self._changed = trio.Event()
            pause = AGAIN_SECONDS
            try:
                await self._api.label(self._pod, leads=self._leads)
            except (TransientError, StalledError) as error:
                self._failed(error)
                pause = backoff.failed(error.retry_after)
            else:
                self._health.recovered(SUBJECT)
                backoff.succeeded()
            with trio.move_on_after(pause):
                await self._changed.wait()

    async def remove(self) -> None:
        """Remove it now, or give up soon."""
        if self._pod:
            with trio.move_on_after(REMOVE_SECONDS, shield=True):
                await self._remove_of(self._pod)

    async def remove_of_former(self, holder: str) -> None:
        """Remove it from the pod of a leader that did not give the Lease back."""
        try:
            check_object_name(holder)
        except ValueError:
            return
        if holder != self._pod:
            await self._remove_of(holder)

    async def _remove_of(self, pod: str) -> None:
        try:
            await self._api.label(pod, leads=False)
        except NotFound:
            pass
        except (TransientError, StalledError) as error:
            log.warning("label role=leader cannot be removed", pod=pod, error=error.message)

    def _failed(self, error: ReverserError) -> None:
        if isinstance(error, Forbidden | NotFound):
            message = f"the label role of pod {self._pod} cannot be written: {error.message} ({HINT})"
            self._health.stalled(SUBJECT, "RoleLabelMissing", message)
