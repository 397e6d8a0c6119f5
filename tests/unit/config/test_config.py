"""The configuration file: what is accepted, and that everything wrong is told at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from reverser import config
from reverser.errors import ConfigError
from reverser.model.secret import SecretRef

MINIMAL = """
[[destinations]]
name = "live"
url = "file:///srv/live.git"
[[rules]]
name = "everything"
destination = "live"
"""

SSH = """
[[destinations]]
name = "live"
url = "git@example.com:org/live.git"
credentials = { ssh_key = { file = "/k" }, known_hosts = { file = "/h" } }
[[rules]]
name = "everything"
destination = "live"
"""


def problems(text: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Key path -> message with hint, of a text that must be refused."""
    with pytest.raises(ConfigError) as caught:
        config.parse(text, environ or {})
    return {problem.path: str(problem) for problem in caught.value.problems}


def rule(lines: str) -> dict[str, str]:
    return problems(f"{MINIMAL}{lines}\n")


def test_a_minimal_file_has_every_default() -> None:
    """A destination and a rule are enough; everything else is as documented."""
    loaded = config.parse(MINIMAL, {})

    assert loaded.data_dir == "/var/lib/reverser"
    assert [cluster.name for cluster in loaded.clusters] == ["default"]
    assert loaded.rules[0].exclude_namespaces == ("kube-*",)
    assert loaded.destinations[0].credentials == config.parse(MINIMAL, {}).destinations[0].credentials


def test_every_problem_is_told_at_once() -> None:
    """Faults in different tables, of different kinds, are all in one error."""
    found = problems(
        """
        data_dirr = "x"
        grace_seconds = "20"
        [log]
        format = "jsno"
        [operations]
        bind = "8081"
        [[destinations]]
        name = "live"
        url = "file:///srv/live.git"
        branch = "a..b"
        window = "5"
        [[rules]]
        name = "everything"
        destination = "liv"
        namespaces = "shop"
        selector = "a in"
        cluster = "defalt"
        [[sanitize]]
        strip = [""]
        """
    )

    assert set(found) == {
        "data_dirr",
        "grace_seconds",
        "log.format",
        "operations.bind",
        "destinations.live.branch",
        "destinations.live.window",
        "rules.everything.destination",
        "rules.everything.namespaces",
        "rules.everything.selector",
        "rules.everything.cluster",
        "sanitize[0].strip[0]",
    }


@pytest.mark.parametrize(
    ("text", "path", "hint"),
    [
        ('data_dirr = "x"', "data_dirr", "did you mean data_dir?"),
        (
            'log.format = "jsno"',
            "log.format",
            'must be auto, console or json, not "jsno" (did you mean json?)',
        ),
        ("log.level = true", "log.level", "not true"),
        ("grace_seconds = -1", "grace_seconds", "0 or more"),
        ("grace_seconds = nan", "grace_seconds", "0 or more"),
        ('data_dir = ""', "data_dir", "path of a folder"),
        ('log = "json"', "log", "write [log] on a line of its own"),
        ('operations.bind = "127.0.0.1:99999"', "operations.bind", "host:port"),
        (
            'operations.bind = "127.0.0.1:9443"\nwebhook.bind = "0.0.0.0:9443"',
            "webhook.bind",
            "and so does operations.bind",
        ),
        ('webhook.bind = "a:1"\naudit.bind = "a:1"', "webhook.bind", "and so does audit.bind"),
        ('clusters = "x"', "clusters", "[[clusters]]"),
        ("clusters = []", "clusters", "at least one"),
        ('webhook.bind = "9443"', "webhook.bind", "for example 127.0.0.1:9443"),
        ("webhook.max_body_bytes = 0", "webhook.max_body_bytes", "1 or more bytes"),
        ("webhook.max_body_bytes = 1.5", "webhook.max_body_bytes", "a whole number"),
        ('webhook.tls.mode = "file"', "webhook.tls.mode", "did you mean files?"),
        ('webhook.tls = {mode = "files", key = "k"}', "webhook.tls.certificate", "name a PEM file"),
        ('webhook.tls.key = "k"', "webhook.tls.key", 'set mode = "files"'),
        ('webhook.tls.names = ["a.b", "https://a"]', "webhook.tls.names[1]", "a DNS name or an address"),
        ('webhook.tls.names = ["10.0.0.256/8"]', "webhook.tls.names[0]", "without scheme and port"),
        ('webhook.tls = {mode = "files", secret = "a/b"}', "webhook.tls.secret", 'mode = "self-managed"'),
        ('webhook.tls.secret = "webhook"', "webhook.tls.secret", "must be NAMESPACE/NAME"),
        ('webhook.tls.secret = "a/"', "webhook.tls.secret", "for example reverser/webhook"),
        ('webhook.tls.secret = "a.b/c"', "webhook.tls.secret", "must be NAMESPACE/NAME"),
        ('webhook.tls.secret = "a/b/c"', "webhook.tls.secret", "must be NAMESPACE/NAME"),
        ('webhook.tls.secret = "a/B"', "webhook.tls.secret", "must be NAMESPACE/NAME"),
        ('identities.mailmap = "no/such/file"', "identities.mailmap", "No such file"),
        ('identities.rules = [{author = "me"}]', "identities.rules[0].author", "Name <email>"),
        (
            'identities.rules = [{author = "A <a@b.c>", user = "re:("}]',
            "identities.rules[0].user",
            "regular expression",
        ),
        (
            'identities.rules = [{author = "A <a@b.c>", extra = "mail"}]',
            "identities.rules[0].extra",
            "key=pattern",
        ),
    ],
)
def test_top_level_problems_name_key_value_and_way_out(text: str, path: str, hint: str) -> None:
    """The message shows the key's path, what is allowed, and what to write instead."""
    assert hint in problems(f"{text}\n{MINIMAL}")[path]


