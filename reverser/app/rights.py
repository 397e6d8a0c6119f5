"""All rights that a configuration needs in one cluster: `reverser rbac` prints them as roles.

What the rules select is read. Custom resources, the leader's Lease and the webhook each need rights of their
own, where the configuration has them. Objects of a known name are named; `create` cannot be
narrowed to a name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from reverser.config import Config
from reverser.config.value_formats import split_secret_name
from reverser.custom_resources import rights as of_resources
from reverser.custom_resources.model import Compiled
from reverser.kube.permissions import Right, reading
from reverser.leader.checkpoint import MOST_PARTS
from reverser.leader.own_objects import checkpoint_name, key_name
from reverser.model.change import Stream


def needed(
    config: Config,
    compiled: Compiled,
    streams: Iterable[Stream],
    *,
    cluster: str,
    namespace: str,
    registrations: Sequence[str],
) -> list[Right]:
    """The rights in a cluster, for a daemon that runs in `namespace` and is called by `registrations`."""
    rights = reading(streams)
    if config.resources is not None and cluster == config.home_cluster:
        rights += of_resources.needed(config, compiled, namespace)
    if cluster == config.clusters[0].name:
        rights += of_leader(config, namespace) + _of_secret(config)
    if config.webhook is not None:
        rights += _of_registrations(registrations, namespace)
    return sorted(set(rights))


def of_leader(config: Config, namespace: str) -> list[Right]:
    """The Lease, and the other objects that replicas share."""
    if config.leader is None:
        return []
    own, name = config.leader.namespace or namespace, config.leader.name
    rights = [Right(own, "coordination.k8s.io", "leases", "create"), Right(own, "", "secrets", "create")]
    for verb in ("get", "update"):
        rights.append(Right(own, "coordination.k8s.io", "leases", verb, name))
        rights.append(Right(own, "", "secrets", verb, key_name(name)))
    rights += [Right(own, "", "pods", verb) for verb in ("get", "patch")]
    rights.append(Right(own, "", "configmaps", "create"))
    parts = [checkpoint_name(name, part) for part in range(MOST_PARTS)]
    return rights + [
        Right(own, "", "configmaps", verb, part) for part in parts for verb in ("get", "update", "delete")
    ]


def _of_secret(config: Config) -> list[Right]:
    """Of the Secret that keeps the webhook's authority."""
    if config.webhook is None or not config.webhook.tls.secret:
        return []
    own, name = split_secret_name(config.webhook.tls.secret)
    rights = [Right(own, "", "secrets", verb, name) for verb in ("get", "update")]
    return [*rights, Right(own, "", "secrets", "create")]


def _of_registrations(registrations: Sequence[str], namespace: str) -> list[Right]:
    group, resource = "admissionregistration.k8s.io", "validatingwebhookconfigurations"
    rights = [Right("", group, resource, "patch", name) for name in registrations]
    return [*rights, Right("", group, resource, "list"), Right("", "", "namespaces", "get", namespace)]
