"""What looks like a secret is found where it stands, and what only resembles one is left alone."""

from __future__ import annotations

import base64
import json
from re import _parser  # type: ignore[attr-defined]
from typing import Any

import msgspec
import pytest

from reverser.intake.decide import decide
from reverser.sanitize import named_secrets
from reverser.sanitize.suspicious_values import OVERLAP, PART, suspicious, without_suspicious
from reverser.sanitize.token_patterns import LEAST, RULES, token
from tests.changes import LIVE, change, recorded, route, web

CHANCE = "q7Zp2Vx9Kd4Lm8Wt1Rb6Ys3Hn5Jc0Fg"
BODY = CHANCE * 4
PEM = f"-----BEGIN RSA PRIVATE {'KEY'}-----\n{BODY}\n-----END RSA PRIVATE {'KEY'}-----"


def _part(data: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(data).encode()).decode().rstrip("=")


JWT = f"{_part({'alg': 'HS256', 'typ': 'JWT'})}.{_part({'sub': 'somebody', 'x': 'y'})}.{CHANCE}"

# Put together here, so that no scanner takes this file for a leak.
POSITIVE = {
    "private-key": [PEM, base64.b64encode(PEM.encode()).decode()],
    "gcp-service-account": ['{"private_key_id": "' + "0a1b2c3d" * 5 + '"}'],
    "age-key": ["AGE-SECRET-" + "KEY-1" + "QPZRY9X8" * 7 + "GF"],
    "aws-access-key": ["AKIA" + "Q7ZP2VX6KD4LM5WT"],
    "gcp-api-key": ["AIza" + BODY[:35]],
    "azure-key": ["DefaultEndpointsProtocol=https;AccountKey=" + BODY[:86] + "=="],
    "github-token": ["ghp_" + BODY[:36], "github_" + "pat_" + BODY[:82]],
    "gitlab-token": ["glpat-" + BODY[:20]],
    "slack-token": ["xoxb-" + "1" + BODY[:30]],
    "slack-webhook": ["https://hooks.slack.com/services/" + BODY[:44]],
    "stripe-key": ["sk_" + "live_" + BODY[:24]],
    "npm-token": ["npm_" + BODY[:36]],
    "pypi-token": ["pypi-" + "AgE" + BODY[:60]],
    "openai-key": ["sk-proj-" + BODY[:24] + "T3Blbk" + "FJ" + BODY[:24]],
    "anthropic-key": ["sk-ant-" + "api03-" + BODY[:93]],
    "sendgrid-key": ["SG." + BODY[:22] + "." + BODY[:43]],
    "vault-token": ["hvs." + BODY[:90]],
    "jwt": [JWT],
    "url-password": ["postgres://shop:" + "s3cr3tly@db:5432/shop", "redis://:" + "s3cr3tly@cache"],
}


@pytest.mark.parametrize(("rule", "value"), [(r, v) for r, values in POSITIVE.items() for v in values])
def test_known_shapes_are_found(rule: str, value: str) -> None:
    """A known shape of secret is recognised alone, and amid other text."""
    assert token(value) == rule
    assert token(f"first\nx = '{value}'\nlast") == rule


def test_every_rule_has_an_example() -> None:
    """Every rule for shapes of secrets has an example here that it recognises."""
    assert {rule.name for rule in RULES} == set(POSITIVE)


@pytest.mark.parametrize(
    "value",
    [
        "AKIA" + "IOSFODNN7EXAMPLE",
        "-----BEGIN CERTIFICATE-----\n" + BODY,
        "-----BEGIN PRIVATE " + "KEY----- is how it begins",
        base64.b64encode(f"-----BEGIN CERTIFICATE-----\n{BODY}{BODY}".encode()).decode(),
        "https://example.com:8443/a@b",
        "postgres://shop:$(PASSWORD)@db/shop",
        "postgres://shop:{{ .password }}@db/shop",
        f"{_part({'typ': 'no algorithm'})}.{_part({'sub': 'somebody'})}.{CHANCE}",
        "registry.example.com/team/web@sha256:" + "0a1b2c3d" * 8,
    ],
)
def test_what_resembles_a_token_is_none(value: str) -> None:
    """Examples, certificates, templates, addresses and images."""
    assert suspicious({"data": {"x": value}}) == ()