@pytest.mark.parametrize(
    ("line", "key", "hint"),
    [
        ('branch = "refs/heads/main"', "branch", "write main"),
        ('branch = "-x"', "branch", "not a branch name that Git allows"),
        ('branch = ""', "branch", "not a branch name that Git allows"),
        ('branch = "a/.b"', "branch", "not a branch name that Git allows"),
        ('branch = "a.lock"', "branch", "not a branch name that Git allows"),
        ('path = "../x"', "path", "plain"),
        ('path = "/x"', "path", "write x"),
        ('path = "x/.GIT/y"', "path", "git"),
        ('layout = "flat"', "layout", "default, rest or template"),
        ('layout = "template"', "template", "missing"),
        ('template = "{name}"', "template", 'only with layout = "template"'),
        ('window = "fast"', "window", "500ms"),
        ('excluded_window = "1 week"', "excluded_window", "1m30s"),
        ('mode = "observ"', "mode", "did you mean observe?"),
        ('secrets = "clear"', "secrets", "mask or omit"),
        ('push_interval = "1x"', "push_interval", "500ms, 5s, 1m30s or 2h"),
        ('push_interval = "1m"\npush_commits = -1', "push_commits", "0: however many there are"),
        ("push_commits = 20", "push_commits", 'add push_interval = "1m"'),
        ('push_interval = "0m"\npush_commits = 20', "push_commits", 'add push_interval = "1m"'),
        ('committer = "me"', "committer", "Reverser <reverser@example.com>"),
        ('committer = "a\\nb <c@d>"', "committer", "Reverser <reverser@example.com>"),
        ('brnch = "x"', "brnch", "did you mean branch?"),
        ('credentials = "s3cret"', "credentials", "must be a table"),
        ('credentials.token = "x"', "credentials.token", "does not fit a file URL"),
    ],
)
def test_destination_problems(line: str, key: str, hint: str) -> None:
    """Each fault of a destination is told under the destination's name."""
    found = problems(MINIMAL.replace("[[rules]]", f"{line}\n[[rules]]"))

    assert list(found) == [f"destinations.live.{key}"]
    assert hint in found[f"destinations.live.{key}"]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("url", "hint"),
    [
        ("https://me:s3cret@example.com/x.git", "under credentials"),
        ("https://s3cret@example.com/x.git", "under credentials"),
        ("ftp://example.com/x", "scheme ftp"),
        ("/srv/x.git", "file:///srv/x.git"),
        ("ext::sh -c id", "blank"),
        ("ext::sh", "not the URL of a remote"),
        ("-oProxyCommand=x:y", "not the URL of a remote"),
        ("ssh://-oProxyCommand=x/y", "lacks a host"),
        ("https://example.com", "lacks a host or a path"),
        ("https://example.com:port/x", "not the URL of a remote"),
        ("example.com/x", "not the URL of a remote"),
        ("https://example.com/x?y", "after ?"),
    ],
)
def test_urls_that_are_refused(url: str, hint: str) -> None:
    """What Git could misread, and what holds a password, is refused without showing the password."""
    found = problems(MINIMAL.replace("file:///srv/live.git", url))

    assert hint in found["destinations.live.url"]
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    "url",
    ["ssh://git@example.com:2222/org/x.git", "git@example.com:org/x.git", "example.com:x", "git@[::1]:x"],
)
def test_ssh_urls_need_key_and_host_keys(url: str) -> None:
    """A ssh remote without a key and without known host keys is refused, never trusted blindly."""
    config.parse(SSH.replace("git@example.com:org/live.git", url), {})

    found = problems(MINIMAL.replace("file:///srv/live.git", url))

    assert set(found) == {
        "destinations.live.credentials.ssh_key",
        "destinations.live.credentials.known_hosts",
    }


