"""Where an API server reaches the webhook listener: a Service, or a URL."""

from __future__ import annotations

import base64
import re
from typing import Any
from urllib.parse import urlsplit

import msgspec

HTTPS = 443
ADMISSION_PATH = "/process-validating-webhook"
AUDIT_PATH = "/audit"
"""Paths of the listener. Below each stands the name of a cluster, where there are several."""

_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")


class Endpoint(msgspec.Struct, frozen=True):
    """Made by `by_service` or `by_url`."""

    host: str
    """The name or address that the certificate must be for."""
    port: int = HTTPS
    path: str = ""
    """Stands before the paths of the listener; of a URL only."""
    service: str = ""
    """Name of the Service; empty: a URL."""
    namespace: str = ""
    """The Service's namespace, which is taken for our own."""

    def url(self, path: str) -> str:
        """The address of one of the listener's paths."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        port = "" if self.port == HTTPS else f":{self.port}"
        return f"https://{host}{port}{self.path}{path}"

    def client_config(self, path: str, ca_bundle: bytes) -> dict[str, Any]:
        """How a webhook registration says it; an empty bundle leaves trust to the API server's roots."""
        trust = {"caBundle": base64.b64encode(ca_bundle).decode()} if ca_bundle else {}
        if not self.service:
            return {"url": self.url(path), **trust}
        service = {"namespace": self.namespace, "name": self.service, "port": self.port, "path": path}
        return {"service": service, **trust}


def by_service(text: str) -> Endpoint:
    """`NS/NAME` or `NS/NAME:PORT`. Raises ValueError."""
    namespace, slash, rest = text.partition("/")
    name, colon, port = rest.partition(":")
    if not slash or not _NAME.fullmatch(namespace) or not _NAME.fullmatch(name):
        raise ValueError("must be NAMESPACE/NAME, with :PORT when it is not 443")
    number = _port(port) if colon else HTTPS
    return Endpoint(f"{name}.{namespace}.svc", number, service=name, namespace=namespace)


def by_url(text: str) -> Endpoint:
    """`https://HOST[:PORT][/PATH]`, nothing else. Raises ValueError."""
    parts = urlsplit(text)
    host = parts.hostname or ""
    if parts.scheme != "https" or not host or re.search(r"\s", text):
        raise ValueError("must be https://HOST[:PORT]")
    if "@" in parts.netloc or "?" in text or "#" in text:
        raise ValueError("must be without a user, a query and a fragment")
    port = HTTPS if parts.port is None else _port(str(parts.port))
    return Endpoint(host, port, path=parts.path.rstrip("/"))


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 1 <= int(text) <= 65535:
        raise ValueError(f"{text!r} is not a port")
    return int(text)
