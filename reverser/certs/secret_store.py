"""With `secret` in `[webhook.tls]`: the Secret through which all replicas agree on one authority.

    ca.crt   ca.key    the authority, newest first, and its key
    tls.crt  tls.key   the listener's certificate, and its key

The first writer creates the authority. A conflict means that somebody else was first, and the Secret is read
again. A new state is returned only once the Secret holds it. A Secret that holds anything else is not
changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from cryptography import x509

from reverser.certs.ca_state import CaState, UnusableCaError, renewed, split_key_and_certs
from reverser.config import Cluster, Config
from reverser.config.value_formats import split_secret_name
from reverser.errors import StalledError, TransientError
from reverser.kube import credentials, secrets
from reverser.kube.client import Client
from reverser.kube.errors import ApiError, Conflict
from reverser.kube.secrets import SecretName, SecretSnapshot

ATTEMPTS = 5
LASTING = (400, 403, 404, 405, 422)
"""Refusals that waiting does not change."""


class CertSecret(msgspec.Struct, frozen=True):
    """A Secret of a cluster."""

    cluster: Cluster
    secret: SecretName

    def __str__(self) -> str:
        return f"the Secret {self.secret} of cluster {self.cluster.name}"

    @property
    def hint(self) -> str:
        """What must be allowed."""
        rule = '{apiGroups: [""], resources: [secrets], verbs: [get, create, update]}'
        return f"namespace {self.secret.namespace} must exist, with a Role for us that has {rule}"


def cert_secret(config: Config) -> CertSecret | None:
    """Where `[webhook.tls]` wants the authority to be kept; None: in the data directory."""
    if config.webhook is None or not config.webhook.tls.secret:
        return None
    return CertSecret(config.clusters[0], SecretName(*split_secret_name(config.webhook.tls.secret)))


async def reconcile(
    where: CertSecret, mine: CaState, names: Sequence[x509.GeneralName], now: datetime, *, renew: bool = True
) -> CaState:
    """What the Secret keeps by now; one that is empty, or not there, is given `mine`, or what is made.

    Raises TransientError, StalledError for what waiting does not change.
    """
    login = await credentials.load(where.cluster.kubeconfig, where.cluster.context)
    async with Client.open(login) as client:
        try:
            for _ in range(ATTEMPTS):
                held = await secrets.read(client, where.secret)
                stored = _stored_state(where, held)
                wanted = stored if stored and not renew else _renewed_state(where, stored, mine, names, now)
                if wanted == stored or await _was_written(client, where, held, wanted):
                    return wanted
        except ApiError as error:
            if error.status in LASTING:
                raise stalled(where, error) from error
            raise
    raise TransientError(f"{where} is changed by others at each attempt to write it")


def stalled(where: CertSecret, error: TransientError) -> StalledError:
    """An error that waiting has not mended, or will not."""
    message = f"{where} cannot be read and written: {error.message}"
    return StalledError("SecretUnavailable", message, hint=where.hint)


async def _was_written(
    client: Client, where: CertSecret, held: SecretSnapshot | None, state: CaState
) -> bool:
    try:
        await secrets.write(client, where.secret, held, packed(state))
    except Conflict:
        return False
    return True


def _stored_state(where: CertSecret, held: SecretSnapshot | None) -> CaState | None:
    if held is None or not held.entries:
        return None
    try:
        return unpacked(held.entries)
    except UnusableCaError as error:
        raise _unusable(str(where), error) from error


def _renewed_state(
    where: CertSecret, stored: CaState | None, mine: CaState, names: Sequence[x509.GeneralName], now: datetime
) -> CaState:
    try:
        return renewed(stored or mine, names, now)
    except UnusableCaError as error:
        raise _unusable(str(where) if stored else "the authority in data_dir", error) from error


def packed(state: CaState) -> dict[str, bytes]:
    """The entries of the Secret."""
    ca_key, ca = split_key_and_certs(state.authority)
    tls_key, tls = split_key_and_certs(state.server)
    return {"ca.crt": ca, "ca.key": ca_key, "tls.crt": tls, "tls.key": tls_key}


def unpacked(entries: Mapping[str, bytes]) -> CaState:
    """What entries keep. Raises UnusableCaError when they lack the authority, or it cannot be read."""
    missing = [key for key in ("ca.key", "ca.crt") if key not in entries]
    if missing:
        raise UnusableCaError(f"has entries, but no {' and '.join(missing)}")
    state = CaState(_pem_of(entries, "ca"), _pem_of(entries, "tls"))
    state.bundle  # noqa: B018 - that it can be read
    return state


def _pem_of(entries: Mapping[str, bytes], name: str) -> bytes:
    pair = [entries.get(f"{name}.{kind}", b"").rstrip() + b"\n" for kind in ("key", "crt")]
    return b"".join(pair).strip(b"\n") and b"".join(pair)


def _unusable(where: str, error: UnusableCaError) -> StalledError:
    hint = "name another Secret, or delete this one and run `reverser webhook install` again"
    if where == "the authority in data_dir":
        hint = "restore it from a backup, or remove it"
    return StalledError("CertificateUnusable", f"{where} {error}", hint=hint)
