"""Many documents read by the real kubectl at once, without a server."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.e2e.servers import ASSETS


def read(documents: Sequence[bytes], folder: Path) -> list[Any]:
    """What kubectl would send of each document; raises for one that it does not read."""
    for number, document in enumerate(documents):
        (folder / f"{number:06}.yaml").write_bytes(document)
    command = [str(ASSETS / "kubectl"), "label", "--local", "-o", "json", "-f", str(folder), "no-such-label-"]
    done = subprocess.run(command, capture_output=True, check=True, text=True)
    decoder, at, found = json.JSONDecoder(), 0, []
    while at < len(done.stdout.rstrip()):
        value, at = decoder.raw_decode(done.stdout, at)
        found.append(plain(value))
        at += len(done.stdout[at : at + 1])
    return found


def plain(value: Any) -> Any:
    """Without the empty labels that the command adds."""
    metadata = value["metadata"]
    return value | {
        "metadata": {key: each for key, each in metadata.items() if (key, each) != ("labels", {})}
    }