@pytest.mark.parametrize(
    "content",
    [
        {"env": [{"name": "DB_PASSWORD", "value": CHANCE}]},
        {"args": [f"--api-key={CHANCE}"]},
        {"args": ["--client-secret", CHANCE]},
        {"data": {"app.properties": f"size = 3\ndb.password = {CHANCE}\n"}},
        {"data": {"app.yaml": f"db:\n  token: '{CHANCE}'\n"}},
        {"data": {"app.json": json.dumps({"size": 3, "apiToken": CHANCE})}},
        {"metadata": {"annotations": {"example.com/token": CHANCE}}},
        {"users": [{"user": {"client-key-data": CHANCE}}]},
    ],
)
def test_names_tell(content: dict[str, Any]) -> None:
    """A value that looks like chance, under a name that tells."""
    assert [found.rule for found in suspicious(content)] == ["named-value"]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("secretName", CHANCE),
        ("tokenPath", CHANCE),
        ("PASSWORD_FILE", CHANCE),
        ("publicKey", CHANCE),
        ("password", ""),
        ("password", "changeme123"),
        ("password", "$(DB_PASSWORD_1)"),
        ("password", "${db_password_1}"),
        ("password", "{{ .Values.password1 }}"),
        ("password", "<password-1>"),
        ("password", "/run/secrets/db1"),
        ("password", "file:/run/secrets/db1"),
        ("password", "hmac:" + "0a1b2c3d" * 4),
        ("secret", "db-credentials-2"),
        ("token", "0f8fad5b-d9cb-469f-a165-70867728950e"),
        ("token", "sha256:" + "0a1b2c3d" * 8),
        ("apiKey", "registry.example.com/keys:v1"),
        ("token", "the 1st of several words"),
    ],
)
def test_names_that_do_not_tell_and_values_that_hide_nothing(name: str, value: str) -> None:
    """References, paths, digests, templates and placeholders."""
    assert suspicious({"spec": {name: value}}) == ()


def test_a_long_text_is_told_by_its_name_too() -> None:
    """What was found of a text under one name says nothing of the same text under another."""
    long = (CHANCE * 3)[:80]
    for _ in range(2):
        found = suspicious({"data": {"size": long, "password": long, "text": f"{long} {long}"}})
        assert [each.path for each in found] == ["data.password"]


def test_the_field_is_named_and_never_the_value() -> None:
    """By key, by the name of an item, by number."""
    containers = [
        {"name": "web", "env": [{"name": "TOKEN", "value": CHANCE}], "args": ["x", f"--token={CHANCE}"]}
    ]
    found = suspicious({"data": {"a.b": PEM}, "spec": {"containers": containers}})

    assert [each.path for each in found] == [
        "data['a.b']",
        "spec.containers[web].env[TOKEN].value",
        "spec.containers[web].args[1]",
    ]
    assert CHANCE not in str(found)


@pytest.mark.parametrize("name", [POSITIVE["github-token"][0], f"password={CHANCE}"])
def test_an_item_is_not_named_by_a_secret(name: str) -> None:
    """Of whatever sort it is: the item is counted."""
    found = suspicious({"l": [{"name": name, "token": CHANCE}]})

    assert [each.path for each in found] == ["l[0].name", "l[0].token"]


def test_hostile_keys_and_names_are_cut_and_made_visible() -> None:
    """What is logged and shown stays on its line, is one field, and has a bound."""
    long, broken = "a" * 5000, "a']\n\u202e.b"
    nested: dict[str, Any] = {"token": CHANCE}
    for _ in range(100):
        nested = {broken: nested}
    found = suspicious({"data": {long: PEM, broken: PEM}, "l": [{"name": broken, "value": PEM}], "z": nested})

    assert [each.path for each in found[:3]] == [
        f"data['{'a' * 79}…']",
        "data['a\\u0027\\u005d\\u000a\\u202e.b']",
        "l[a\\u0027\\u005d\\u000a\\u202e.b].value",
    ]
    assert all(len(each.path) <= 300 for each in found)


