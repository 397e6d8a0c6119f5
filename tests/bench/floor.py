"""The floor: what Git itself needs for one change, with nothing around it.

A long-lived `git fast-import` writes the commit, a checkpoint makes it visible, `git push` carries
it to a bare repository on the same disk, by its path or its URL. No watch, no journal, no sanitizer;
nobody can be faster with Git's own programs.
"""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from tests.bench import ref
from tests.e2e.remote import git

PERSON = "Someone <someone@example.com> 1767225600 +0000"
SETTINGS = ("-c", "fastimport.unpackLimit=1", "-c", "pack.compression=1", "-c", "gc.auto=0")


class Floor:
    """Two clones of a repository: one that commits, and the bare one that it pushes to."""

    def __init__(self, source: Path, folder: Path, url: str = "") -> None:
        """Pushes go to a clone of `source`; with a URL to `source` itself, which stands behind it."""
        self._remote, self._local = folder / "floor-remote.git", folder / "floor.git"
        if url:
            self._remote = source
        else:
            git("clone", "--quiet", "--bare", source, self._remote)
        self._url = url or self._remote.as_uri()
        git("clone", "--quiet", "--bare", self._remote, self._local)
        self._head = git("-C", source, "rev-parse", "main").strip()
        self._import = subprocess.Popen(
            ["git", *SETTINGS, f"--git-dir={self._local}", "fast-import", "--quiet", "--force"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
        )

    def change(self, path: str, content: bytes, message: bytes) -> float:
        """Seconds from the first byte of one commit until the remote's ref has moved."""
        old = ref.read(self._remote)
        began = time.perf_counter()
        self._say(
            f"commit refs/staging\nmark :1\nauthor {PERSON}\ncommitter {PERSON}\n".encode(),
            b"data %d\n%s\nfrom %s\n" % (len(message), message, self._head.encode()),
            b'M 100644 inline "%s"\ndata %d\n%s\n' % (path.encode(), len(content), content),
            b"\nget-mark :1\ncheckpoint\nprogress done\n",
        )
        self._head = self._lines()[0]
        arguments = [f"--git-dir={self._local}", "push", "--porcelain", self._url]
        with subprocess.Popen(
            ["git", *SETTINGS, *arguments, f"{self._head}:refs/heads/main"], stdout=subprocess.DEVNULL
        ):
            return ref.moved(self._remote, old) - began

    def close(self) -> None:
        """End the child."""
        self._import.communicate()

    def _say(self, *chunks: bytes) -> None:
        assert self._import.stdin is not None
        self._import.stdin.write(b"".join(chunks))
        self._import.stdin.flush()

    def _lines(self) -> list[str]:
        assert self._import.stdout is not None
        lines = []
        while (line := self._import.stdout.readline()) not in (b"progress done\n", b""):
            lines.append(line.decode().strip())
        return lines