@pytest.mark.parametrize(
    ("credentials", "path"),
    [
        ('{ token = "a", username = "b", password = "c" }', ""),
        ('{ username = "b" }', ".password"),
        ('{ password = "c" }', ".username"),
        ('{ ssh_key = "c" }', ".ssh_key"),
        ('{ tokn = "c" }', ".tokn"),
        ('{ token = "a", ssh_passphrase = "b" }', ".ssh_passphrase"),
    ],
)
def test_credentials_are_exactly_one_kind(credentials: str, path: str) -> None:
    """Mixed, incomplete, unfitting and misspelt credentials are each refused."""
    text = MINIMAL.replace('"file:///srv/live.git"', f'"https://example.com/x"\ncredentials = {credentials}')

    assert list(problems(text)) == [f"destinations.live.credentials{path}"]


@pytest.mark.parametrize(
    ("url", "credentials", "keys"),
    [
        ("htps://example.com/x", '{ ssh_key = "a", token = "b" }', ["url", "credentials"]),
        ("htps://example.com/x", '{ username = "a" }', ["url", "credentials.password"]),
        ("htps://example.com/x", '{ token = "a" }', ["url"]),
        ("htps://example.com/x", '"a"', ["credentials", "url"]),
        (
            "https://example.com/x",
            '{ ssh_key = "a", known_hosts = 5 }',
            ["credentials.known_hosts", "credentials.ssh_key"],
        ),
        (
            "https://example.com/x",
            '{ ssh_key = 5, known_hosts = "a" }',
            ["credentials.ssh_key", "credentials.known_hosts"],
        ),
        ("https://example.com/x", '{ token = 5, ssh_key = "a" }', ["credentials.token", "credentials"]),
        ("git@example.com:x", '{ ssh_key = "a", known_hosts = 5 }', ["credentials.known_hosts"]),
    ],
)
def test_one_fault_of_a_login_hides_no_other(url: str, credentials: str, keys: list[str]) -> None:
    """A bad URL or a key of a wrong shape leaves the others to be looked at, and makes up no problem."""
    text = MINIMAL.replace('"file:///srv/live.git"', f'"{url}"\ncredentials = {credentials}')

    assert list(problems(text)) == [f"destinations.live.{key}" for key in keys]


@pytest.mark.parametrize(
    ("line", "key", "hint"),
    [
        ('cluster = "defalt"', "cluster", "did you mean default?"),
        ('cluster = "zzz"', "cluster", "it can be default"),
        ("resources = []", "resources", "is empty"),
        ('resources = ["a b"]', "resources[0]", "deployments.apps"),
        ("namespaces = []", "namespaces", "is empty"),
        ('namespaces = ["ok", "Not OK"]', "namespaces[1]", "team-*"),
        ('exclude_namespaces = ["a/b"]', "exclude_namespaces[0]", "team-*"),
        ('selector = "a in"', "selector", "a in"),
        ('operations = ["updat"]', "operations[0]", "did you mean update?"),
        ("operations = []", "operations", "is empty"),
        ('cluster_scoped = "maybe"', "cluster_scoped", "true or false, or auto"),
        ("default_excludes = 1", "default_excludes", "true or false"),
        ('resources = "pods"', "resources", 'put it in brackets: ["pods"]'),
        ('exclude_managers = [" "]', "exclude_managers[0]", "can match no user"),
        ('exclude_managers = ["re:helm.*"]', "exclude_managers[0]", "globs"),
        ('exclude_managers = "helm"', "exclude_managers", 'put it in brackets: ["helm"]'),
        ('exclude_users = ["flux"]', "exclude_users", "add a [webhook] table, or use exclude_managers"),
        ('only_users = ["*@corp.com"]', "only_users", "add a [webhook] table"),
        ('excluded = "fold"', "excluded", "add exclude_users, exclude_managers or only_users"),
        ('exclude_managers = ["helm"]\nexcluded = "flod"', "excluded", "did you mean fold?"),
    ],
)
def test_rule_problems(line: str, key: str, hint: str) -> None:
    """Each fault of a rule is told under the rule's name."""
    found = rule(line)

    assert list(found) == [f"rules.everything.{key}"]
    assert hint in found[f"rules.everything.{key}"]


