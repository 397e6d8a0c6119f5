"""Which private keys have a passphrase."""

from __future__ import annotations

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from reverser.errors import StalledError
from reverser.git.ssh_key import MAGIC, PBKDF2, decrypted, is_encrypted

BEGIN, END = "-----BEGIN OPENSSH PRIVATE KEY-----", "-----END OPENSSH PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("text", "encrypted"),
    [
        (f"{BEGIN}\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQ==\n{END}\n", False),
        (f"{BEGIN}\nb3BlbnNzaC1rZXktdjEAAAAACmFlczI1Ni1jdHI=\n{END}\n", True),
        (f"{BEGIN}\r\nb3BlbnNzaC1rZXkt\r\ndjEAAAAACmFlczI1Ni1jdHI=\r\n{END}", True),
        (f"{BEGIN}\nno base64!\n{END}\n", False),
        ("-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIHs\n", True),
        ("-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,17\n", True),
        ("-----BEGIN RSA PRIVATE KEY-----\nMIIG\n", False),
        ("no key", False),
        ("", False),
    ],
)
def test_keys_with_a_passphrase_are_known(text: str, encrypted: bool) -> None:
    """In both formats, whatever the line ends; what is no key is left to ssh."""
    assert is_encrypted(text) is encrypted


@given(st.text(), st.sampled_from(["", BEGIN, f"{BEGIN}\nb3BlbnNzaC1rZXktdjEA", "Proc-Type: 4,ENCRYPTED\n"]))
def test_any_text_is_refused_with_a_sentence(text: str, before: str) -> None:
    """No key and no passphrase raises anything but a call for help."""
    is_encrypted(f"{before}{text}{END}")
    with pytest.raises(StalledError):
        decrypted(f"{before}{text}{END}", text)


def with_rounds(rounds: int) -> str:
    """How an encrypted key in OpenSSH's format begins."""

    def string(content: bytes) -> bytes:
        return len(content).to_bytes(4, "big") + content

    options = string(bytes(16)) + rounds.to_bytes(4, "big")
    content = MAGIC + string(b"aes256-ctr") + string(b"bcrypt") + string(options)
    return f"{BEGIN}\n{base64.b64encode(content).decode()}\n{END}\n"


def pkcs8(rounds: int = 0) -> str:
    """An encrypted key in PEM; with `rounds` it asks for so many."""
    key = ed25519.Ed25519PrivateKey.generate()
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"secret")).decode()
    begin, *lines, end = pem.splitlines()
    head, identifier, rest = base64.b64decode("".join(lines)).partition(PBKDF2)
    usual = b"\x02\x02" + (2048).to_bytes(2, "big")
    assert usual in rest
    other = rest.replace(usual, b"\x02\x04" + rounds.to_bytes(4, "big"), 1)
    changed = base64.b64encode(head + identifier + other).decode()
    return f"{begin}\n{changed}\n{end}\n" if rounds else pem


@pytest.mark.parametrize("text", [with_rounds(2**32 - 1), pkcs8(2**31 - 1)], ids=["OpenSSH", "PEM"])
def test_a_key_that_would_take_minutes_is_refused(text: str) -> None:
    """Anybody's Secret may hold one, and it must not take our processor."""
    with pytest.raises(StalledError) as caught:
        decrypted(text, "secret")
    assert "rounds" in caught.value.message


def test_a_key_in_pem_is_decrypted() -> None:
    """The number of its rounds is read where it stands."""
    assert not is_encrypted(decrypted(pkcs8(), "secret"))
