"""Files of known hosts."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from reverser.custom_resources.known_hosts_file import keys, knows

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0z8bnCTVMeTIQHRBU1HrXkvPHhzLWlTOtoAtr6JFDG"


@pytest.mark.parametrize(
    ("line", "host", "port", "expected"),
    [
        (f"git.example.com {KEY}", "git.example.com", 22, True),
        (f"Git.Example.com {KEY} a comment", "git.example.com", 22, True),
        (f"git.example.com {KEY}", "other.example.com", 22, False),
        (f"git.example.com,10.0.0.7 {KEY}", "10.0.0.7", 22, True),
        (f"*.example.com {KEY}", "git.example.com", 22, True),
        (f"!git.example.com,*.example.com {KEY}", "git.example.com", 22, False),
        (f"[git.example.com]:2222 {KEY}", "git.example.com", 2222, True),
        (f"[git.example.com]:2222 {KEY}", "git.example.com", 22, False),
        (f"git.example.com {KEY}", "git.example.com", 2222, True),
        (f"2001:db8::1 {KEY}", "[2001:db8::1]", 22, True),
        (f"@cert-authority *.example.com {KEY}", "git.example.com", 22, True),
        (f"@revoked git.example.com {KEY}", "git.example.com", 22, False),
        (f"# git.example.com {KEY}", "git.example.com", 22, False),
        ("git.example.com ssh-ed25519", "git.example.com", 22, False),
        ("git.example.com", "git.example.com", 22, False),
        (f"|1|no-base64|x {KEY}", "git.example.com", 22, False),
        (f"|1|é|x {KEY}", "git.example.com", 22, False),
        (f"|1| {KEY}", "git.example.com", 22, False),
    ],
)
def test_a_line_is_about_its_hosts(line: str, host: str, port: int, expected: bool) -> None:
    """Names, addresses, globs, ports and markers are read as ssh reads them."""
    assert knows(f"# first\n{line}\n", host, port) is expected


def test_hashed_names_are_recognised(tmp_path: Path) -> None:
    """What ssh-keygen has hashed is about the same hosts."""
    path = tmp_path / "known_hosts"
    path.write_text(f"git.example.com {KEY}\n[git.example.com]:2222 {KEY}\n")
    subprocess.run(["ssh-keygen", "-q", "-H", "-f", path], check=True, capture_output=True)
    text = path.read_text()

    assert "git.example.com" not in text
    assert len(keys(text)) == 2
    assert knows(text, "git.example.com", 22)
    assert knows(text, "git.example.com", 2222)
    assert not knows(text, "other.example.com", 22)