def test_required_keys_are_asked_for() -> None:
    """A table without its required keys is told by its number, key by key."""
    found = problems("[[destinations]]\n[[rules]]\n")

    assert {"destinations[0].name", "destinations[0].url", "rules[0].name", "rules[0].destination"} <= set(
        found
    )


def test_names_are_unique() -> None:
    """Two tables of one kind cannot have one name."""
    assert "clusters[1].name" in problems(f'{MINIMAL}[[clusters]]\nname="a"\n[[clusters]]\nname="a"\n')


def test_names_are_safe_as_folder_names() -> None:
    """A name cannot lead out of the data directory."""
    assert "destinations[0].name" not in problems(MINIMAL.replace('"live"', '"../x"'))
    assert "must be 1 to 63" in str(problems(MINIMAL.replace('"live"', '"../x"')))


@pytest.mark.parametrize("second", ["ssh://git@example.com/org/live", "ssh://EXAMPLE.com:22/org/live.git/"])
@pytest.mark.parametrize("path", ["", "clusters/live", "clusters/live/x/"])
def test_destinations_that_would_share_a_folder_are_refused(second: str, path: str) -> None:
    """One folder of one branch has one destination, also where the URLs are spelled differently."""
    credentials = SSH.splitlines()[4]
    first = SSH.replace(credentials, f'path = "clusters/live"\n{credentials}')
    text = f'{first}[[destinations]]\nname = "other"\npath = "{path}"\nurl = "{second}"\n{credentials}\n'

    assert "overlaps" in problems(text)["destinations.other.path"]
    config.parse(text.replace(f'path = "{path}"\nurl', 'path = "clusters/live2"\nurl'), {})
    config.parse(text.replace('name = "other"', 'name = "other"\nbranch = "review"'), {})


def test_two_clusters_need_their_own_files() -> None:
    """Two clusters may share a destination only where its layout tells them apart."""
    both = '[[clusters]]\nname = "a"\n[[clusters]]\nname = "b"\n'
    rules = "".join(f'[[rules]]\nname = "{c}"\ncluster = "{c}"\ndestination = "live"\n' for c in "ab")
    text = both + MINIMAL.split("[[rules]]")[0] + rules

    assert "the same files" in problems(text)["destinations.live.layout"]
    template = 'layout = "template"\ntemplate = "{cluster}/{namespace}/{kind}.{group}/{name}.yaml"\n[[rules]]'
    config.parse(text.replace("[[rules]]", template, 1), {})


def test_broken_toml_names_line_and_column() -> None:
    """A file that is no TOML is refused with the place of the fault."""
    assert list(problems("a = 1\nb = \n")) == ["line 2, column 5"]
    assert problems("a = [")


def test_a_file_that_cannot_be_read_is_a_problem_of_the_configuration(tmp_path: Path) -> None:
    """A missing file, a folder and a binary file are told by their path."""
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    for name, message in (("none", "reverser init"), (".", "cannot be read"), ("binary", "not UTF-8")):
        with pytest.raises(ConfigError, match=message):
            config.load(tmp_path / name, {})


def credentials(value: str, environ: dict[str, str]) -> SecretRef | None:
    text = MINIMAL.replace('"file:///srv/live.git"', f'"https://example.com/x"\ncredentials.token = {value}')
    return config.parse(text, environ).destinations[0].credentials.token


