"""A bare repository, read the way anybody would: by cloning it and by asking git."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path


def git(*arguments: str | Path, cwd: Path | None = None) -> str:
    """Run git and return its standard output; fails loudly."""
    done = subprocess.run(
        ["git", "-c", "user.name=Someone", "-c", "user.email=someone@example.com", *map(str, arguments)],
        cwd=cwd,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def install_hook(repository: Path, name: str, script: str) -> Path:
    """Have a bare repository run a shell script as its hook of this name; the hook's file."""
    hook = repository / "hooks" / name
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\n{script}\n")
    hook.chmod(0o755)
    return hook


class Remote:
    """A bare repository on disk."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():
            git("init", "--quiet", "--bare", "--initial-branch=main", path)

    @property
    def url(self) -> str:
        return self.path.as_uri()

    def head(self) -> str:
        """The branch's commit; empty when there is none."""
        return git("-C", self.path, "for-each-ref", "--format=%(objectname)", "refs/heads/main").strip()

    def commits(self, since: str = "") -> list[str]:
        """Commit ids, oldest first."""
        if not self.head():
            return []
        beyond = [f"^{since}"] if since else []
        return git("-C", self.path, "rev-list", "--reverse", "main", *beyond).split()

    def subjects(self, since: str = "") -> list[str]:
        """Subjects, oldest first."""
        if not self.head():
            return []
        beyond = [f"^{since}"] if since else []
        return git("-C", self.path, "log", "--reverse", "--format=%s", "main", *beyond).splitlines()

    def message(self, commit: str = "main") -> str:
        """The whole message of one commit."""
        return git("-C", self.path, "log", "-1", "--format=%B", commit).strip()

    def show(self, path: str, commit: str = "main") -> str:
        """One file's text."""
        return git("-C", self.path, "show", f"{commit}:{path}")

    def paths(self, commit: str = "main") -> set[str]:
        """Every file of the branch."""
        if not self.head():
            return set()
        return set(
            filter(None, git("-C", self.path, "ls-tree", "-r", "-z", "--name-only", commit).split("\0"))
        )

    def files(self, folder: Path) -> dict[str, bytes]:
        """Clone into `folder`, check the clone with fsck, and read every file."""
        git("clone", "--quiet", self.path, folder)
        git("fsck", "--full", "--strict", cwd=folder)
        found = (path for path in folder.rglob("*") if path.is_file() and ".git" not in path.parts)
        return {str(path.relative_to(folder)): path.read_bytes() for path in found}

    def entries(self) -> list[int]:
        """The numbers in all `Reverser-Entry` trailers, in commit order; ranges spelled out."""
        if not self.head():
            return []
        found: list[int] = []
        text = git(
            "-C", self.path, "log", "--reverse", "--format=%(trailers:key=Reverser-Entry,valueonly)", "main"
        )
        for first, last in re.findall(r"/(\d+)(?:-(\d+))?$", text, re.MULTILINE):
            found += range(int(first), int(last or first) + 1)
        return found
