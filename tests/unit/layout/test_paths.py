"""What no object's name can do to a repository or to a clone of it."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from reverser.errors import WithheldError
from reverser.layout import paths

SEGMENT = st.text(
    st.sampled_from("gitGIT.~1 :\\/\u200c\ufeff\u202e\t\n\0\x7f\u0085ä😀%ab") | st.characters(), max_size=8
)


@pytest.mark.parametrize("root", ["a", "a/b", "a.b"])
@pytest.mark.parametrize("path", ["{}", "{}x/y", "x/{}/y", "../{}/y", "{}/../y", "{}//y", "/{}/y", "{}/"])
def test_a_root_holds_what_is_below_it_and_nothing_else(root: str, path: str) -> None:
    """A root's neighbours, its parents, and the root itself lie outside."""
    paths.check(f"{root}/y", root)

    with pytest.raises(WithheldError) as caught:
        paths.check(path.format(root), root)
    assert caught.value.reason == "UnsafePath"


def test_the_reason_is_one_line_without_a_hidden_character() -> None:
    """What is told of an unsafe path cannot disturb a log or a terminal."""
    with pytest.raises(WithheldError) as caught:
        paths.check("a\n\x1b[31m\u202e\u2028\ud800/x")

    assert caught.value.message.isascii()
    assert caught.value.message.isprintable()


@settings(max_examples=300, deadline=None)
@example("a.b", "x" * 255)
@example("", "ä" * 200 + ".yaml")
@given(st.text(max_size=4), st.text(st.characters(exclude_characters="/"), max_size=700))
def test_a_shortened_segment_fits_and_keeps_its_ending(front: str, rest: str) -> None:
    """Every segment fits a file system, a second shortening changes nothing, an ending stays."""
    for segment in (front + rest, f"{front}{rest}.yaml"):
        short = paths.shorten(segment)

        assert len(short.encode("utf-8", "surrogatepass")) <= paths.SEGMENT_BYTES
        assert paths.shorten(short) == short
        assert short.endswith(".yaml") or not segment.endswith(".yaml")
        assert short == segment or "%" in short


@settings(max_examples=200, deadline=None)
@given(st.integers(256, 400), st.integers(0, 399), st.sampled_from("aäß😀"))
def test_one_changed_character_makes_another_segment(length: int, place: int, other: str) -> None:
    """Overlong segments that differ anywhere, differ when they are shortened."""
    place %= length
    one = "x" * length + ".yaml"
    two = one[:place] + other + one[place + 1 :]

    assert paths.shorten(one) != paths.shorten(two)


def _accepted(segments: list[str]) -> list[str]:
    kept: list[str] = []
    for segment in segments:
        try:
            paths.check(f"top/{segment}/x.yaml")
        except WithheldError:
            continue
        kept.append(f"top/{segment}/x.yaml")
    return kept


def _git(folder: Path, *arguments: str, data: bytes = b"") -> bytes:
    settings = ("-c", "core.protectNTFS=true", "-c", "core.protectHFS=true")
    command = ["git", "-C", str(folder), *settings, *arguments]
    return subprocess.run(command, input=data, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository."""
    folder = tmp_path_factory.mktemp("paths")
    _git(folder, "init", "--quiet")
    return folder


def test_git_takes_every_path_that_passes(repository: Path) -> None:
    """What passes, git takes into its index, even where it protects NTFS and HFS; fsck has no complaint."""
    blob = _git(repository, "hash-object", "-w", "--stdin").decode().strip()

    @settings(max_examples=60, deadline=None)
    @given(st.lists(SEGMENT, min_size=1, max_size=20))
    @example(
        [".git", ".GIT", "git~1", ".git ", ".git.", ".git::$I", "a\\.git", "a\\git~1", ".g\u200cit", ".gitx"]
    )
    def check(segments: list[str]) -> None:
        names = sorted({name for path in _accepted(segments) for name in [path.encode()]})
        assume(names)  # git takes the tree of an empty index for granted, and fsck misses it
        rows = b"".join(b"100644 %s 0\t%s\0" % (blob.encode(), name) for name in names)
        _git(repository, "read-tree", "--empty")
        _git(repository, "update-index", "-z", "--index-info", data=rows)
        found = _git(repository, "ls-files", "-z").split(b"\0")[:-1]
        assert sorted(found) == names
        _git(repository, "write-tree")

    check()
    _git(repository, "fsck", "--full", "--strict")