def test_secrets_come_from_files_variables_and_texts() -> None:
    """A secret field takes all three forms, and expands variables only in a text."""
    environ = {"A": "x", "B_2": "y"}

    assert credentials('{ file = "/t/${A}" }', environ) == SecretRef(file="/t/${A}")
    assert credentials('{ env = "A" }', environ) == SecretRef(env="A")
    assert credentials('"${A}-${B_2}-$A"', environ) == SecretRef(value="x-y-$A")


@pytest.mark.parametrize(
    "value",
    [
        '"${NOPE}"',
        '{ env = "NOPE" }',
        '{ env = "EMPTY" }',
        '""',
        "5",
        '{ file = "/a", env = "A" }',
        "{}",
        "{ file = 5 }",
    ],
)
def test_secrets_that_cannot_be_had_are_problems_now(value: str) -> None:
    """A variable that is not set is told at the start, not at the first push."""
    with pytest.raises(ConfigError) as caught:
        credentials(value, {"A": "x", "EMPTY": ""})

    assert [problem.path for problem in caught.value.problems] == ["destinations.live.credentials.token"]


def test_messages_never_show_a_secret() -> None:
    """Neither a wrong secret nor the representation of a right one shows its value."""
    with pytest.raises(ConfigError) as caught:
        credentials('["s3cret"]', {})

    assert "s3cret" not in str(caught.value)
    assert "s3cret" not in repr(credentials('"s3cret"', {}))


def test_variables_are_not_expanded_elsewhere() -> None:
    """A text that is no secret is taken as it stands."""
    assert config.parse(f'data_dir = "${{HOME}}/x"\n{MINIMAL}', {"HOME": "/h"}).data_dir == "${HOME}/x"


def test_users_can_be_excluded_where_they_are_known() -> None:
    """With a webhook, users, managers and the word stand in a rule as they were written."""
    lines = 'exclude_users = ["a:*"]\nexclude_managers = ["helm"]\nonly_users = ["b"]\nexcluded = "fold"\n'

    loaded = config.parse(f"{MINIMAL}{lines}[webhook]\n", {}).rules[0]

    assert (loaded.exclude_users, loaded.exclude_managers) == (("a:*",), ("helm",))
    assert (loaded.only_users, loaded.excluded) == (("b",), "fold")


AGE = "age1zrptuhe73txw5ung0yx0tpygwkw0j46nqfzz64whh6dlld6q59rqqe72um"
FINGERPRINT = "0123456789ABCDEF0123456789ABCDEF01234567"


def encrypting(sops: str, secrets: str = "encrypt") -> str:
    return MINIMAL.replace("[[rules]]", f'secrets = "{secrets}"\n{sops}\n[[rules]]')


def test_recipients_of_all_kinds_are_accepted() -> None:
    """They are spelled as SOPS takes them."""
    loaded = config.parse(
        encrypting(
            f"""[destinations.sops]
            age = ["{AGE}", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA somebody"]
            pgp = ["{FINGERPRINT}"]
            kms = ["arn:aws:kms:eu-west-1:1:key/12-ab", "arn:aws-cn:kms:a:1:alias/a+arn:aws-cn:iam::1:role/b"]
            gcp_kms = ["projects/p/locations/global/keyRings/r/cryptoKeys/k"]
            azure_keyvault = ["https://v.vault.azure.net/keys/k/0123"]
            hc_vault_transit_uri = ["https://vault.example.com:8200/v1/sops/keys/k"]
            """
        ),
        {},
    )

    assert loaded.destinations[0].sops is not None
    assert loaded.destinations[0].sops.age[0] == AGE
    assert loaded.destinations[0].sops.program == "sops"


