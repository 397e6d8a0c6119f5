"""Reads the Secrets that GitRepoConfigs name, and the ConfigMap with the host keys of the installation.

Each is read by GET of its name and watched alone; Secrets are never listed. One that nobody names any more
is forgotten. A Secret that may not be read is reported with the commands that allow it. Values are in no log
line, and in no error.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping, Set
from typing import Any

import trio

from reverser.config.value_formats import split_secret_name
from reverser.custom_resources.model import ObjectName, SecretData
from reverser.errors import ReverserError
from reverser.kube.client import Client
from reverser.kube.credentials import own_namespace
from reverser.kube.errors import Forbidden
from reverser.kube.named_object import Follower, NamedObject

KNOWN_HOSTS = "known_hosts"
CONFIG_MAP = "known-hosts"
"""Name of the ConfigMap that is looked for in a pod's own namespace."""
REVIEWS = "/apis/authentication.k8s.io/v1/selfsubjectreviews"
ACCOUNT_PREFIX = "system:serviceaccount:"


class SecretFollowers:
    """The named Secrets as they are now; what was read outlives a lost connection."""

    def __init__(self, on_change: Callable[[], None]) -> None:
        self._on_change = on_change
        self._followers: dict[ObjectName, tuple[Follower, trio.CancelScope]] = {}
        self._connection: tuple[Client, trio.Nursery] | None = None
        self._wanted: frozenset[ObjectName] = frozenset()
        self._binding = "--user=YOU"
        self.secrets: dict[ObjectName, SecretData | None] = {}
        """Those that were read; None: there is none."""
        self.errors: dict[ObjectName, str] = {}
        """Those that cannot be read, and why."""

    @property
    def known(self) -> Set[ObjectName]:
        """Those about which there is an answer."""
        return self.secrets.keys() | self.errors.keys()

    async def run(self, client: Client) -> None:
        """Follow what is named until cancelled."""
        self._binding = await _binding(client)
        self._followers = {}
        try:
            async with trio.open_nursery() as nursery:
                self._connection = client, nursery
                self.follow(self._wanted)
                await trio.sleep_forever()
        finally:
            self._connection = None

    def follow(self, names: Collection[ObjectName]) -> None:
        """From now on these are named, and no others."""
        self._wanted = frozenset(names)
        for name in [*self._followers.keys() - self._wanted]:
            self._followers.pop(name)[1].cancel()
        for known in (self.secrets, self.errors):
            for name in [*known.keys() - self._wanted]:
                del known[name]
        if self._connection is not None:
            for name in sorted(self._wanted - self._followers.keys()):
                self._begin(name, *self._connection)

    def refresh(self, name: ObjectName) -> None:
        """Read one again now."""
        if name in self._followers:
            self._followers[name][0].refresh()

    def _begin(self, name: ObjectName, client: Client, nursery: trio.Nursery) -> None:
        def on_read(document: dict[str, Any] | None) -> None:
            self._read(name, document)

        def on_error(error: ReverserError) -> None:
            self._failed(name, error)

        named = NamedObject(f"/api/v1/namespaces/{name.namespace}/secrets", name.name)
        follower, scope = Follower(client, named, on_read, on_error), trio.CancelScope()
        self._followers[name] = follower, scope
        nursery.start_soon(_follow, follower, scope)

    def _read(self, name: ObjectName, document: dict[str, Any] | None) -> None:
        if name not in self._wanted:
            return
        data = None if document is None else entries(document)
        changed = name not in self.secrets or self.secrets[name] != data
        self.secrets[name] = data
        if self.errors.pop(name, None) is not None or changed:
            self._on_change()

    def _failed(self, name: ObjectName, error: ReverserError) -> None:
        if name not in self._wanted:
            return
        if isinstance(error, Forbidden):
            message = self._forbidden(name)
        elif name in self.secrets:
            # What was read last is still the best that is known.
            return
        else:
            message = f"the Secret {name} cannot be read: {error.message}"
        if self.errors.get(name) != message:
            self.errors[name] = message
            self._on_change()

    def _forbidden(self, name: ObjectName) -> str:
        role = f"reverser-{name.name}"
        return (
            f"reverser may not read the Secret {name}; allow it with: "
            f"kubectl -n {name.namespace} create role {role} --verb=get,watch --resource=secrets"
            f" --resource-name={name.name} && kubectl -n {name.namespace} create rolebinding {role}"
            f" --role={role} {self._binding}"
        )


async def _follow(follower: Follower, scope: trio.CancelScope) -> None:
    with scope:
        await follower.run()


def entries(document: Mapping[str, Any]) -> SecretData:
    """The entries of a Secret; one that is not base64 is left out."""
    decoded = {}
    for key, value in (document.get("data") or {}).items():
        try:
            decoded[str(key)] = base64.b64decode(value, validate=True)
        except (binascii.Error, TypeError, ValueError):
            continue
    return decoded


async def _binding(client: Client) -> str:
    """How kubectl's `create rolebinding` names the user that we are."""
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "SelfSubjectReview"}
    try:
        answer = await client.post(REVIEWS, review)
        user = str(answer["status"]["userInfo"]["username"])
    except (ReverserError, KeyError, TypeError):
        return "--user=YOU"
    if user.startswith(ACCOUNT_PREFIX):
        return f"--serviceaccount={user.removeprefix(ACCOUNT_PREFIX)}"
    return f"--user={user}"


class KnownHosts:
    """The host keys of the whole installation; empty while there are none."""

    def __init__(self, config_map: str, on_change: Callable[[], None]) -> None:
        """`config_map` is NAMESPACE/NAME; empty: that of the pod that we run in, if we do."""
        self._name = known_hosts_name(config_map, own_namespace())
        self._on_change = on_change
        self.keys = b""
        """In the format of the file known_hosts."""

    async def run(self, client: Client) -> None:
        """Follow the ConfigMap until cancelled."""
        if self._name:
            namespace, name = split_secret_name(self._name)
            named = NamedObject(f"/api/v1/namespaces/{namespace}/configmaps", name)
            await Follower(client, named, self._read, self._failed).run()

    def _read(self, document: dict[str, Any] | None) -> None:
        self._set(host_keys(document or {}))

    def _failed(self, error: ReverserError) -> None:
        # An API server that is away for a moment takes no key away.
        if isinstance(error, Forbidden):
            self._set(b"")

    def _set(self, keys: bytes) -> None:
        if keys != self.keys:
            self.keys = keys
            self._on_change()


def known_hosts_name(configured: str, namespace: str) -> str:
    """NAMESPACE/NAME of the ConfigMap, in the daemon's own namespace by default; empty: there is none."""
    return configured or (f"{namespace}/{CONFIG_MAP}" if namespace else "")


def host_keys(config_map: Mapping[str, Any]) -> bytes:
    """The keys that a ConfigMap holds."""
    return str((config_map.get("data") or {}).get(KNOWN_HOSTS, "")).encode()