def test_masked_values_are_gone_and_what_is_beside_them_stays() -> None:
    """A digest that tells a rotation, the same each time; the original is not touched."""
    content = {"data": {"a": PEM, "b": "free"}, "args": ["x", f"--token={CHANCE}"]}
    before = json.dumps(content)
    made = without_suspicious(content, b"k")

    assert CHANCE not in str(made)
    assert (made["data"]["b"], made["args"][0]) == ("free", "x")
    assert made["data"]["a"].startswith("hmac:")
    assert without_suspicious(made, b"k") == made
    assert without_suspicious(content, b"other") != made
    assert json.dumps(content) == before


@pytest.mark.parametrize("setting", ["flag", "mask", "ignore"])
def test_messages_name_the_field_only(setting: Any) -> None:
    """Whatever is set, neither the old nor the new value is in the lines of a commit."""
    made = route(destination=msgspec.structs.replace(LIVE, suspicious=setting))
    old, new = web(annotations={"a-token": CHANCE}), web(annotations={"a-token": CHANCE[::-1]})
    decision = decide(made, change(new), recorded(made, old))

    assert decision.entry is not None
    assert decision.entry.edit.content is not None
    assert decision.entry.changes == ("metadata.annotations.a-token: changed",)
    assert (CHANCE[::-1].encode() in decision.entry.edit.content) is (setting != "mask")
    assert [each.rule for each in decision.suspicions or ()] == ["named-value"] * (setting == "flag")


def test_masking_begins_with_the_next_event_even_if_nothing_changed() -> None:
    """What was written in clear under another setting is written anew."""
    masks = route(destination=msgspec.structs.replace(LIVE, suspicious="mask"))
    obj = web(annotations={"a-token": CHANCE})
    decision = decide(masks, change(obj), recorded(route(), obj))

    assert decision.entry is not None
    assert decision.entry.edit.content is not None
    assert CHANCE.encode() not in decision.entry.edit.content
    assert decision.entry.changes == ("metadata.annotations.a-token: changed",)
    assert decide(masks, change(obj), decision.record).result == "unchanged"


@pytest.mark.parametrize("between", ["x", " ", "\n", "-"])
@pytest.mark.parametrize(
    "start", [0, PART - OVERLAP - 9, PART - 40, PART - 1, PART, 3 * PART - 20, 1_500_000]
)
def test_a_long_text_is_looked_at_to_its_end(start: int, between: str) -> None:
    """A secret is found wherever it stands in a text, also where one part ends and the next begins."""
    for secret, rule in ((JWT, "jwt"), (PEM, "private-key"), (f"password={CHANCE}", "named-value")):
        text = f"{(between * start)[: max(start - 1, 0)]} {secret} {between * 9000}"
        content = {"metadata": {}, "data": {"text": text}}

        assert [each.rule for each in suspicious(content)] == [rule]


def test_a_value_ends_where_the_next_name_that_tells_begins() -> None:
    """Of names that follow each other without a blank, each is looked at with its own value."""
    assert suspicious({"data": {"text": f"token=secret=password={CHANCE}"}})
    assert suspicious({"data": {"text": f"password={CHANCE},token=x"}})
    assert not suspicious({"data": {"text": "token=abc=" * 2000}})


def test_the_header_of_a_token_may_be_nested_deeper_than_python_reads() -> None:
    """What is no JWT is none, however its first part is made."""
    header = base64.urlsafe_b64encode(b'{"a":' + b"[" * 6000).decode().rstrip("=")

    assert token(f"{header}.eyJ{CHANCE}.{CHANCE}") == ""


@pytest.mark.parametrize(
    "text", ["password_is=abc=abc=", "the password is below: x=1", "token a b", "my-secret-of=1"]
)
def test_a_text_that_speaks_of_a_secret_and_assigns_none(text: str) -> None:
    """It is looked at to its end, and holds none."""
    assert named_secrets.inside(text) == ""


def test_no_token_is_shorter_than_the_texts_that_are_not_searched_for_it() -> None:
    """Short texts are searched for passwords in addresses alone: no other token fits into one."""
    shortest = {rule.name: _parser.parse(rule.shape.pattern).getwidth()[0] for rule in RULES}
    del shortest["url-password"]
    assert min(shortest.values()) >= LEAST
