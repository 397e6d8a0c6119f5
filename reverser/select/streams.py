"""Which watches the rules of one cluster need, and what a stored position stays valid for.

One cluster-wide stream a type is best: watches times namespaces would be an explosion. But where
all rules name their few namespaces, one stream each lets a user run who may see only those.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

import msgspec

import reverser
from reverser.model.change import Stream
from reverser.model.destination import Destination
from reverser.model.resource import ResourceType
from reverser.model.rule import SanitizeRule, SensitiveRule
from reverser.select.resource_patterns import means
from reverser.select.rules import CompiledRule

MOST_NAMESPACES = 20
EVERYWHERE = ("",)

# Fields of a destination that neither move a file nor change its bytes.
_IMMATERIAL = {
    "adopt", "committer", "create_branch", "credentials", "excluded_window", "message", "push_commits",
    "push_interval", "signing", "suspend", "timeout", "window",
}  # fmt: skip


def streams(
    rules: Sequence[CompiledRule], types: Iterable[ResourceType], *, whole: bool = False
) -> dict[ResourceType, tuple[str, ...]]:
    """The namespaces to watch each selected type in; ("",) is all of the cluster.

    `whole`: always all of it, so that a rule that comes or goes never cuts the watches of others otherwise.
    """
    wanted: dict[ResourceType, tuple[str, ...]] = {}
    for type in types:  # noqa: A001 - the word of the design
        selecting = [rule for rule in rules if rule.selects_type(type)]
        scope = _scope(selecting) if type.namespaced and not whole else EVERYWHERE
        if selecting and scope:
            wanted[type] = scope
    return wanted


def coverage(
    stream: Stream,
    rules: Sequence[CompiledRule],
    destinations: Iterable[Destination],
    more: Iterable[SanitizeRule | SensitiveRule] = (),
) -> str:
    """A fingerprint of all that decides what of this stream goes where, and how it looks there.

    A stored position is good only for an equal fingerprint; after any other the stream lists again,
    so that nobody's later change carries what our own configuration or release did to a file.
    """
    selecting = [c for c in rules if c.rule.cluster == stream.cluster and c.selects_type(stream.type)]
    reached = {compiled.rule.destination for compiled in selecting}
    parts = (
        reverser.__version__,
        stream.type.api_version,
        stream.type.has_status,
        sorted(_selection(compiled) for compiled in selecting),
        sorted(file_settings(each) for each in destinations if each.name in reached),
        [rule for rule in more if any(means(pattern, stream.type) for pattern in rule.resources)],
    )
    return hashlib.blake2b(msgspec.json.encode(parts), digest_size=16).hexdigest()


def _scope(rules: Sequence[CompiledRule]) -> tuple[str, ...]:
    named = {namespace for compiled in rules for namespace in compiled.rule.namespaces}
    if len(named) > MOST_NAMESPACES or any(character in name for name in named for character in "*?["):
        return EVERYWHERE
    return tuple(sorted(name for name in named if any(compiled.covers(name) for compiled in rules)))


def _selection(compiled: CompiledRule) -> bytes:
    """What a rule says of objects; which types it means has been asked already."""
    rule = compiled.rule
    parts = (
        rule.destination,
        sorted(rule.namespaces),
        rule.cluster_scoped,
        sorted(rule.exclude_namespaces),
        rule.selector,
        sorted(rule.operations),
    )
    return msgspec.json.encode(parts)


def file_settings(destination: Destination) -> bytes:
    """What of a destination says where its files stand and how they look."""
    fields = msgspec.structs.asdict(destination)
    return msgspec.json.encode(
        {name: fields[name] for name in fields if name not in _IMMATERIAL}, order="sorted"
    )
