"""SOPS documents: what the program is asked, and what of its answer becomes a file.

It reads the YAML that would be the file, and answers in JSON, which is rendered like every other
document: SOPS digests values in their order, and that is the same before and after. Nothing is taken
on trust. An answer in which a value can be read that should not, or in which anything else than values
differs from the document, withholds the object.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

import msgspec

from reverser.errors import WithheldError
from reverser.manifest.emitter import render
from reverser.model.destination import Sops
from reverser.model.entry import METADATA, Clear, is_sealed
from reverser.sanitize.restore_values import IDENTITY

RECIPIENTS = {
    "age": "--age",
    "pgp": "--pgp",
    "kms": "--kms",
    "gcp_kms": "--gcp-kms",
    "azure_keyvault": "--azure-kv",
    "hc_vault_transit_uri": "--hc-vault-transit",
}
"""Key of `[destinations.sops]` -> option of the program."""

_ENCRYPTED = re.compile(r"ENC\[AES256_GCM,data:[^,\]]*,iv:[^,\]]*,tag:[^,\]]*,type:[a-z]+\]")
_SPECIAL = re.compile(r"[.+*?()|\[\]{}^$\\]")


def arguments(sops: Sops, clear: Clear) -> list[str]:
    """What comes after the program's name: documents come in at standard input and go out at standard output.

    No `.sops.yaml` that lies about may add a recipient or a rule.
    """
    options = [
        f"{option}={','.join(values)}" for key, option in RECIPIENTS.items() if (values := getattr(sops, key))
    ]
    return [
        "--config=/dev/null",
        "--encrypt",
        *options,
        f"--encrypted-regex={_pattern(clear.keys)}",
        "--input-type=yaml",
        "--output-type=json",
        "/dev/stdin",
    ]


def mark(sops: Sops) -> bytes:
    """What a fingerprint holds beside the document: other recipients make another file."""
    return b"\0sops" + msgspec.json.encode([sorted(getattr(sops, key)) for key in RECIPIENTS])


def checked(clear: Clear, answer: bytes) -> bytes:
    """The file. Raises WithheldError for an answer that is not the document with its values encrypted."""
    if METADATA in clear.content:
        raise WithheldError("EncryptionFailed", f"the object has a field {METADATA!r}, which SOPS needs")
    try:
        encrypted = msgspec.json.decode(answer, type=dict[str, Any])
    except (msgspec.DecodeError, ValueError, RecursionError):
        raise WithheldError("EncryptionFailed", "sops did not print a JSON object") from None
    content = {name: value for name, value in encrypted.items() if name != METADATA}
    if not is_sealed(encrypted) or not _matches(clear.content, content, clear.keys, (), hidden=False):
        raise WithheldError("EncryptionFailed", "sops did not print the object with its values encrypted")
    return render(encrypted)


def _pattern(keys: Collection[str]) -> str:
    quoted = (_SPECIAL.sub(lambda match: f"\\{match[0]}", key) for key in keys)
    return f"^({'|'.join(quoted)})$"


def _matches(
    wanted: Any, encrypted: Any, keys: Collection[str], path: tuple[str, ...], *, hidden: bool
) -> bool:
    """Whether `encrypted` is what was asked for; what stands below one of the names has to be encrypted."""
    if isinstance(wanted, dict):
        return (
            isinstance(encrypted, dict)
            and wanted.keys() == encrypted.keys()
            and all(
                _matches(item, encrypted[name], keys, (*path, name), hidden=hidden or name in keys)
                for name, item in wanted.items()
            )
        )
    if isinstance(wanted, list):
        return (
            isinstance(encrypted, list)
            and len(wanted) == len(encrypted)
            and all(
                _matches(*pair, keys, path, hidden=hidden) for pair in zip(wanted, encrypted, strict=True)
            )
        )
    # SOPS leaves an empty text and null as they are: there is nothing in them to hide.
    if not hidden or wanted in ("", None):
        return isinstance(wanted, bool) is isinstance(encrypted, bool) and wanted == encrypted
    return path not in IDENTITY and isinstance(encrypted, str) and _ENCRYPTED.fullmatch(encrypted) is not None
