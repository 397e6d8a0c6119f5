"""What the demo prints: sentences, commits as `git` shows them, and pauses for who reads them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import trio
from rich.console import Console

POLL_SECONDS = 0.05
READ_LINE_SECONDS = 0.3
"""How long a person reads one line that matters."""
READ_SECONDS_LEAST, READ_SECONDS_MOST = 1.5, 8.0

_TELLING = re.compile(r"Kubernetes-(User|Caused-By|Came-Along)|Attribution")
_TRAILER = re.compile(r"(Kubernetes|Reverser)-[A-Za-z-]+: |Attribution: ")
_FORMAT = "commit %h%nAuthor: %an <%ae>%n%n%B"


class DemoRepository:
    """The bare repository that reverser pushes to, and how far it has been shown."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._shown = ""

    async def git(self, *arguments: str) -> str:
        """The output of a git command in the repository."""
        command = ["git", "-C", str(self.path), *arguments]
        done = await trio.run_process(command, capture_stdout=True, stderr=subprocess.DEVNULL)
        return done.stdout.decode()

    async def next(self, count: int) -> list[str]:
        """The commits that were not shown yet, oldest first, once there are `count` of them."""
        while True:
            if self._head() != self._shown:
                known = [f"^{self._shown}"] if self._shown else []
                commits = (await self.git("rev-list", "--reverse", "main", *known)).split()
                if len(commits) >= count:
                    self._shown = commits[-1]
                    return commits
            await trio.sleep(POLL_SECONDS)

    def _head(self) -> str:
        """Read from its file: a look that costs nothing, 20 times a second."""
        path = self.path / "refs/heads/main"
        return path.read_text().strip() if path.exists() else ""


class Screen:
    """A terminal, or what stands in its place."""

    def __init__(self, console: Console, *, paced: bool) -> None:
        self.paced = paced
        self._console = console
        self._unread = 0

    def line(self, text: str = "", style: str = "") -> None:
        """Print one line as it is."""
        self._console.print(text, style=style, markup=False, soft_wrap=True)
        self._unread += bool(text) and style != "dim"

    def lines(self, text: str, style: str = "") -> None:
        """Print several, and an empty one."""
        for line in text.splitlines():
            self.line(line, style)
        self.line()

    async def pause(self) -> None:
        """Wait for as long as a person reads what was printed since the last time."""
        if self.paced:
            seconds = max(READ_SECONDS_LEAST, READ_LINE_SECONDS * self._unread)
            await trio.sleep(min(seconds, READ_SECONDS_MOST))
        self._unread = 0

    async def commits(self, remote: DemoRepository, commits: Sequence[str]) -> None:
        """Print each with its message and what it changes."""
        for commit in commits:
            await self._message(remote, commit)
            for line, style in _diff(await remote.git("show", "--format=", "--unified=1", commit)):
                self.line(line, style)
            self.line()

    async def snapshot(self, remote: DemoRepository, commit: str, example: str) -> None:
        """Print the first commit with the names of its files, and one of them."""
        await self._message(remote, commit)
        self.lines(await remote.git("show", "--format=", "--name-only", commit), "green")
        self.line(f"{example}, as it is in Git:")
        self.line()
        self.lines(await remote.git("show", f"{commit}:{example}"), "green")

    async def _message(self, remote: DemoRepository, commit: str) -> None:
        text = await remote.git("show", "--no-patch", f"--format={_FORMAT}", commit)
        for line in text.rstrip().splitlines():
            self.line(line, _style(line))
        self.line()


def _style(line: str) -> str:
    """The style of a line of a commit's message: who and how we know stand out, other trailers step back."""
    if _TELLING.match(line) or line.startswith("Author: "):
        return "bold"
    if _TRAILER.match(line):
        return "dim"
    return "bold yellow" if line.startswith(("[", "commit ")) else ""


def _diff(text: str) -> Iterator[tuple[str, str]]:
    """The lines of a diff that say something, with their styles: a path, and what goes and comes."""
    for line in text.splitlines():
        if line.startswith("diff --git a/"):
            yield line.partition(" b/")[2], "dim"
        elif line.startswith(("+", "-")) and not line.startswith(("+++ ", "--- ")):
            yield line, "green" if line[0] == "+" else "red"
        elif line.startswith(" "):
            yield line, ""
