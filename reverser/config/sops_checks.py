"""What a `[destinations.sops]` table must fulfil: somebody who can decrypt, spelled as SOPS takes it.

A misspelt recipient is found here where that can be told from the text: an age recipient carries a
checksum, the others have a form. Whether a key exists, `reverser check` tells. A private key that was
put here by mistake is never shown.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from reverser.config.problems import one_of, show
from reverser.sops.document import RECIPIENTS

if TYPE_CHECKING:
    from reverser.config.problems import Report
    from reverser.model.destination import Destination, Sops

_BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
_GENERATOR = (0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)
_SSH = re.compile(r"ssh-(?:ed25519|rsa) [A-Za-z0-9+/]+={0,2}(?: [^,]*)?")
_PRIVATE = re.compile(r"AGE-SECRET-KEY-|AGE-PLUGIN-|PRIVATE KEY", re.IGNORECASE)

FORMS = {
    "pgp": (
        re.compile(r"[0-9A-Fa-f]{40}(?:[0-9A-Fa-f]{24})?"),
        "the whole fingerprint, as `gpg --fingerprint` shows it, without spaces",
    ),
    "kms": (
        re.compile(
            r"arn:aws[\w-]*:kms:[^:,\s]+:\d+:(?:key|alias)/[\w/-]+(?:\+arn:aws[\w-]*:iam::\d+:role/[^,\s]+)?"
        ),
        "an ARN, for example arn:aws:kms:eu-west-1:111122223333:key/…",
    ),
    "gcp_kms": (
        re.compile(r"projects/[^/,\s]+/locations/[^/,\s]+/keyRings/[^/,\s]+/cryptoKeys/[^,\s]+"),
        "a resource id, for example projects/p/locations/global/keyRings/r/cryptoKeys/k",
    ),
    "azure_keyvault": (
        re.compile(r"https://[^/,\s]+/keys/[^/,\s]+(?:/[^/,\s]*)?"),
        "the URL of a key, for example https://NAME.vault.azure.net/keys/KEY/VERSION",
    ),
    "hc_vault_transit_uri": (
        re.compile(r"https?://[^/,\s]+/v1/[^,\s]+/keys/[^/,\s]+"),
        "the URL of a key, for example https://vault.example.com/v1/sops/keys/KEY",
    ),
}
"""Key -> (what is allowed, what to write)."""


def check_sops(destination: Destination, path: str, report: Report) -> None:
    """Report a table that is missing, useless or wrong."""
    sops = destination.sops
    if report.faulty(f"{path}.secrets"):
        return
    if destination.secrets == "encrypt" and sops is not None:
        _check_table(sops, f"{path}.sops", report)
    elif report.faulty(f"{path}.sops"):
        return
    elif destination.secrets == "encrypt":
        problem = 'is missing: secrets = "encrypt" needs to know who can decrypt'
        report.add(
            f"{path}.sops", problem, 'write [destinations.sops] with age = ["age1…"] below this destination'
        )
    elif sops is not None:
        problem = f'is used only with secrets = "encrypt", not with {show(destination.secrets)}'
        report.add(f"{path}.sops", problem, 'set secrets = "encrypt", or leave the table out')


def _check_table(sops: Sops, key: str, report: Report) -> None:
    for name in RECIPIENTS:
        for index, recipient in enumerate(getattr(sops, name)):
            where, problem = f"{key}.{name}[{index}]", _problem(name, recipient)
            if problem and not report.faulty(where):
                report.add(where, *problem)
    if not any(getattr(sops, name) for name in RECIPIENTS) and not report.faulty(key):
        report.add(key, "names no recipient who could decrypt", f"add {one_of(RECIPIENTS)}")
    if not sops.program.strip() and not report.faulty(f"{key}.program"):
        report.add(f"{key}.program", "must name a program, not an empty text", "leave it out")


def _problem(name: str, recipient: str) -> tuple[str, str] | None:
    if _PRIVATE.search(recipient):
        return (
            "is a private key; write the public key",
            "make a new key pair, since this private key was written into a file",
        )
    if name == "age":
        if _SSH.fullmatch(recipient) or _is_age(recipient):
            return None
        return f"{show(recipient)} is not an age recipient", "write what `age-keygen -y` prints: age1…"
    allowed, hint = FORMS[name]
    return None if allowed.fullmatch(recipient) else (f"{show(recipient)} is not a key of this kind", hint)


def _is_age(text: str) -> bool:
    """Whether it begins with age1 and its checksum is right (BIP 173; age sets no limit to the length)."""
    prefix, _, data = text.rpartition("1")
    if not text.startswith("age1") or len(data) < 7 or not set(data) <= set(_BECH32):
        return False
    values = [ord(each) >> 5 for each in prefix] + [0] + [ord(each) & 31 for each in prefix]
    checksum = 1
    for value in (*values, *(_BECH32.index(each) for each in data)):
        top = checksum >> 25
        checksum = (checksum & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate(_GENERATOR):
            checksum ^= generator if (top >> bit) & 1 else 0
    return checksum == 1
