"""The key of all digests, which the replicas share: the entry `digest.key` of the Secret `NAME-key`.

Masks in files, fingerprints of encrypted documents and the ids of journals are made with it. A replica with a
key of its own would write every masked Secret anew when it takes over, and would not know the files of the
others as its own. The first replica stores the key of its data directory.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

import structlog
import trio

from reverser.config import Cluster
from reverser.errors import ReverserError, StalledError, TransientError
from reverser.journal.data_directory import KEY_BYTES, adopt_digest_key
from reverser.kube import secrets as kube_secrets
from reverser.kube.client import Client
from reverser.kube.credentials import load
from reverser.kube.errors import Conflict
from reverser.kube.secrets import SecretName
from reverser.kube.stream_health import api_backoff
from reverser.leader.own_objects import LABELS, key_name

log = structlog.get_logger()

ENTRY = "digest.key"


async def share_digest_key(
    cluster: Cluster,
    namespace: str,
    leader: str,
    folder: Path,
    on_error: Callable[[ReverserError | None], None] = lambda _: None,
) -> None:
    """Have the data directory use the key of all replicas; waits for an API server that is not there.

    The journal must not be open. `on_error` gets each failure, and None once it works. Raises StalledError
    when the data directory cannot be written to.
    """
    name = SecretName(namespace, key_name(leader))
    backoff, logged = api_backoff(), ""
    while True:
        try:
            key = await _shared(cluster, name, _own(folder))
        except (TransientError, StalledError) as error:
            if error.message != logged:
                hint = error.hint or f"allow get, create and update of the Secret {name}"
                log.warning("waiting for the digest key", secret=str(name), error=error.message, hint=hint)
            logged = error.message
            on_error(error)
            await trio.sleep(backoff.failed(error.retry_after))
        else:
            on_error(None)
            await trio.to_thread.run_sync(adopt_digest_key, folder, key)
            return


async def _shared(cluster: Cluster, name: SecretName, own: bytes) -> bytes:
    """The key in the Secret, which is given ours when it has none."""
    async with Client.open(await load(cluster.kubeconfig, cluster.context)) as client:
        while True:
            held = await kube_secrets.read(client, name)
            if held is not None and ENTRY in held.entries:
                return _checked(held.entries[ENTRY], name)
            try:
                await kube_secrets.write(client, name, held, {ENTRY: own}, type_="Opaque", labels=LABELS)
            except Conflict:
                await trio.lowlevel.checkpoint()  # another replica was first
            else:
                return own


def _checked(key: bytes, name: SecretName) -> bytes:
    if len(key) != KEY_BYTES:
        message = f"{ENTRY} in the Secret {name} does not hold {KEY_BYTES} bytes"
        raise StalledError("KeyUnusable", message, hint="restore the Secret from a backup, or delete it")
    return key


def _own(folder: Path) -> bytes:
    """The key of the data directory; a random one where it has none."""
    try:
        key = (folder / "key").read_bytes()
    except OSError:
        key = b""
    return key if len(key) == KEY_BYTES else secrets.token_bytes(KEY_BYTES)
