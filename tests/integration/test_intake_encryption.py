"""Secrets on their way into a real journal, encrypted by a program that at times does not work."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import trio
import trio.testing

from reverser.errors import ReverserError, StalledError, TransientError, WithheldError
from reverser.health import Health
from reverser.intake import encryption
from reverser.intake import encryption as encryption_retry
from reverser.intake.driver import Intake
from reverser.intake.route import compile_routes
from reverser.journal.sqlite import open_journal
from reverser.model.change import Change, Observation, Stream
from reverser.model.destination import Destination, Sops
from reverser.model.entry import Clear, Decision
from reverser.model.journal import Journal
from reverser.model.resource import ResourceType
from reverser.model.rule import Rule
from tests.hooks import HOOKS
from tests.integration.intaking import (
    BOUND_SECONDS,
    EVERYTHING,
    METRICS,
    STREAM,
    config_map,
    entries,
    live,
    said,
    tree,
    whole,
)
from tests.unit.journal_conformance import key, record

SECRETS = Stream("default", ResourceType("", "v1", "secrets", "Secret", True))
SOPS = Destination("live", "file:///live", secrets="encrypt", sops=Sops(age=("age1x",)))
MASKED = Destination("masked", "file:///masked", secrets="mask")
RULES = (EVERYTHING, Rule("masked", "masked"))
MISSING = StalledError("SopsMissing", "there is no sops", hint="install it")
REFUSED = WithheldError("EncryptionFailed", "not this one")
A_PATH, B_PATH = "shop/secrets/a.yaml", "shop/secrets/b.yaml"


def secret(name: str, value: str = "aHVudGVyMg==", **metadata: Any) -> dict[str, Any]:
    named = {"name": name, "namespace": "shop", **metadata}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": named, "data": {"k": value}}


def seen(version: int, obj: dict[str, Any], *, deleted: bool = False) -> Change:
    return live(version, obj, deleted=deleted, stream=SECRETS)


class Safe:
    """Encrypts by hiding, never twice alike, unless told to fail."""

    def __init__(self) -> None:
        self.trouble: ReverserError | None = None
        self.names: list[str] = []
        self.hidden: list[Clear] = []

    async def encrypt(self, clear: Clear) -> bytes:
        await trio.lowlevel.checkpoint()
        self.names.append(clear.content["metadata"]["name"])
        if self.trouble is not None:
            raise self.trouble
        self.hidden.append(clear)
        return b"hidden %d" % len(self.hidden)

    async def probe(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.trouble is not None and not isinstance(self.trouble, WithheldError):
            raise self.trouble

    def value(self, file: bytes) -> str:
        """The value in an encrypted file."""
        value: str = self.hidden[int(file.split()[1]) - 1].content["data"]["k"]
        return value


class Taking:
    """An intake that runs, and what it is given."""

    def __init__(self, journal: Journal, safe: Safe, send: trio.MemorySendChannel[Observation]) -> None:
        self.journal = journal
        self.safe = safe
        self.send = send
        self.health = Health()

    async def take(self, *observations: Observation) -> None:
        """Return when all of these are behind us: a marker that came after them is in the journal."""
        marker = config_map(f"marker-{id(observations)}-{len(await entries(self.journal))}", "1")
        for observation in (*observations, live(1, marker, stream=STREAM)):
            await self.send.send(observation)
        name = marker["metadata"]["name"]
        await self.until(lambda files: any(name in path for path in files))

    async def until(self, condition: Callable[[dict[str, bytes]], bool]) -> dict[str, bytes]:
        """The files of the destination, once they are as wanted."""
        with trio.fail_after(BOUND_SECONDS):
            while not condition(files := await tree(self.journal)):
                await trio.sleep(0.01)
        return files

    @property
    def stalled(self) -> list[str]:
        """Reasons of the conditions that call for a person, with their subjects."""
        return [f"{each.subject} {each.reason}" for each in self.health.conditions if each.status]


@asynccontextmanager
async def taking(
    folder: Path, safe: Safe, destinations: Sequence[Destination] = (SOPS,)
) -> AsyncIterator[Taking]:
    """A session, which ends as one does that is stopped."""
    async with open_journal(folder) as journal, trio.open_nursery() as nursery:
        send, receive = trio.open_memory_channel[Observation](100)
        made = Taking(journal, safe, send)
        routes = compile_routes(RULES[: len(destinations)], destinations, (), journal.key, HOOKS)
        intake = Intake(routes, lambda stream: stream.id, journal, METRICS, made.health, None, {"live": safe})
        nursery.start_soon(intake.run, receive)
        async with send:
            yield made


@pytest.fixture(autouse=True)
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    """What waits is tried again at once."""
    monkeypatch.setattr(encryption_retry, "RETRY_SECONDS", 0.01)
    monkeypatch.setattr(encryption_retry, "RETRY_SECONDS_MOST", 0.05)


async def test_no_value_is_in_the_journal(tmp_path: Path) -> None:
    """The file is what the program answered, whatever is recorded is digests; another destination masks."""
    async with taking(tmp_path, Safe(), (SOPS, MASKED)) as made:
        await made.take(seen(1, secret("a")))
        assert (await tree(made.journal))[A_PATH] == b"hidden 1"
        assert b"hmac:" in (await tree(made.journal, "masked"))[A_PATH]
    stored = (tmp_path / "journal.sqlite").read_bytes()
    assert b"hunter2" not in stored
    assert b"aHVudGVyMg" not in stored
    assert b"hidden 1" in stored


async def test_a_restart_and_a_list_encrypt_nothing_again(tmp_path: Path) -> None:
    """What the journal knows is not encrypted a second time, by whatever way it comes again."""
    safe = Safe()
    async with taking(tmp_path, safe) as made:
        await made.take(seen(1, secret("a")), seen(2, secret("a", resourceVersion="2")))
    async with taking(tmp_path, safe) as made:
        await made.take(*whole(3, secret("a"), secret("b"), stream=SECRETS))
        await made.take(seen(4, secret("a")), seen(5, secret("b", "bmV3")))
        files = await tree(made.journal)
    assert safe.names == ["a", "b", "b"]
    assert safe.value(files[A_PATH]) == "aHVudGVyMg=="
    assert safe.value(files[B_PATH]) == "bmV3"


async def test_only_secrets_wait_for_the_program(tmp_path: Path) -> None:
    """While it is missing a condition says so once, other objects go on, and then Secrets come, in order."""
    safe = Safe()
    safe.trouble = MISSING
    async with taking(tmp_path, safe) as made:
        await made.take(*whole(1, *(secret(f"s{number}") for number in range(30)), stream=SECRETS))
        await made.take(seen(2, secret("a")), seen(3, secret("a", "bmV3")))
        assert not any("secrets" in path for path in await tree(made.journal))
        assert len(await made.journal.withheld()) == 31
        assert made.stalled == ["destination/live/encryption SopsMissing"]
        assert len(safe.names) < 10

        safe.trouble = None
        files = await made.until(lambda files: len([path for path in files if "secrets" in path]) == 31)
        assert safe.value(files[A_PATH]) == "bmV3"
        assert [line for line in await said(made.journal) if A_PATH in line] == [f"live CREATE {A_PATH}"]
        with trio.fail_after(BOUND_SECONDS):
            while await made.journal.withheld():
                await trio.sleep(0.01)
        assert made.stalled == []


async def test_one_that_cannot_be_encrypted_does_not_hold_up_others(tmp_path: Path) -> None:
    """It is withheld alone, without a condition; what was written of it before stays."""
    safe = Safe()
    async with taking(tmp_path, safe) as made:
        await made.take(seen(1, secret("a")))
        safe.trouble = REFUSED
        await made.take(seen(2, secret("a", "bmV3")))
        assert (await tree(made.journal))[A_PATH] == b"hidden 1"
        assert [each.message for each in await made.journal.withheld()] == ["not this one"]
        assert made.stalled == []

        safe.trouble = None
        files = await made.until(lambda files: files[A_PATH] != b"hidden 1")
        assert safe.value(files[A_PATH]) == "bmV3"
        assert "data.k: changed" in (await entries(made.journal))[-1].changes


async def test_what_waits_is_forgotten_when_its_object_goes_on(tmp_path: Path) -> None:
    """Deleted, changed back, or gone in a list: what was to be encrypted of it is not written later."""
    safe = Safe()
    async with taking(tmp_path, safe) as made:
        await made.take(*(seen(1, secret(name)) for name in ("back", "deleted", "listed", "swept")))
        safe.trouble = TransientError("no answer")
        await made.take(*(seen(2, secret(name, "b2xk")) for name in ("back", "deleted", "listed", "swept")))
        await made.take(seen(3, secret("new")), seen(4, secret("new"), deleted=True))
        await made.take(seen(5, secret("back")), seen(6, secret("deleted"), deleted=True))
        await made.take(*whole(7, secret("back"), secret("listed", "bmV3"), stream=SECRETS))
        await made.take(seen(8, secret("last")))
        safe.trouble = None
        files = await made.until(lambda files: "shop/secrets/last.yaml" in files)
        secrets = {path.split("/")[-1]: file for path, file in files.items() if "secrets" in path}
        assert {name: safe.value(file) for name, file in secrets.items()} == {
            "back.yaml": "aHVudGVyMg==",
            "listed.yaml": "bmV3",
            "last.yaml": "aHVudGVyMg==",
        }
        assert await made.journal.withheld() == []
        assert made.stalled == []
    assert not any(clear.content["data"]["k"] == "b2xk" for clear in safe.hidden)


async def test_a_restart_takes_up_what_could_not_be_encrypted(tmp_path: Path) -> None:
    """What a process forgets that ends is shown as withheld, and the next list brings it."""
    safe = Safe()
    safe.trouble = MISSING
    async with taking(tmp_path, safe) as made:
        await made.take(seen(1, secret("a")))
    safe.trouble = None
    async with taking(tmp_path, safe) as made:
        assert [each.reason for each in await made.journal.withheld()] == ["SopsMissing"]
        await made.take(*whole(2, secret("a"), stream=SECRETS))
        assert (await tree(made.journal))[A_PATH] == b"hidden 1"
        assert await made.journal.withheld() == []


async def test_entries_of_an_object_keep_their_order(tmp_path: Path) -> None:
    """A burst of changes of one Secret is encrypted one by one, and the last one is the last file."""
    safe = Safe()
    async with taking(tmp_path, safe) as made:
        await made.take(*(seen(number, secret("a", f"{number:04}")) for number in range(1, 41)))
        written = [each.edit.content for each in await entries(made.journal) if each.edit.path == A_PATH]
        assert [safe.value(file or b"") for file in written] == [f"{number:04}" for number in range(1, 41)]
        (record,) = [
            each for each in await made.journal.some_records("live", None, 100_000) if each.path == A_PATH
        ]
        (whole_record,) = (await made.journal.records("live", [record.key])).values()
        assert whole_record.sealed is not None
        assert whole_record.sealed.content == written[-1]
        assert b"hmac:" in msgspec.json.encode(msgspec.json.decode(whole_record.content))


async def test_a_condition_ends_though_nothing_waits_any_more(tmp_path: Path) -> None:
    """Whoever reads the conditions learns that it works again, also when the Secret has gone meanwhile."""
    safe = Safe()
    safe.trouble = MISSING
    async with taking(tmp_path, safe) as made:
        await made.take(seen(1, secret("a")), seen(2, secret("a"), deleted=True))
        assert made.stalled == ["destination/live/encryption SopsMissing"]
        safe.trouble = None
        with trio.fail_after(BOUND_SECONDS):
            while made.stalled:
                await trio.sleep(0.01)


async def test_what_waits_is_not_counted_again_for_each_object(monkeypatch: pytest.MonkeyPatch) -> None:
    """A thousand Secrets without a program to encrypt them cost a thousand looks at a size, and its room
    is free again when they change or go.
    """
    looks = 0
    real = encryption._size

    def size(decision: Decision) -> int:
        nonlocal looks
        looks += 1
        return real(decision)

    safe = Safe()
    safe.trouble = MISSING
    asked = encryption.EncryptionQueue({"live": safe}, bytes(32), Health())
    decision = Decision(
        "update", record=record("a", bytes(1000)), clear=Clear({"metadata": {"name": "a"}}, ())
    )
    monkeypatch.setattr(encryption, "_size", size)
    monkeypatch.setattr(encryption, "WAITING_BYTES_MOST", 1_000_000)
    for number in range(1100):
        await asked.encrypt("live", key(str(number)), decision)
    assert looks < 5000
    assert len(asked._waiting) == 1000

    asked.supersede("live", key("0"))
    await asked.encrypt("live", key("1"), decision)
    asked.listed(lambda each: each.name in "23")
    for name in "uvwxyz":
        await asked.encrypt("live", key(name), decision)
    assert len(asked._waiting) == 1000


async def test_a_destination_that_goes_while_another_is_asked_is_asked_no_more(nursery: trio.Nursery) -> None:
    """Another configuration takes over in the middle of a round of probes, and nothing ends by it."""

    class Slow(Safe):
        def __init__(self) -> None:
            super().__init__()
            self.trouble = MISSING
            self.asked, self.go_on = trio.Event(), trio.Event()

        async def probe(self) -> None:
            self.asked.set()
            await self.go_on.wait()
            await super().probe()

    health, slow, other = Health(), Slow(), Safe()
    other.trouble = MISSING
    queue = encryption.EncryptionQueue({"slow": slow, "other": other}, bytes(32), health)
    decision = Decision("update", record=record("a", b"{}"), clear=Clear({"metadata": {"name": "a"}}, ()))
    for name in ("slow", "other"):
        await queue.encrypt(name, key("a"), decision)

    nursery.start_soon(queue.probe_failed)
    await slow.asked.wait()
    queue.adopt({}, ())
    health.forget("destination/slow")
    health.forget("destination/other")
    slow.go_on.set()
    await trio.testing.wait_all_tasks_blocked()

    assert not queue.has_work
    assert not health.conditions
