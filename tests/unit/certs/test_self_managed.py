"""The self-managed certificate: made once, renewed in time, trusted by whoever has the bundle."""

from __future__ import annotations

import ipaddress
import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from reverser.certs.self_managed import SelfManaged
from reverser.errors import ConfigError, StalledError

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "data" / "webhook"


def server(folder: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate((folder / "server.pem").read_bytes())


def bundle(own: SelfManaged) -> list[x509.Certificate]:
    return x509.load_pem_x509_certificates(own.ca_bundle())


def trusted(folder: Path, authorities: list[x509.Certificate], now: datetime) -> bool:
    """Whether a client with this bundle would accept the server's certificate at that time."""
    certificate = server(folder)
    issuers = [each for each in authorities if each.subject == certificate.issuer]
    for issuer in issuers:
        certificate.verify_directly_issued_by(issuer)
    valid = [each.not_valid_before_utc <= now < each.not_valid_after_utc for each in (certificate, *issuers)]
    return bool(issuers) and all(valid)


def test_a_first_start_makes_an_authority_and_a_certificate(folder: Path) -> None:
    """The certificate is for localhost and the given names, signed by the authority in the bundle."""
    own = SelfManaged(folder, ["reverser.reverser.svc", "10.1.2.3", "Hook.Example.com"])

    assert own.renew(NOW)

    certificate = server(folder)
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [
        "localhost",
        "reverser.reverser.svc",
        "hook.example.com",
    ]
    assert names.get_values_for_type(x509.IPAddress) == [
        ipaddress.ip_address("127.0.0.1"),
        ipaddress.ip_address("10.1.2.3"),
    ]
    assert trusted(folder, bundle(own), NOW)
    assert certificate.not_valid_after_utc - NOW > 364 * DAY
    assert bundle(own)[0].not_valid_after_utc - NOW > 3649 * DAY


def test_nobody_else_can_read_the_keys(folder: Path) -> None:
    """Files with keys are readable by their owner only, and so is the folder; the bundle has no key."""
    own = SelfManaged(folder, [])
    own.renew(NOW)

    modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()}
    assert modes == {"ca.pem": 0o600, "server.pem": 0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    assert b"PRIVATE" not in own.ca_bundle()


def test_a_restart_changes_nothing(folder: Path) -> None:
    """What is there and not due is used again."""
    SelfManaged(folder, ["a.b"]).renew(NOW)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    assert not SelfManaged(folder, ["a.b"]).renew(NOW + 200 * DAY)

    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_certificate_is_renewed_at_two_thirds_of_its_life(folder: Path) -> None:
    """Not a day before, then with a new key and by the same authority."""
    own = SelfManaged(folder, [])
    own.renew(NOW)
    first, trust = server(folder), bundle(own)

    assert not own.renew(NOW + 243 * DAY)
    assert own.renew(NOW + 244 * DAY)

    assert server(folder).public_key() != first.public_key()
    assert trusted(folder, trust, NOW + 244 * DAY)
    assert bundle(own) == trust


def test_a_new_authority_is_trusted_before_it_signs(folder: Path) -> None:
    """Over 30 years the certificate is always trusted by a bundle that was read a month earlier."""
    own = SelfManaged(folder, [])
    own.renew(NOW)
    authorities = set()
    for month in range(365):
        now = NOW + month * 30 * DAY
        old = bundle(own)
        own.renew(now)
        assert trusted(folder, old, now), now
        authorities |= set(bundle(own))

    assert len(authorities) == 5
    assert len(bundle(own)) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda folder: (folder / "server.pem").write_text("nonsense"),
        lambda folder: (folder / "server.pem").unlink(),
        lambda folder: (folder / "ca.pem").unlink(),
    ],
    ids=["garbled", "missing", "of another authority"],
)
def test_a_certificate_that_does_not_serve_is_made_anew(folder: Path, spoil: object) -> None:
    """Whatever happened to it, the certificate fits the bundle after the next start."""
    own = SelfManaged(folder, [])
    own.renew(NOW)
    assert callable(spoil)
    spoil(folder)

    assert own.renew(NOW)

    assert trusted(folder, bundle(own), NOW)


