"""Which rights the custom resources need.

Secrets are needed one by one, by name; nothing is needed that lists them.
"""

from __future__ import annotations

from reverser.config import Config
from reverser.custom_resources.api_types import GROUP
from reverser.custom_resources.model import Compiled
from reverser.custom_resources.reader import NAMESPACES, streams
from reverser.custom_resources.secret_followers import known_hosts_name
from reverser.kube.credentials import own_namespace
from reverser.kube.permissions import Right

ROLE = "reverser-custom-resources"


def needed(config: Config, compiled: Compiled, namespace: str = "") -> list[Right]:
    """The rights that the daemon uses for these custom resources; `namespace` is its own, if not ours."""
    assert config.resources is not None
    rights: list[Right] = []
    for stream, kind in streams(config.home_cluster, config.resources).items():
        space, plural = stream.namespace, stream.type.resource
        verbs = ("get", "list", "watch") if kind == "GitRepoConfig" else ("list", "watch")
        rights += [Right(space, GROUP, plural, verb) for verb in verbs]
        rights.append(Right(space, GROUP, f"{plural}/status", "patch"))
    spaces = config.resources.namespaces
    for verb in () if spaces else ("list", "watch"):
        rights.append(Right("", "", NAMESPACES.resource, verb))
    rights += [
        Right("", "", NAMESPACES.resource, verb, space) for space in spaces for verb in ("get", "watch")
    ]
    rights += [Right(space, "events.k8s.io", "events", "create") for space in spaces or ("",)]
    for secret in compiled.secrets:
        rights += [Right(secret.namespace, "", "secrets", verb, secret.name) for verb in ("get", "watch")]
    space, _, name = known_hosts_name(config.resources.known_hosts, namespace or own_namespace()).partition(
        "/"
    )
    rights += [Right(space, "", "configmaps", verb, name) for verb in (("get", "watch") if name else ())]
    if config.tenancy.service_account:
        rights.append(Right("", "authorization.k8s.io", "subjectaccessreviews", "create"))
    return sorted(rights)


def only_slower(right: Right) -> bool:
    """Whether all works without a right: an object that cannot be watched is read every minute."""
    return bool(right.name) and right.verb == "watch" and right.resource in ("secrets", "configmaps")
