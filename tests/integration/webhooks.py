"""A webhook that an API server calls: registered as reverser registers its own; it keeps each request."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from itertools import count
from pathlib import Path

from reverser.certs.self_managed import SelfManaged
from reverser.certs.tls_context import open_tls
from reverser.config.listeners import WebhookTls
from reverser.model.rule import Rule
from reverser.webhook.address import by_url
from reverser.webhook.registration import registration
from tests.e2e.listener import Listener
from tests.integration.kubernetes import Api, Object, configmap

REGISTRATIONS = "/apis/admissionregistration.k8s.io/v1/validatingwebhookconfigurations"
NAME = "recording"
_first = (f"first-{number}" for number in count(1))


class RegisteredWebhook:
    """What the API server sends to it."""

    def __init__(self, api: Api, listener: Listener) -> None:
        self._api = api
        self._listener = listener

    @property
    def requests(self) -> list[Object]:
        """The request of each AdmissionReview, but for those of the first sign of life."""
        requests = [body["request"] for body in self._listener.bodies]
        return [request for request in requests if not _name(request).startswith("first-")]

    def about(self, name: str) -> list[Object]:
        """Those about objects of this name."""
        return [request for request in self.requests if _name(request) == name]

    @asynccontextmanager
    async def away(self) -> AsyncIterator[None]:
        """The API server calls a port on which nobody listens."""
        path = f"{REGISTRATIONS}/{NAME}"
        registered = await self._api.get(path)
        [webhook] = registered["webhooks"]
        config = {**webhook["clientConfig"], "url": "https://127.0.0.1:1/"}
        moved = await self._api.put(path, {**registered, "webhooks": [{**webhook, "clientConfig": config}]})
        known = len(self._listener.bodies)
        await self._api.settled(partial(self._unheard, known))
        yield
        back = {**moved, "webhooks": registered["webhooks"]}
        await self._api.put(path, back)

    async def _unheard(self, known: int) -> bool:
        """Whether a new object is told to nobody; a registration takes a moment to be known."""
        await self._api.create(self._api.configmaps, configmap(next(_first)))
        unheard = len(self._listener.bodies) == known
        self._listener.bodies[known:] = []
        return unheard


def essence(request: Object) -> Object:
    """A request without what is its own each time, or looked at by itself."""
    return {key: value for key, value in request.items() if key not in ("uid", "userInfo", "object")}


@asynccontextmanager
async def register_webhook(api: Api, folder: Path) -> AsyncIterator[RegisteredWebhook]:
    """A webhook that is registered for the namespace of `api`, and was called already."""
    tls = open_tls(WebhookTls(), folder)
    async with Listener.open(tls) as listener:
        rule = Rule("all", "live", namespaces=(api.namespace,))
        url, bundle = by_url(f"https://127.0.0.1:{listener.port}"), SelfManaged(folder, ()).ca_bundle()
        await api.create(REGISTRATIONS, registration([rule], url, bundle, name=NAME))
        try:

            async def called() -> bool:
                await api.create(api.configmaps, configmap(next(_first)))
                return bool(listener.bodies)

            await api.settled(called)
            yield RegisteredWebhook(api, listener)
        finally:
            await api.delete(f"{REGISTRATIONS}/{NAME}")


def _name(request: Object) -> str:
    subject = request["object"] or request["oldObject"]
    return str(subject["metadata"].get("name", ""))
