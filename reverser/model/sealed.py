"""Encryption by SOPS: a document in clear, what is stored of its file, and the protocol of an encrypter."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec


class Clear(msgspec.Struct, frozen=True):
    """A document with its values, for the one who encrypts it and nobody else.

    Held in memory only: no struct that is stored, shown or handed to a plugin has a field for it.
    """

    content: dict[str, Any]
    keys: tuple[str, ...]
    """Names of the fields whose values are encrypted, wherever they stand."""

    def __repr__(self) -> str:
        return "Clear(…)"


class Sealed(msgspec.Struct, frozen=True):
    """Kept of a document that a destination encrypts: encrypting it again would make another file."""

    fingerprint: bytes
    """Keyed digest of the document with its values, and of the recipients."""
    content: bytes
    """The encrypted file; empty when the document has no value to encrypt, and is written as it is."""


RECIPIENTS_IN_FILES = {"age", "pgp", "kms", "gcp_kms", "azure_kv", "hc_vault", "key_groups"}
"""Where SOPS notes for whom it encrypted."""
METADATA = "sops"
"""The field that SOPS adds, and that a document must not have already."""


def is_sealed(content: dict[str, Any]) -> bool:
    """Whether a document is one that SOPS has encrypted for somebody."""
    metadata = content.get(METADATA)
    return isinstance(metadata, dict) and "mac" in metadata and bool(metadata.keys() & RECIPIENTS_IN_FILES)


class Encrypter(Protocol):
    """Encrypts documents for the recipients of one destination."""

    async def encrypt(self, clear: Clear) -> bytes:
        """The encrypted file.

        Raises WithheldError when it is for this document alone, StalledError or TransientError when
        no other could be encrypted either. No error ever shows a value.
        """

    async def probe(self) -> None:
        """Return when a document could be encrypted now. Raises StalledError or TransientError."""
