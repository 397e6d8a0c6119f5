"""Tells others what was pushed, and what became of conditions: CloudEvents, chats, or any JSON.

`event` is what happened, `formats` how a target wants it told, `courier` brings it there.
"""

from __future__ import annotations

import itertools
import time
from fnmatch import fnmatchcase

import httpx
import structlog
import trio

from reverser import hookimpl
from reverser.model.condition import Condition
from reverser.model.push import Pushed
from reverser_notify.courier import Courier
from reverser_notify.event import Event, of_condition, of_push
from reverser_notify.formats import request
from reverser_notify.settings import Settings, checked

WAIT_SECONDS = 20.0
"""How long a call waits for its message; a target that fails by then counts as a failure of the plugin."""
LAST_SECONDS = 4.0
"""For what still waits when the process ends."""

settings = Settings()
log: structlog.stdlib.BoundLogger = structlog.get_logger()
couriers: list[Courier] = []
client: httpx.AsyncClient
_numbers = itertools.count()


class NotDeliveredError(Exception):
    """At least one target was not told in time; it is tried further."""


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings, log: structlog.stdlib.BoundLogger) -> None:
    globals().update(settings=checked(settings), log=log)


@hookimpl
async def reverser_startup() -> None:
    # Redirects are not followed: what is sent is signed, and may carry a token.
    global client
    client = httpx.AsyncClient(follow_redirects=False, headers={"User-Agent": "reverser-notify"})
    couriers[:] = [Courier(target, client, log) for target in settings.targets]
    for courier in couriers:
        trio.lowlevel.spawn_system_task(courier.run, name=f"notify {courier.target.name}")


@hookimpl
async def reverser_pushed(push: Pushed) -> None:
    told = [each for each in couriers if _wants(each, push.destination)]
    await _tell(of_push(push, time.time()), told)


@hookimpl
async def reverser_condition(condition: Condition) -> None:
    await _tell(of_condition(condition, time.time(), next(_numbers)), couriers)


@hookimpl
async def reverser_shutdown() -> None:
    with trio.move_on_after(LAST_SECONDS):
        while any(courier.waiting for courier in couriers):
            await trio.sleep(0.05)
    for courier in couriers:
        courier.stop()
        if courier.waiting:
            log.warning("messages are lost with the process", target=courier.target.name, n=courier.waiting)
    await client.aclose()


def _wants(courier: Courier, destination: str) -> bool:
    return any(fnmatchcase(destination, glob) for glob in courier.target.destinations)


async def _tell(event: Event, told: list[Courier]) -> None:
    told = [courier for courier in told if event.kind in courier.target.events]
    parcels = [courier.take(request(event, courier.target, settings.source)) for courier in told]
    with trio.move_on_after(WAIT_SECONDS):
        for parcel in parcels:
            await parcel.ended.wait()
    if failed := [courier.target.name for courier in told if courier.fault]:
        raise NotDeliveredError(", ".join(failed))