def test_other_names_make_another_certificate(folder: Path) -> None:
    """Names that were added in the configuration are in the certificate after the next start."""
    SelfManaged(folder, []).renew(NOW)

    assert SelfManaged(folder, ["a.b"]).renew(NOW)

    names = server(folder).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert "a.b" in names.get_values_for_type(x509.DNSName)


def test_a_clock_that_was_ahead_does_not_leave_a_certificate_of_the_future(folder: Path) -> None:
    """A certificate that is not valid yet is made anew."""
    own = SelfManaged(folder, [])
    own.renew(NOW + 5 * DAY)

    own.renew(NOW)

    assert trusted(folder, bundle(own), NOW)


def test_a_garbled_authority_is_a_persons_to_mend(folder: Path) -> None:
    """It is not replaced behind the back of those who trust it."""
    own = SelfManaged(folder, [])
    own.renew(NOW)
    (folder / "ca.pem").write_text("nonsense")

    with pytest.raises(StalledError, match=r"ca\.pem"):
        own.renew(NOW)

    assert (folder / "ca.pem").read_text() == "nonsense"


def test_a_key_of_another_authority_is_refused(folder: Path) -> None:
    """A key and a certificate that do not belong together are told, not used."""
    own = SelfManaged(folder, [])
    own.renew(NOW)
    text = (folder / "ca.pem").read_text()
    other = (folder / "server.pem").read_text()
    mark = "-----BEGIN CERTIFICATE-----"
    (folder / "ca.pem").write_text(other.partition(mark)[0] + mark + text.partition(mark)[2])

    with pytest.raises(StalledError, match="do not belong together"):
        own.renew(NOW)


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    """A file in the way of the folder stalls, and says where."""
    (tmp_path / "data").write_text("")

    with pytest.raises(StalledError, match="cannot be used"):
        SelfManaged(tmp_path / "data" / "webhook", []).renew(NOW)


def test_the_private_key_is_that_of_the_certificate(folder: Path) -> None:
    """server.pem holds what a TLS listener needs."""
    SelfManaged(folder, []).renew(NOW)

    key = load_pem_private_key((folder / "server.pem").read_bytes(), None)
    assert key.public_key() == server(folder).public_key()


def test_an_empty_authority_is_not_taken_for_a_missing_one(folder: Path) -> None:
    """Somebody may trust what stood there: a person is asked, and nothing is made."""
    folder.mkdir(parents=True)
    (folder / "ca.pem").touch()

    with pytest.raises(StalledError, match="is empty"):
        SelfManaged(folder, []).renew(NOW)

    assert [path.name for path in folder.iterdir()] == ["ca.pem"]


@pytest.mark.parametrize("name", ["", "a b", "ä.example", "a..b", "-a", "x" * 254, "https://a", "a\n"])
def test_names_that_no_certificate_can_have_are_refused(tmp_path: Path, name: str) -> None:
    """The key of the configuration is named."""
    with pytest.raises(ConfigError, match=r"webhook\.tls\.names"):
        SelfManaged(tmp_path, [name])


@pytest.mark.parametrize(
    ("host", "good"),
    [
        ("localhost", True),
        ("127.0.0.1", True),
        ("a.b.svc", True),
        ("A.B.svc", True),
        ("x.wild.example", True),
        ("y.x.wild.example", False),
        ("c.b.svc", False),
        ("10.0.0.1", False),
        ("::1", False),
        ("not a host", False),
    ],
)
def test_a_host_without_a_name_in_the_certificate_is_told(tmp_path: Path, host: str, good: bool) -> None:
    """Before a registration is made that no handshake would survive."""
    own = SelfManaged(tmp_path, ["a.b.svc", "*.wild.example"])
    if good:
        own.check(host)
        return

    with pytest.raises(ConfigError, match=r"webhook\.tls\.names"):
        own.check(host)
