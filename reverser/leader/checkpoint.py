"""What a leader tells those that come after it, and how it is laid out in ConfigMaps. Pure.

    NAME-checkpoint-0   part: a part of a JSON text   of: how many there are   write: tells writes apart
    NAME-checkpoint-1   part: the next one            ...

A text is cut below the size that the API server takes. Parts of two writes do not fit together: then nothing
is known, and everything is listed.

Nothing in it is secret for those who may read ConfigMaps of this namespace: names of objects' files and
keyed digests, whose key is in a Secret.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence

import msgspec

from reverser.model.journal import RESUME, SealedFile
from reverser.writer.resumption import ResumeFrom

PART_BYTES = 900_000
MOST_PARTS = 10
"""So many ConfigMaps the printed and shipped roles name: 9 MB, some 40,000 encrypted Secrets."""
LASTING = (
    "uid/",
    "history/",
    "meaning/",
    "unmet/",
    "place/",
    "followed/",
    "observed/",
    "unsure/",
    "proven/",
    "owner/",
)
"""Prefixes of the journal's settings that hold for the next leader, too."""


class Checkpoint(msgspec.Struct, frozen=True):
    """How far everything had come."""

    journal: str = ""
    """Id of the journal that led last."""
    positions: dict[str, tuple[str, str]] = {}
    """Stream id -> (resourceVersion, coverage): up to it all is pushed, by every destination."""
    heads: dict[str, str] = {}
    """Destination -> commit before every one with a change behind these positions."""
    settings: dict[str, str] = {}
    """Of the journal."""
    sealed: dict[str, dict[str, SealedFile]] = {}
    """Destination -> path -> what tells that the file is an encrypted document."""


def lasting_settings(settings: Mapping[str, str]) -> dict[str, str]:
    """Those of a journal's settings that a checkpoint holds."""
    return {name: text for name, text in settings.items() if text and name.startswith(LASTING)}


def beginning(checkpoint: Checkpoint) -> dict[str, str]:
    """The settings that a journal begins anew with."""
    starts = {
        f"{RESUME}{name}": msgspec.json.encode(ResumeFrom(head, checkpoint.sealed.get(name, {}))).decode()
        for name, head in checkpoint.heads.items()
    }
    return {**checkpoint.settings, **starts}


def encode(checkpoint: Checkpoint, most: int = PART_BYTES) -> list[dict[str, str]]:
    """The data of each ConfigMap, in their order."""
    text = json.dumps(msgspec.to_builtins(checkpoint), separators=(",", ":"), sort_keys=True)
    parts = [text[start : start + most] for start in range(0, len(text), most)]
    write = hashlib.blake2b(text.encode(), digest_size=8).hexdigest()
    return [{"part": part, "of": str(len(parts)), "write": write} for part in parts]


def decode(parts: Sequence[Mapping[str, str]]) -> Checkpoint | None:
    """The checkpoint in these ConfigMaps; None when it is not whole."""
    writes = {part.get("write") for part in parts}
    if len(writes) != 1 or any(part.get("of") != str(len(parts)) for part in parts):
        return None
    try:
        return msgspec.json.decode("".join(part.get("part", "") for part in parts), type=Checkpoint)
    except msgspec.DecodeError:
        return None
