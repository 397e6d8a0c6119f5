"""A replay hides what the daemon would hide, although nobody can be asked what types are called."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from reverser.journal.sqlite import open_journal
from reverser.model.entry import Append
from tests.audit_log import History, event, lines
from tests.canaries import Canaries, cells
from tests.e2e.sops import AgeKey, program

SETS, PROJECTS = "applicationsets", "appprojects"
DEFINITION = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "applicationsets.argoproj.io", "uid": "u-crd", "resourceVersion": "1"},
    "spec": {
        "group": "argoproj.io",
        "names": {"plural": SETS, "kind": "ApplicationSet", "shortNames": ["appset", "appsets"]},
        "versions": [{"name": "v1alpha1", "served": True, "storage": True}],
        "scope": "Namespaced",
    },
}


class Trial:
    """A replay whose rule hides `spec.password` of what a pattern means."""

    def __init__(self, folder: Path, pattern: str, **destination: Any) -> None:
        self.canaries = Canaries()
        self.folder = folder
        self.history = History(folder)
        live = {"name": "live", "url": self.history.remote.url, "secrets": "mask", **destination}
        hide = [{"resources": [pattern], "paths": ["spec.password"]}]
        self.history.write(sensitive=hide, destinations=[live])

    def custom(self, number: int, plural: str = SETS, *, hidden: bool = True) -> dict[str, Any]:
        """The creation of a custom object."""
        kind = {SETS: "ApplicationSet", PROJECTS: "AppProject"}[plural]
        metadata = {
            "name": f"o{number}",
            "namespace": "shop",
            "uid": f"u-{number}",
            "resourceVersion": str(number),
        }
        spec = {"size": number, "password": self.canaries.value() if hidden else "free"}
        stored = {"apiVersion": "argoproj.io/v1alpha1", "kind": kind, "metadata": metadata, "spec": spec}
        reference = {"apiGroup": "argoproj.io", "apiVersion": "v1alpha1", "resource": plural}
        reference |= {"namespace": "shop", "name": metadata["name"]}
        return event(number, "create", objectRef=reference, requestObject=stored, responseObject=stored)

    def secret(self, number: int) -> dict[str, Any]:
        """The creation of a Secret, as a log at level RequestResponse has it."""
        metadata = {"name": "db", "namespace": "shop", "uid": f"u-{number}", "resourceVersion": str(number)}
        stored = {
            "apiVersion": "v1",
            "kind": "Secret",
            "metadata": metadata,
            "data": {"k": self.canaries.encoded()},
        }
        reference = {"apiVersion": "v1", "resource": "secrets", "namespace": "shop", "name": "db"}
        return event(number, "create", objectRef=reference, requestObject=stored, responseObject=stored)

    def run(self, *events: dict[str, Any], code: int = 0) -> tuple[str, str]:
        """What the replay says; its log goes away, since it holds the values."""
        log = self.history.log("audit.log", lines(*events))
        try:
            return self.history.run(log, code=code)
        finally:
            log.unlink()

    def leaks(self, *said: str) -> list[str]:
        """Values that are in the remote, in the data directory, or in what was said."""
        return [
            hit for where, content in self._everything(said) for hit in self.canaries.found(where, content)
        ]

    def _everything(self, said: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        command = ["git", "-C", str(self.history.remote.path), "cat-file", "--batch-all-objects", "--batch"]
        yield "the remote", subprocess.run(command, capture_output=True, check=True).stdout
        for path in filter(Path.is_file, (self.folder / "data").rglob("*")):
            yield str(path), path.read_bytes()
            if path.name == "journal.sqlite":
                yield from cells(path)
        yield from (("what it said", text.encode()) for text in said)


def definition(number: int) -> dict[str, Any]:
    """The creation of the CRD with its short names."""
    reference = {
        "apiGroup": "apiextensions.k8s.io",
        "apiVersion": "v1",
        "resource": "customresourcedefinitions",
    }
    reference |= {"name": "applicationsets.argoproj.io"}
    return event(number, "create", objectRef=reference, requestObject=DEFINITION, responseObject=DEFINITION)


@pytest.mark.parametrize(
    "pattern",
    ["appset", "appsets.argoproj.io", "appset.v1alpha1.argoproj.io", "aplicationsets.argoproj.io", "appstes"],
)
def test_a_name_that_the_log_does_not_tell_writes_nothing_in_clear(tmp_path: Path, pattern: str) -> None:
    """What it may mean is not replayed, however long the name is; the summary names it."""
    trial = Trial(tmp_path, pattern)

    out, err = trial.run(event(1, "create"), trial.custom(2))

    assert trial.leaks(out, err) == []
    assert f"'{pattern}'" in out
    assert "plural.group" in out
    assert [path for path in trial.history.files() if "configmaps" in path]


def test_a_definition_in_the_log_tells(tmp_path: Path) -> None:
    """From then on the objects are written, without what is hidden."""
    trial = Trial(tmp_path, "appset")

    out, err = trial.run(definition(1), trial.custom(2), trial.custom(3, PROJECTS, hidden=False))

    texts = {path.rpartition("/")[2]: text for path, text in trial.history.files().items()}
    assert trial.leaks(out, err) == []
    assert "password: hmac:" in texts["o2.yaml"]
    assert "password: free" in texts["o3.yaml"]
    assert "not replayable" not in out


async def test_what_the_daemon_has_learned_counts(tmp_path: Path) -> None:
    """The journal of the daemon knows what the short name means."""
    trial = Trial(tmp_path, "appset")
    (tmp_path / "data").mkdir()
    async with open_journal(tmp_path / "data") as journal:
        fact = '{"matched":["applicationsets.argoproj.io"],"others":[]}'
        await journal.append(Append(settings={"meaning/appset": fact}))

    out, err = trial.run(trial.custom(2), trial.custom(3, PROJECTS, hidden=False))

    texts = {path.rpartition("/")[2]: text for path, text in trial.history.files().items()}
    assert trial.leaks(out, err) == []
    assert "password: hmac:" in texts["o2.yaml"]
    assert "password: free" in texts["o3.yaml"]


def test_a_path_that_no_object_has_is_told(tmp_path: Path) -> None:
    """Once a type, naming path and type and no value; later runs know what earlier ones have found."""
    trial = Trial(tmp_path, "applicationsets.argoproj.io")
    moved = trial.custom(3)
    for told in (moved["requestObject"], moved["responseObject"]):
        told["spec"] = {"auth": {"word": "moved-away"}}
    line = "reverser: [[sensitive]] of applicationsets.argoproj.io/v1alpha1: no object of this type has "

    out, err = trial.run(moved, trial.custom(4, PROJECTS, hidden=False))
    assert err.count(line) == 1
    assert f"{line}spec.password: if the field has another name now" in err
    assert "moved-away" not in out + err

    _, err = trial.run(trial.custom(5))
    assert line not in err
    moved |= event(6, "create", objectRef={**moved["objectRef"], "name": "o6"}) | {
        key: {**moved[key], "metadata": {**moved[key]["metadata"], "name": "o6", "resourceVersion": "6"}}
        for key in ("requestObject", "responseObject")
    }
    _, err = trial.run(moved)
    assert line not in err


def test_types_of_kubernetes_need_no_definition(tmp_path: Path) -> None:
    """A pattern that names one of them puts no custom type in doubt, though the log has no such object."""
    trial = Trial(tmp_path, "deploy")

    out, _ = trial.run(trial.custom(2, hidden=False))

    assert "not replayable" not in out
    assert any("o2.yaml" in path for path in trial.history.files())


def test_a_replay_encrypts(tmp_path: Path) -> None:
    """Into a destination that encrypts Secrets are written as the daemon writes them."""
    key = AgeKey(tmp_path / "age.txt")
    sops = {"age": [key.recipient], "program": program("sops")}
    trial = Trial(tmp_path, "applicationsets.argoproj.io", secrets="encrypt", sops=sops)

    out, err = trial.run(trial.secret(1), trial.custom(2))

    texts = {path.rpartition("/")[2]: text for path, text in trial.history.files().items()}
    assert trial.leaks(out, err) == []
    assert "hmac:" not in "".join(texts.values())
    secret, custom = (
        trial.canaries.found("", key.opened(texts[name]).encode()) for name in ("db.yaml", "o2.yaml")
    )
    assert secret
    assert custom


def test_a_replay_that_cannot_encrypt_refuses(tmp_path: Path) -> None:
    """Without the program nothing is read and nothing is written, and a sentence says what to do."""
    sops = {
        "age": ["age1zrptuhe73txw5ung0yx0tpygwkw0j46nqfzz64whh6dlld6q59rqqe72um"],
        "program": "no-such-sops",
    }
    trial = Trial(tmp_path, "applicationsets.argoproj.io", secrets="encrypt", sops=sops)

    out, err = trial.run(event(1, "create"), trial.secret(2), code=69)

    assert "no-such-sops" in err
    assert trial.leaks(out, err) == []
    assert trial.history.commits() == []
    assert "no-such-sops" in trial.run(event(1, "create"), code=69)[1]
