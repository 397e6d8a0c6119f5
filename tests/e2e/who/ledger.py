"""Commits as rows: which file, what happened to it, who is named, and by which evidence."""

from __future__ import annotations

from typing import NamedTuple

from tests.e2e.remote import Remote, git

UNKNOWN = "unknown"
SWEEPER = "Reverser"
"""The author of a commit that removes what a list no longer has."""
NAMING = {"admission", "admission-key", "audit", "audit-collection"}
"""The words that name an author."""
SILENT = {"manager", "unresolved"}
"""The words that say that nobody told anything."""
OPEN = (*SILENT, "ambiguous")
"""The words that name nobody."""

_TRAILERS = ("Kubernetes-Operation", "Attribution", "Kubernetes-Caused-By")
_FORM = "%x01%an%x00" + "".join(f"%(trailers:key={name},valueonly,unfold)%x00" for name in _TRAILERS)


class Row(NamedTuple):
    """One commit of one file, or the expectation of one."""

    path: str
    """Without the scenario's namespace, and without `.yaml`."""
    operation: str
    author: str
    word: str = ""
    """The evidence; of an expectation empty for any that fits the author."""
    cause: str = ""
    heard: str = ""
    """The author where audit tells, when admission alone cannot know."""
    swept: bool = False
    """Of an expected deletion: a list may find it before the watch does, when its type has just changed."""

    def fits(self, found: Row) -> bool:
        """Whether this expectation is met by that commit."""
        if self.swept and found[:3] == (self.path, "", SWEEPER):
            return True
        words = {*self.word.split("|")} if self.word else SILENT if self.author == UNKNOWN else NAMING
        return self[:3] == found[:3] and found.word in words and self.cause == found.cause

    def by_audit(self) -> Row:
        """What is expected where audit tells: it knows more, and its words are others."""
        author = self.heard or self.author
        return self._replace(author=author, word="|".join(OPEN) if author == UNKNOWN else "")


def create(path: str, by: str, word: str = "") -> Row:
    """A new file."""
    return Row(path, "CREATE", by, word)


def update(path: str, by: str, word: str = "", heard: str = "") -> Row:
    """A change of content."""
    return Row(path, "UPDATE", by, word, heard=heard)


def delete(
    path: str, by: str, word: str = "", cause: str = "", heard: str = "", *, swept: bool = False
) -> Row:
    """A file that goes."""
    return Row(path, "DELETE", by, word, cause, heard, swept)


def silent(rows: list[Row]) -> list[Row]:
    """The same changes where nobody is told anything."""
    return [Row(row.path, row.operation, UNKNOWN, swept=row.swept) for row in rows]


def rows(remote: Remote, since: str, namespace: str) -> list[Row]:
    """Every file of every commit after `since`, by path and then in the order of the commits."""
    text = git(
        "-C",
        remote.path,
        "log",
        "--reverse",
        "--no-renames",
        "--name-only",
        f"--format={_FORM}",
        f"{since}..main",
    )
    found = []
    for commit in text.split("\x01")[1:]:
        author, operation, word, cause, paths = commit.split("\0")
        for path in paths.split():
            place = path.removeprefix(f"{namespace}/").removesuffix(".yaml")
            found.append(Row(place, operation.strip(), author, word.strip(), cause.strip()))
    return in_order(found)


def in_order(found: list[Row]) -> list[Row]:
    """Types are streams of their own: only the order of one file's commits is certain."""
    return sorted(found, key=lambda row: row.path)


def same(expected: list[Row], found: list[Row]) -> bool:
    """Nothing more, nothing less, and everything as expected."""
    return len(expected) == len(found) and all(map(Row.fits, in_order(expected), found))


def shown(expected: list[Row], found: list[Row]) -> str:
    """Both lists, for a person."""
    lists = (("expected", in_order(expected)), ("found", found))
    return "\n".join(
        "\n".join((f"{name}:", *(f"  {' '.join(row[:6])}" for row in each))) for name, each in lists
    )
