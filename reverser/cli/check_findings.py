"""What `reverser check` found out; `--output json` prints exactly these fields."""

from __future__ import annotations

import msgspec

from reverser.cli.check_machine import HereFinding
from reverser.manifest.object_index import Told


class TypeFinding(msgspec.Struct, frozen=True):
    """One type that rules select."""

    type: str
    """kubectl's full name: `deployments.apps`."""
    namespaces: tuple[str, ...]
    """Where it is watched; empty: everywhere."""
    rules: tuple[str, ...]
    """Names of the rules that select it."""
    allowed: bool
    """Whether we may list and watch it in all of them."""
    objects: int | None = None
    """How many there are in them: a first start writes no more, and fewer where a rule leaves some out.

    None: the API server does not tell."""


class ClusterFinding(msgspec.Struct, frozen=True):
    """One API server."""

    name: str
    server: str = ""
    version: str = ""
    error: str = ""
    """Why it could not be asked; empty when it was."""
    hint: str = ""
    types: tuple[TypeFinding, ...] = ()
    notes: tuple[str, ...] = ()
    """What is odd but no fault: groups that do not answer, patterns that match nothing yet."""
    roles: str = ""
    """YAML of the roles that would allow what is missing."""

    @property
    def ok(self) -> bool:
        return not self.error and all(found.allowed for found in self.types)


class DestinationFinding(msgspec.Struct, frozen=True):
    """One remote."""

    name: str
    url: str
    branch: str
    reachable: bool
    branch_exists: bool
    push_allowed: bool
    message: str = ""
    """The remote's own words when something is wrong."""
    hint: str = ""
    signing: str = ""
    """The SSH public key, or the OpenPGP fingerprint, that commits are signed with; empty without one."""
    signing_error: str = ""
    """Why the signing key cannot be used, and what to do about it."""
    encrypts: bool = False
    """Whether Secrets are encrypted, and a trial went well."""
    encryption_error: str = ""
    """Why Secrets cannot be encrypted."""

    described: tuple[Told, ...] = ()
    """Objects that files of people describe: they are edited there, or left alone for a reason."""
    described_error: str = ""
    """Why the branch's files could not be read; no fault of the configuration."""

    @property
    def ok(self) -> bool:
        wrong = self.signing_error or self.encryption_error
        return self.reachable and self.push_allowed and not wrong


class Findings(msgspec.Struct, frozen=True):
    """All of it."""

    clusters: tuple[ClusterFinding, ...] = ()
    destinations: tuple[DestinationFinding, ...] = ()
    here: tuple[HereFinding, ...] = ()
    """This machine; empty where the daemon is to run on another one."""

    @property
    def ok(self) -> bool:
        rest = all(each.ok for each in self.destinations) and all(each.ok for each in self.here)
        return rest and all(each.ok for each in self.clusters)
