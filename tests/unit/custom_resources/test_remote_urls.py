"""Which repositories a GitRepoConfig may name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reverser.config.url_globs import parse_url_glob
from reverser.custom_resources import remote_urls

GOOD = [
    "https://github.com/acme/live.git",
    "http://gitea-http.gitea-e2e.svc.cluster.local:3000/testorg/repo.git",
    "ssh://git@git.example.com:2222/acme/live.git",
    "git@github.com:acme/live.git",
    "git.example.com:acme/live",
    "ssh://[2001:db8::1]/acme/live",
    "https://dev.azure.com/acme/My%20Project/_git/live",
    "git@ssh.dev.azure.com:v3/acme/My%20Project/live",
    "https://10.0.0.7/acme/live",
    "ssh://git@git.example.com/~bob/live",
]


@pytest.mark.parametrize("url", GOOD)
def test_what_hosts_of_git_show_as_their_url_is_taken(url: str) -> None:
    """Every usual spelling is read, and allowed where nothing is restricted."""
    assert remote_urls.allowed(url, ())


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("", "is not the URL of a remote"),
        ("file:///srv/git/live", "has the scheme file"),
        ("FILE:///srv/git/live", "has the scheme"),
        ("HTTPS://github.com/acme/live", "has the scheme HTTPS"),
        ("/srv/git/live", "is a folder"),
        ("../live", "is a folder"),
        ("ext::sh -c id", "holds a blank"),
        ("ext::sh", "is not the URL of a remote"),
        ("fd::7", "is not the URL of a remote"),
        ("git://github.com/acme/live", "has the scheme git"),
        ("ftp://github.com/acme/live", "has the scheme ftp"),
        ("https://user:secret@github.com/acme/live", "holds a password"),
        ("https://ghp_token@github.com/acme/live", "into the Secret of spec.secretRef"),
        ("ssh://git:secret@github.com/acme/live", "holds a password"),
        ("ssh://git%3Asecret@github.com/acme/live", "has a user name"),
        ("ssh://-oProxyCommand=id@github.com/acme/live", "has a user name"),
        ("ssh://-oProxyCommand=id/acme/live", "lacks a host"),
        ("-oProxyCommand=id:acme/live", "is not the URL of a remote"),
        ("-x@github.com:acme/live", "has a user name"),
        ("https://github.com\\@evil.example/acme/live", "backslash"),
        ("https://github.com/acme/../evil/live", "has a path with"),
        ("https://github.com/acme/%2e%2e/evil/live", "has a path with"),
        ("https://github.com/acme%2Flive/x", "can be read in two ways"),
        ("https://github.com/acme/%252e%252e/live", "can be read in two ways"),
        ("https://github.com//acme/live", "has a path with"),
        ("git@github.com:acme/./live", "has a path with"),
        ("git@github.com:-u/live", "is not the name of a repository"),
        ("https://github.com/acme/live?x=1", "after ? or #"),
        ("https://github.com/acme/live#x", "after ? or #"),
        ("https://github.com/a\nb", "control character"),
        ("https://gıthub.com/acme/live", "not ASCII"),
        ("https://git;hub.com/acme/live", "host that is neither"),
        ("https://2130706433/acme/live", "host that is neither"),
        ("https://127.1/acme/live", "host that is neither"),
        ("https://0x7f.0.0.1/acme/live", "host that is neither"),
        ("https://0177.0.0.1/acme/live", "host that is neither"),
        ("https://[1::2::3]/acme/live", "not the URL of a remote"),
        ("https://github.com./acme/live", "host that is neither"),
        ("https://github.com:x/acme/live", "is not the URL of a remote"),
        ("https://github.com/" + "a" * 3000, "2,048 is the most"),
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(url: str, sentence: str) -> None:
    """Other schemes, credentials, options and ambiguous paths are refused with a sentence."""
    with pytest.raises(ValueError) as caught:
        remote_urls.read(url)

    assert sentence in str(caught.value)
    assert "secret@" not in str(caught.value)
    assert "ghp_token" not in str(caught.value)


@pytest.mark.parametrize(
    ("glob", "url", "expected"),
    [
        ("https://github.com/acme/*", "https://github.com/acme/live.git", True),
        ("https://github.com/acme/*", "https://GitHub.com/acme/live", True),
        ("https://github.com/acme/*", "https://github.com/acme/team/live", True),
        ("https://github.com/acme/live", "https://github.com/acme/live.git", True),
        ("https://github.com/acme/*", "https://github.com/acme-evil/live", False),
        ("https://github.com/acme/*", "https://github.com/ACME/live", False),
        ("https://github.com/acme/*", "http://github.com/acme/live", False),
        ("https://github.com/acme/*", "git@github.com:acme/live", False),
        ("https://github.com/acme/*", "https://github.com:8443/acme/live", False),
        ("https://github.com/acme/*", "https://github.com:443/acme/live", True),
        ("https://github.com:8443/acme/*", "https://github.com:8443/acme/live", True),
        ("https://github.com:*/acme/*", "https://github.com:8443/acme/live", True),
        ("https://*.example.com/acme/*", "https://git.example.com/acme/live", True),
        ("https://*.example.com/acme/*", "https://evil.org/x.example.com/acme/live", False),
        ("https://*/acme/*", "https://evil.org/x/acme/live", False),
        ("git@github.com:acme/*", "git@github.com:acme/live.git", True),
        ("git@github.com:acme/*", "other@github.com:acme/live.git", True),
        ("git@github.com:acme/*", "ssh://git@github.com/acme/live.git", True),
        ("git@github.com:acme/*", "ssh://git@github.com:2222/acme/live.git", False),
        ("git@github.com:acme/*", "https://github.com/acme/live.git", False),
        ("github.com/acme/*", "https://github.com/acme/live", True),
        ("github.com/acme/*", "git@github.com:acme/live", True),
        ("https://dev.azure.com/acme/My Project/*", "https://dev.azure.com/acme/My%20Project/_git/x", True),
        ("*", "https://github.com/acme/live", False),
        ("", "https://github.com/acme/live", False),
    ],
)
def test_a_glob_covers_the_repository_and_not_its_spelling(glob: str, url: str, expected: bool) -> None:
    """Scheme, host, port and path are compared one by one; what is no glob covers nothing."""
    assert remote_urls.allowed(url, (glob,)) is expected


def test_a_glob_that_can_cover_nothing_is_named() -> None:
    """`[tenancy]` can refuse at the start what would never match."""
    parse_url_glob("https://github.com/acme/*")
    with pytest.raises(ValueError, match="can match no URL"):
        parse_url_glob("*")


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("https://github.com/acme/live", "git@github.com:Acme/Live.git", True),
        ("https://git.example.com:3000/a/b", "ssh://git@git.example.com:2222/a/b", True),
        ("https://git.example.com/a/b", "http://git.example.com/a/b", True),
        ("https://git.example.com:3000/a/b", "https://git.example.com:3001/a/b", False),
        ("https://git.example.com/a/b", "https://git.example.com/a/c", False),
        ("https://git.example.com/a/%62", "https://git.example.com/a/b", True),
    ],
)
def test_spellings_of_one_repository_are_recognised(one: str, other: str, expected: bool) -> None:
    """Scheme, user, case, encoding and `.git` do not make another repository."""
    first, second = remote_urls.read(one), remote_urls.read(other)

    assert first.may_equal(second) is expected
    assert second.may_equal(first) is expected


@given(
    st.text(max_size=30) | st.from_regex(r"(https|ssh|ext|file)(://|::)[a-z@:%./\\-]{0,20}", fullmatch=True)
)
def test_no_text_raises_anything_but_a_sentence(url: str) -> None:
    """Whatever somebody writes is a repository or a ValueError, and no glob makes it raise."""
    try:
        repository = remote_urls.read(url)
    except ValueError:
        return

    assert repository.scheme in remote_urls.SCHEMES
    assert ".." not in repository.path.split("/")
    assert not remote_urls.allowed(url, ("https://nowhere.example.com/x/*",))


LOCAL = [
    "localhost",
    "LOCALHOST",
    "x.localhost",
    "127.0.0.1",
    "127.8.8.8",
    "0.0.0.0",
    "169.254.169.254",
    "100.100.100.200",
    "metadata.google.internal",
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
    "[::1]",
    "[::]",
    "[fe80::1]",
    "[fd00:ec2::254]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[::127.0.0.1]",
    "[64:ff9b::a9fe:a9fe]",
]


@pytest.mark.parametrize("host", LOCAL)
def test_local_hosts_are_allowed_by_their_name_alone(host: str) -> None:
    """The daemon's machine, metadata services and the API server are for whoever writes the file."""
    url = f"https://{host}/acme/live"

    assert not remote_urls.allowed(url, ())
    assert not remote_urls.allowed(url, ["*/*", "*:*/*"])
    assert remote_urls.allowed(url, [f"{host}/*"])
    assert not remote_urls.allowed(url, [f"{host}/other/*"])


@pytest.mark.parametrize(
    "host", ["gitea.git.svc", "10.0.0.7", "[2001:db8::1]", "kubernetes.example.com", "1.2.3.4"]
)
def test_other_hosts_of_the_network_are_allowed(host: str) -> None:
    """A Git host in the cluster is usual; `allow_urls` restricts that where tenants are not trusted."""
    assert remote_urls.allowed(f"https://{host}/acme/live", ())
