"""What tests of encrypted Secrets share: the programs, a key pair, and what a person does with both."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.servers import ASSETS

REASON = "sops not built: run make test-servers"


def program(name: str) -> str:
    """The path of `sops` or `age-keygen`; skips the test where it is not there."""
    found = ASSETS / name if (ASSETS / name).is_file() else shutil.which(name)
    if found:
        return str(found)
    if os.environ.get("REVERSER_REQUIRE_SERVERS") == "1":
        pytest.fail(REASON)
    pytest.skip(REASON)


class AgeKey:
    """An age key pair in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path
        keygen = program("age-keygen")
        subprocess.run([keygen, "-o", path], check=True, capture_output=True)
        shown = subprocess.run([keygen, "-y", path], check=True, capture_output=True, text=True)
        self.recipient = shown.stdout.strip()

    def decrypted(self, file: str) -> subprocess.CompletedProcess[str]:
        """What `sops -d` says to a file of the repository."""
        return subprocess.run(
            [program("sops"), "-d", "--input-type=yaml", "--output-type=yaml", "/dev/stdin"],
            input=file,
            env={**os.environ, "SOPS_AGE_KEY_FILE": str(self.path)},
            capture_output=True,
            text=True,
            check=False,
        )

    def opened(self, file: str) -> str:
        """A file of the repository with its values."""
        done = self.decrypted(file)
        assert done.returncode == 0, done.stderr
        return done.stdout
