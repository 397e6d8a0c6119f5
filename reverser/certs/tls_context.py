"""TLS of the webhook listener: certificates that change while it runs.

Every new connection gets the newest context, whole: certificate, key and client authority belong
together. Calling `load_cert_chain` on a context in use would do for the certificate, but could not
take a client authority back, and a bad pair would leave it half changed. Connections that are open
keep what they have.

The files are looked at every few seconds. A change that makes no context is logged once, and the old
one stays. With `mode = "self-managed"` what is due is renewed before each look, unless a
Secret keeps it: then the files change as those of others do.

`PemFiles` are the files of a listener, and make its context.
"""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import structlog
import trio

from reverser.certs.self_managed import SelfManaged
from reverser.config.listeners import WebhookTls
from reverser.errors import ConfigError, Problem, StalledError

ALPN = "http/1.1"


class BadPem(Exception):
    """Files that make no context, in words for a person."""


class PemFiles(msgspec.Struct, frozen=True):
    """Where they are."""

    certificate: Path
    """The listener's certificate, followed by those between it and its authority."""
    key: Path
    """Its private key; may be the same file."""
    client_ca: Path | None = None
    """An authority; only clients with a certificate of it may call."""

    def fingerprint(self) -> bytes:
        """Differs when the content of a file does, or whether it can be read."""
        digest = hashlib.blake2b(digest_size=16)
        for path in filter(None, (self.certificate, self.key, self.client_ca)):
            digest.update(hashlib.blake2b(_content(path)).digest())
        return digest.digest()

    def context(self) -> ssl.SSLContext:
        """What a listener needs for its handshakes. Raises BadPem."""
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_alpn_protocols([ALPN])
        try:
            # OpenSSL would ask the terminal for the password of a key that has one.
            context.load_cert_chain(self.certificate, self.key, password="")
        except (OSError, ValueError) as error:
            raise BadPem(_reason(error, self.certificate, self.key)) from error
        if self.client_ca is not None:
            context.verify_mode = ssl.CERT_REQUIRED
            try:
                context.load_verify_locations(self.client_ca)
            except (OSError, ValueError) as error:
                raise BadPem(_reason(error, self.client_ca)) from error
        return context


def _content(path: Path) -> bytes:
    try:
        return b"+" + path.read_bytes()
    except OSError as error:
        return f"-{error.errno}".encode()


def _reason(error: OSError | ValueError, *paths: Path) -> str:
    for path in paths:
        try:
            path.read_bytes()
        except OSError as unreadable:
            return f"{path} cannot be read: {unreadable.strerror}"
    names = " and ".join(dict.fromkeys(map(str, paths)))
    if isinstance(error, ssl.SSLError) and error.reason == "KEY_VALUES_MISMATCH":
        return f"{names} do not belong together"
    detail = getattr(error, "reason", None) or error
    return f"{names} cannot be used: {str(detail).replace('_', ' ').lower()}"


log = structlog.get_logger()

POLL_SECONDS = 5.0
KEY_PATH = "webhook.tls"


class LiveContext(ssl.SSLContext):
    """A context that hands each new connection to the newest one."""

    def __new__(cls, newest: ssl.SSLContext) -> LiveContext:  # noqa: ARG004 - ssl wants the protocol here
        return super().__new__(cls, ssl.PROTOCOL_TLS_SERVER)

    def __init__(self, newest: ssl.SSLContext) -> None:
        self.newest = newest

    def wrap_bio(
        self,
        incoming: ssl.MemoryBIO,
        outgoing: ssl.MemoryBIO,
        server_side: bool = False,
        server_hostname: str | bytes | None = None,
        session: ssl.SSLSession | None = None,
    ) -> ssl.SSLObject:
        """What trio makes a connection with."""
        return self.newest.wrap_bio(incoming, outgoing, server_side, server_hostname, session)


class Tls:
    """The context of one listener. Raises ConfigError when the files make none at the start."""

    def __init__(self, files: PemFiles, renew: Callable[[], object] = lambda: None) -> None:
        self._files = files
        self._renew = renew
        self._trouble = ""
        renew()
        self._seen = files.fingerprint()
        try:
            self.context = LiveContext(files.context())
        except BadPem as error:
            raise ConfigError([Problem(KEY_PATH, str(error))]) from error

    async def watch(self, poll_seconds: float = POLL_SECONDS) -> None:
        """Take over what changes, until cancelled."""
        while True:
            await trio.sleep(poll_seconds)
            await trio.to_thread.run_sync(self.refresh)

    def refresh(self) -> None:
        """Renew what is due, then take over what changed since the last look."""
        self._renew_or_warn()
        seen = self._files.fingerprint()
        if seen == self._seen:
            return
        try:
            context = self._files.context()
            problem = ""
        except BadPem as error:
            problem = str(error)
        if self._files.fingerprint() != seen:
            return  # in the middle of being replaced: the next look will see all of it
        self._seen = seen
        if problem:
            log.error("new certificate cannot be used, the old one stays in use", error=problem)
        else:
            self.context.newest = context
            log.info("certificate reloaded", certificate=str(self._files.certificate))

    def _renew_or_warn(self) -> None:
        try:
            self._renew()
            self._trouble = ""
        except StalledError as error:
            if error.message != self._trouble:
                log.error(
                    "certificate cannot be renewed, the old one stays in use",
                    error=error.message,
                    hint=error.hint,
                )
            self._trouble = error.message


def open_tls(settings: WebhookTls, folder: Path) -> Tls:
    """What `[webhook.tls]` says; `folder` is where a self-managed certificate is kept.

    Raises ConfigError for files that cannot be used, StalledError for a folder that cannot.
    """
    client_ca = Path(settings.client_ca) if settings.client_ca else None
    if settings.mode == "files":
        return Tls(PemFiles(Path(settings.certificate), Path(settings.key), client_ca))
    own = SelfManaged(folder, settings.names)
    pair = PemFiles(own.path, own.path, client_ca)
    return Tls(pair) if settings.secret else Tls(pair, lambda: own.renew(datetime.now(UTC)))
