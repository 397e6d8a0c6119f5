"""The `sops` program: what it is given, what is believed of it, and what becomes of one that fails."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
import trio
import yaml

from reverser.errors import ReverserError, StalledError, TransientError, WithheldError
from reverser.model.destination import Destination, Sops
from reverser.model.entry import Clear
from reverser.sops.program import Program, programs
from tests.e2e.sops import AgeKey, program

METADATA = {"name": "db", "namespace": "shop"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA, "data": {"k": "aHVudGVyMg=="}}
CLEAR = Clear(SECRET, ("data", "stringData"))
KNOWN = 'case "$(cat)" in *aHVudGVyMg==*)'
"""Of a shell script: is it the document, and not the trial?"""


def ran(*command: str, text: bytes = b"", **environ: str) -> bytes:
    """What a command prints that must not fail."""
    environ = {**os.environ, **environ}
    return subprocess.run(command, input=text, env=environ, capture_output=True, check=True).stdout


def decrypted(file: bytes, **environ: str) -> object:
    """What sops makes of a file with the keys that the environment leads to."""
    command = (program("sops"), "-d", "--input-type=yaml", "--output-type=yaml", "/dev/stdin")
    return yaml.safe_load(ran(*command, text=file, **environ))


def script(folder: Path, *lines: str) -> str:
    """A program that somebody might take for sops."""
    path = folder / "fake-sops"
    path.write_text("\n".join(("#!/bin/sh", *lines, "")))
    path.chmod(0o755)
    return str(path)


def made(path: str, seconds: float = 10) -> Program:
    return Program(Sops(age=("age1x",), program=path), "destinations.live.sops", seconds)


async def failure(tried: Program) -> ReverserError:
    """What encrypting the document raises; its value is in none of it."""
    with pytest.raises(ReverserError) as caught:
        await tried.encrypt(CLEAR)
    assert "aHVudGVy" not in f"{caught.value} {caught.value.hint} {caught.value.__cause__}"
    return caught.value


async def test_only_age_keys_can_decrypt(tmp_path: Path) -> None:
    """Each recipient can, an age key as well as an SSH key; nobody else."""
    one, other = AgeKey(tmp_path / "one.txt"), AgeKey(tmp_path / "other.txt")
    ran("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(tmp_path / "ssh"))
    recipients = (one.recipient, (tmp_path / "ssh.pub").read_text().strip())

    file = await Program(Sops(age=recipients, program=program("sops")), "sops").encrypt(CLEAR)

    assert yaml.safe_load(one.opened(file.decode())) == SECRET
    assert other.decrypted(file.decode()).returncode != 0
    assert decrypted(file, SOPS_AGE_SSH_PRIVATE_KEY_FILE=str(tmp_path / "ssh")) == SECRET


async def test_openpgp_keys_can_decrypt(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fingerprint in gpg's keyring is a recipient."""
    if shutil.which("gpg") is None:
        pytest.skip("no gpg")
    home = tmp_path_factory.mktemp("g")
    monkeypatch.setenv("GNUPGHOME", str(home))
    home.chmod(0o700)
    wanted = ["--batch", "--passphrase", "", "--quick-generate-key", "a@example.com", "default", "default"]
    try:
        ran("gpg", *wanted)
        listed = ran("gpg", "--list-keys", "--with-colons").decode()
        fingerprint = next(line.split(":")[9] for line in listed.splitlines() if line.startswith("fpr"))

        file = await Program(Sops(pgp=(fingerprint,), program=program("sops")), "sops").encrypt(CLEAR)

        assert decrypted(file) == SECRET
    finally:
        ran("gpgconf", "--kill", "all")


async def test_nothing_that_lies_about_adds_a_recipient(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A `.sops.yaml` in the folder and `SOPS_*` variables neither add one nor change what is encrypted."""
    key, stranger = AgeKey(tmp_path / "one.txt"), AgeKey(tmp_path / "stranger.txt")
    rule = {"age": stranger.recipient, "encrypted_regex": "^nothing$"}
    (tmp_path / ".sops.yaml").write_text(yaml.safe_dump({"creation_rules": [rule]}))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOPS_AGE_RECIPIENTS", stranger.recipient)
    monkeypatch.setenv("SOPS_PGP_FP", "0123456789ABCDEF0123456789ABCDEF01234567")

    file = await Program(Sops(age=(key.recipient,), program=program("sops")), "sops").encrypt(CLEAR)

    metadata = yaml.safe_load(file)["sops"]
    assert [each["recipient"] for each in metadata["age"]] == [key.recipient]
    assert not metadata.get("pgp")
    assert stranger.decrypted(file.decode()).returncode != 0


async def test_a_program_that_is_missing_calls_for_a_person(tmp_path: Path) -> None:
    """The error names the program and the key that leads to it."""
    error = await failure(made(str(tmp_path / "absent")))

    assert isinstance(error, StalledError)
    assert error.reason == "SopsMissing"
    assert "absent" in error.message
    assert "destinations.live.sops.program" in error.hint


async def test_what_it_says_of_a_document_is_not_repeated(tmp_path: Path) -> None:
    """A program that quotes what it cannot encrypt: its words about the trial are told, those are not."""
    error = await failure(made(script(tmp_path, "cat >&2; echo no such key >&2; exit 3")))

    assert isinstance(error, StalledError)
    assert "no such key" in error.message


async def test_one_document_that_cannot_be_encrypted_is_withheld_alone(tmp_path: Path) -> None:
    """Where others can be, it is the object's own trouble, whether the program refuses it or hangs on it."""
    good = (
        '{"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "trial"}, "data": '
        '{"a": "ENC[AES256_GCM,data:cA==,iv:aQ==,tag:dA==,type:str]"}, '
        '"sops": {"age": [{"recipient": "age1x"}], "mac": "m"}}'
    )
    for number, trouble in enumerate(("exit 1", "sleep 60", "echo '{}'")):
        folder = tmp_path / str(number)
        folder.mkdir()
        path = script(folder, f"{KNOWN} {trouble};; *) echo '{good}';; esac")
        assert isinstance(await failure(made(path, 2)), WithheldError)


async def test_a_program_that_hangs_is_ended(tmp_path: Path) -> None:
    """After its time nothing of it is left, not even what it has started."""
    pids = tmp_path / "pids"
    path = script(tmp_path, f"sleep 600 & echo $! >>{pids}; echo $$ >>{pids}; wait")

    assert isinstance(await failure(made(path, 2)), TransientError)
    with trio.fail_after(20):
        while any(map(_runs, pids.read_text().split())):
            await trio.sleep(0.05)


async def test_a_program_that_is_not_sops_is_told_by_the_trial(tmp_path: Path) -> None:
    """One that says yes to everything is found out before it is believed."""
    with pytest.raises(StalledError, match="sops did not print a JSON object") as caught:
        await made(script(tmp_path, "cat")).probe()
    assert "destinations.live.sops.program" in caught.value.hint


def test_only_destinations_that_encrypt_have_a_program() -> None:
    """A destination that does not encrypt never starts sops."""
    tables = [
        Destination("a", "file:///a", secrets="encrypt", sops=Sops(age=("age1x",))),
        Destination("b", "file:///b", secrets="mask"),
    ]
    assert list(programs(tables)) == ["a"]


def _runs(pid: str) -> bool:
    """Whether a process is there, and no zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
