"""Tells others what was pushed, and what became of conditions: CloudEvents, chats, or any JSON.

`event` is what happened, `formats` how a target wants it told, `courier` brings it there. A call of the
host only puts messages into boxes: no target waits for another, and none keeps the host waiting.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
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

LAST_SECONDS = 4.0
"""For what still waits when the process ends."""

settings = Settings()
log: structlog.stdlib.BoundLogger = structlog.get_logger()
couriers: list[Courier] = []
client: httpx.AsyncClient
_numbers = itertools.count()


@hookimpl
def reverser_settings() -> type[Settings]:
    return Settings


@hookimpl
def reverser_configure(settings: Settings, log: structlog.stdlib.BoundLogger) -> None:
    globals().update(settings=checked(settings), log=log)


@hookimpl
async def reverser_startup(report: Callable[[str, str], None]) -> None:
    # Redirects are not followed: what is sent is signed, and may carry a token.
    global client
    client = httpx.AsyncClient(follow_redirects=False, headers={"User-Agent": "reverser-notify"})
    couriers[:] = [Courier(target, client, log, report) for target in settings.targets]
    for courier in couriers:
        trio.lowlevel.spawn_system_task(courier.run, name=f"notify {courier.target.name}")


@hookimpl
async def reverser_pushed(push: Pushed) -> None:
    _tell(of_push(push, time.time()), [each for each in couriers if _wants(each, push.destination)])


@hookimpl
async def reverser_condition(condition: Condition) -> None:
    quiet = _about_target(condition)
    _tell(of_condition(condition, time.time(), next(_numbers)), couriers, urgent=True, quiet=quiet)


@hookimpl
async def reverser_shutdown() -> None:
    with trio.move_on_after(LAST_SECONDS):
        while any(courier.waiting for courier in couriers):
            await trio.sleep(0.05)
    for courier in couriers:
        courier.stop()
        if courier.waiting:
            log.warning(
                "undelivered messages are lost at shutdown",
                target=courier.target.name,
                messages=courier.waiting,
            )
    await client.aclose()


def _wants(courier: Courier, destination: str) -> bool:
    return any(fnmatchcase(destination, glob) for glob in courier.target.destinations)


def _about_target(condition: Condition) -> bool:
    """Whether it is one of those that we report: what becomes of its messages must not lead to more."""
    whose, _, about = condition.subject.partition("/")[2].partition("/")
    return condition.subject.startswith("plugin/") and any(
        about == each.target.name and whose for each in couriers
    )


def _tell(event: Event, to: list[Courier], *, urgent: bool = False, quiet: bool = False) -> None:
    for courier in to:
        if event.kind in courier.target.events:
            try:
                courier.take(request(event, courier.target, settings.source), urgent=urgent, quiet=quiet)
            except Exception as error:
                # One target's form must not keep the others from being told; its text may quote a secret.
                log.error("message cannot be built", target=courier.target.name, error=type(error).__name__)
