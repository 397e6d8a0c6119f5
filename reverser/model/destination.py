"""Where documents go: a repository URL, a branch in it, and a root path inside that.

These structs are the `[[destinations]]` table of the configuration file; custom resources compile
into the same values. Their destinations have a slash in the name, which the file forbids: `subject_of` and
`folder_of` say what such a name becomes, so that nothing of a destination `shop/web` is inside that of
`shop`.
"""

from __future__ import annotations

from typing import Literal

import msgspec

from reverser.model.secret import SecretRef


class Credentials(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Exactly one kind: `ssh_key` (with `known_hosts`), `username` with `password`, or `token`."""

    ssh_key: SecretRef | None = None
    """Private key for ssh remotes."""
    ssh_passphrase: SecretRef | None = None
    """Passphrase of `ssh_key`, when it has one."""
    known_hosts: SecretRef | None = None
    """Host keys for ssh remotes; without it an ssh remote is refused, never trusted blindly."""
    username: str = ""
    """User name for http and https remotes."""
    password: SecretRef | None = None
    """Password for http and https remotes."""
    token: SecretRef | None = None
    """Bearer token for http and https remotes."""


class Signing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """All commits of the destination are signed."""

    key: SecretRef
    """SSH key (ed25519 or ecdsa, without a passphrase) or armoured OpenPGP secret key; read at each use."""
    passphrase: SecretRef | None = None
    """Of an OpenPGP key that has one."""


class Sops(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """For whom Secrets are encrypted, and by which program; the keys are those of `.sops.yaml`."""

    age: tuple[str, ...] = ()
    """age recipients (`age1…`) or SSH public keys."""
    pgp: tuple[str, ...] = ()
    """Fingerprints of OpenPGP keys in the keyring of the user that we run as."""
    kms: tuple[str, ...] = ()
    """ARNs of keys in AWS KMS."""
    gcp_kms: tuple[str, ...] = ()
    """Resource ids of keys in Google Cloud KMS."""
    azure_keyvault: tuple[str, ...] = ()
    """URLs of keys in Azure Key Vault."""
    hc_vault_transit_uri: tuple[str, ...] = ()
    """URLs of keys in the transit engine of HashiCorp Vault or OpenBao."""
    program: str = "sops"
    """A path, or a name that is looked for in `PATH`."""


class Destination(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A repository URL + branch + root path inside it, and how files look there."""

    name: str
    """Names the destination in rules, logs and metrics; `NAMESPACE/NAME` is that of a GitRepoConfig."""
    url: str
    """ssh://, https://, http://, file:// or scp-like (git@host:path)."""
    branch: str = "main"
    """The branch that commits go to."""
    create_branch: bool = True
    """Whether a missing branch is made in a repository that has others; an empty one gets it in any case."""
    path: str = ""
    """Root inside the repository; empty: the repository's root."""
    adopt: bool = False
    """Whether files in our folder that an unknown journal wrote for our cluster are ours."""
    gone_types: Literal["keep", "remove"] = "keep"
    """remove: a complete list that lacks a CRD which has a file removes the files of its objects, too."""
    layout: Literal["default", "rest", "template"] = "default"
    """How paths are formed (docs/layouts.md)."""
    template: str = ""
    """The format string of layout = "template"."""
    window: str = "0s"
    """Above 0, the changes of one actor within it become one commit."""
    excluded_window: str = "1m"
    """How long writes that rules exclude may wait for a commit, so that they share one."""
    push_interval: str = "0s"
    """How long a change may wait for its push, so that several leave together; 0s: not at all."""
    push_commits: int = 0
    """Push as soon as so many changes wait, before `push_interval` is over; 0: however many there are."""
    suspend: bool = False
    """While true nothing is written; changes wait in the journal."""
    timeout: str = "5m"
    """How long a fetch or push may make no progress before it is given up and tried again."""
    mode: Literal["commit", "observe"] = "commit"
    """observe: decide and log, write nothing."""
    style: Literal["full", "minimal"] = "full"
    """minimal leaves out what equals the API's default."""
    secrets: Literal["omit", "mask", "encrypt"] = "omit"
    """omit: a Secret has no file; mask: values are replaced by keyed digests; encrypt: a SOPS document."""
    suspicious: Literal["flag", "mask", "ignore"] = "flag"
    """What looks like a secret outside of Secrets. flag: written and told of; mask: as in Secrets."""
    message: Literal["reverser", "seed"] = "reverser"
    """The subject of commits. seed: [UPDATE] apps/v1/deployments/web by user/alice, as in GitOps Reverser."""
    notes: bool = True
    """Who becomes known as the author after the commit is noted under refs/notes/reverser, pushed too."""
    committer: str = "Reverser <reverser@localhost>"
    """`Name <email>` of the committer of all commits, and the author of snapshots."""
    credentials: Credentials = Credentials()
    """How to log in to the remote."""
    signing: Signing | None = None
    """Without the table commits are not signed."""
    sops: Sops | None = None
    """Required for `secrets = "encrypt"`."""

    @property
    def subject(self) -> str:
        """Under which conditions of the destination are shown."""
        return subject_of(self.name)


def is_of_resource(name: str) -> bool:
    """Whether a destination of this name is made by a custom resource."""
    return "/" in name


def subject_of(name: str) -> str:
    """The subject of a destination's conditions: `destination/live`, or `gitrepoconfig/shop/web`.

    `destination/shop/web` would be a part of the destination `shop`.
    """
    return f"gitrepoconfig/{name}" if is_of_resource(name) else f"destination/{name}"


def is_subject_of_resource(subject: str) -> bool:
    """Whether conditions of this subject are of a destination that a custom resource makes."""
    return subject.startswith("gitrepoconfig/")


def folder_of(name: str) -> str:
    """The folder of a destination below one that many share: `live`, or `+shop/web`.

    `shop/web` would be inside the folder of the destination `shop`. No name in the TOML file begins with `+`.
    """
    return f"+{name}" if is_of_resource(name) else name