@pytest.mark.parametrize(
    ("text", "path", "told"),
    [
        (encrypting(""), "destinations.live.sops", "is missing"),
        (encrypting("[destinations.sops]"), "destinations.live.sops", "names no recipient"),
        (encrypting(f'sops = {{ age = ["{AGE}"] }}', "mask"), "destinations.live.sops", 'not with "mask"'),
        (encrypting(f'sops = {{ ages = ["{AGE}"] }}'), "destinations.live.sops.ages", "did you mean age?"),
        (
            encrypting(f'sops = {{ age = ["{AGE}"], program = " " }}'),
            "destinations.live.sops.program",
            "not an empty",
        ),
        *(
            (encrypting(f'sops = {{ {kind} = ["{value}"] }}'), f"destinations.live.sops.{kind}[0]", told)
            for kind, value, told in (
                ("age", AGE.replace("z", "q", 1), "is not an age recipient"),
                ("age", AGE[:-1], "is not an age recipient"),
                ("age", f"{AGE},{AGE}", "is not an age recipient"),
                ("pgp", FINGERPRINT[:16], "whole fingerprint"),
                ("kms", "alias/key", "an ARN"),
                ("gcp_kms", "projects/p", "a resource id"),
                ("azure_keyvault", "https://v.vault.azure.net", "the URL of a key"),
                ("hc_vault_transit_uri", "--help", "the URL of a key"),
            )
        ),
    ],
)
def test_a_recipient_that_cannot_be_one_is_refused(text: str, path: str, told: str) -> None:
    """With its key path, before anything is encrypted for the wrong one or for nobody."""
    assert told in problems(text)[path]


def test_a_private_key_among_recipients_is_not_shown() -> None:
    """It is refused, and no line of the message repeats it."""
    private = "AGE-SECRET-KEY-1QQQQQQQQQQQQQQQQQQQQQQQQQQQ"
    found = problems(encrypting(f'sops = {{ age = ["{private}"] }}'))

    assert "is a private key" in found["destinations.live.sops.age[0]"]
    assert "QQQQ" not in str(found)


def test_a_place_and_names_for_the_authority() -> None:
    """Wildcards, addresses of both families and a Secret with dots in its name are taken."""
    names = ("*.example.com", "reverser.reverser.svc", "10.0.0.1", "fd00::1")
    text = f'{MINIMAL}[webhook.tls]\nnames = {list(names)}\nsecret = "reverser/webhook.tls"\n'

    loaded = config.parse(text, {}).webhook

    assert loaded is not None
    assert loaded.tls.names == names
    assert loaded.tls.secret == "reverser/webhook.tls"


def test_all_names_that_are_none_are_told_at_once() -> None:
    """Each has a key path of its own, and the Secret beside them is looked at, too."""
    found = problems(f'webhook.tls = {{names = ["a b", "ok", ""], secret = "x"}}\n{MINIMAL}')

    assert set(found) == {"webhook.tls.names[0]", "webhook.tls.names[2]", "webhook.tls.secret"}


def test_the_hint_about_recipients_can_be_followed() -> None:
    """What it says to write, written there, is taken."""
    text = (
        '[[clusters]]\nname = "default"\n[[rules]]\nname = "all"\ndestination = "live"\n'
        '[[destinations]]\nname = "live"\nurl = "https://example.com/live.git"\nsecrets = "encrypt"\n'
    )
    with pytest.raises(ConfigError) as caught:
        config.parse(text, {})
    (problem,) = caught.value.problems
    recipient = "age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p"

    table, _, keys = (
        problem.hint.removeprefix("write ").removesuffix(" below this destination").partition(" with ")
    )

    assert config.parse(f"{text}{table}\n{keys.replace('age1…', recipient)}\n", {}).destinations[0].sops


def test_a_file_that_is_no_toml_is_named(tmp_path: Path) -> None:
    """Also where the mistake has no line of its own."""
    path = tmp_path / "reverser.toml"
    path.write_text("a = [")

    with pytest.raises(ConfigError) as caught:
        config.load(path, {})

    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "clash"),
    [
        ("127.0.0.1:1", "127.0.0.1:1", True),
        ("0.0.0.0:1", "127.0.0.1:1", True),
        ("localhost:1", "127.0.0.1:1", True),
        ("[::]:1", "[::1]:1", True),
        ("127.0.0.1:1", "10.0.0.5:1", False),
        ("[::]:1", "0.0.0.0:1", False),
        ("0.0.0.0:1", "[::1]:1", False),
        ("[::]:1", "127.0.0.1:1", False),
        ("0.0.0.0:0", "0.0.0.0:0", False),
        ("127.0.0.1:1", "127.0.0.1:2", False),
    ],
)
def test_listeners_share_no_address(one: str, other: str, clash: bool) -> None:
    """One port on two addresses is no mistake, nor is port 0, which picks a free one each time."""
    for first, second in ((one, other), (other, one)):
        text = f'operations.bind = "{first}"\nwebhook.bind = "{second}"\nx = 1\n{MINIMAL}'

        assert ("webhook.bind" in problems(text)) == clash
