"""Which versions commits name, and what is read from them."""

from __future__ import annotations

from reverser.model.change import Operation, Origin
from reverser.model.entry import Edit, Entry, Record, Sealed
from reverser.model.journal import SealedFile
from reverser.model.repository import Landed
from reverser.model.resource import ObjectKey
from reverser.writer.file_owner import DaemonIdentity
from reverser.writer.resumption import LandedVersions, Resumed, ResumeFrom, recognized, versions

US = DaemonIdentity("live", frozenset({"default"}), lambda journal: journal == "ours")
PRINT = "0" * 31 + "f"


def entry(name: str, version: str, sealed: str = "") -> Entry:
    key = ObjectKey("default", "apps", "deployments", "shop", name)
    edit = Edit(f"{name}.yaml", b"x")
    return Entry(
        "live",
        key,
        "v1",
        "Deployment",
        Operation.UPDATE,
        Origin.LIVE,
        edit,
        1.0,
        version=version,
        sealed=sealed,
    )


def commit(number: int, *named: str, journal: str = "ours", path: str = "live/a.yaml") -> Landed:
    return Landed(f"c{number}", (f"{journal}/1",) if journal else (), (path,), "default", versions=named)


def test_a_commit_names_the_last_version_of_each_object() -> None:
    """With the fingerprint of what is encrypted; nothing at all where one version is no number."""
    assert versions([entry("a", "7"), entry("b", "8", PRINT), entry("a", "9")]) == [
        "shop/deployments.apps/a@9",
        f"shop/deployments.apps/b@8 {PRINT}",
    ]
    assert versions([entry("a", "7"), entry("b", "")]) == []
    assert versions([entry(f"a{number}", "7") for number in range(1100)]) == []


def test_what_was_named_is_read_again() -> None:
    """The highest version of each object counts, in commits of ours that concern our folder."""
    named = [versions([entry("a", "7")]), versions([entry("a", "9")]), versions([entry("a", "8")])]
    landed = LandedVersions([commit(n, *each) for n, each in enumerate(named)], US)
    assert landed.newest == {"default shop/deployments.apps/a": 9}
    assert landed.complete
    others = [
        commit(1, *named[0], journal="theirs"),
        commit(2, *named[0], journal=""),
        commit(3, *named[0], path="elsewhere/a.yaml"),
        commit(4, journal=""),
    ]
    assert LandedVersions(others, US).newest == {}
    assert LandedVersions(others, US).complete


def test_a_commit_of_ours_that_names_nothing_leaves_doubt() -> None:
    """So does one that names what cannot be read."""
    assert not LandedVersions([commit(1)], US).complete
    assert not LandedVersions([commit(1, "shop/pods/a@nine")], US).complete


def test_an_encrypted_file_is_known_by_its_last_commit_or_by_the_checkpoint() -> None:
    """Whoever changed the file since, its fingerprint is not known any more."""
    key = entry("a", "7").key
    record = Record("live", key, "live/a.yaml", b"\x02", b"{}", Sealed(b"", b"file"))
    known = ResumeFrom("", {"live/a.yaml": SealedFile(PRINT, "02")})
    written = [commit(1, f"{key}@7 {PRINT}")]

    def fingerprint(start: ResumeFrom, commits: list[Landed]) -> Sealed | None:
        return recognized(record, Resumed(start, LandedVersions(commits, US))).sealed

    assert fingerprint(known, []) == Sealed(bytes.fromhex(PRINT), b"file")
    assert fingerprint(ResumeFrom(""), written) == Sealed(bytes.fromhex(PRINT), b"file")
    assert fingerprint(known, [*written, commit(2, journal="")]) is None
    assert fingerprint(ResumeFrom("", {"live/a.yaml": SealedFile(PRINT, "03")}), []) is None
    assert recognized(record, None).sealed is None
