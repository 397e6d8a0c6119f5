"""SOPS documents, as far as they are decided without the program."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from reverser.errors import WithheldError
from reverser.manifest import editor
from reverser.model.destination import Sops
from reverser.model.entry import Clear
from reverser.model.resource import ObjectKey, ResourceType
from reverser.model.rule import SanitizeRule, SensitiveRule
from reverser.sanitize.document import Policy, in_clear, sanitize
from reverser.sops import document as sops

SECRETS = ResourceType("", "v1", "secrets", "Secret", True)
DATABASES = ResourceType("example.com", "v1", "databases", "Database", True)
ENCRYPTED = "ENC[AES256_GCM,data:cA==,iv:aQ==,tag:dA==,type:str]"
METADATA = {"name": "db", "namespace": "shop"}
SECRET = {"apiVersion": "v1", "kind": "Secret", "metadata": METADATA, "data": {"a": "aHVudGVyMg==", "b": ""}}
CLEAR = Clear(SECRET, ("data", "stringData"))


def cleared(obj: dict[str, Any], type_: ResourceType, **policy: Any) -> Clear | None:
    """What of an object would be encrypted."""
    wanted = Policy(style="full", secrets="encrypt", mask_key=b"k", **policy)
    key = ObjectKey("default", type_.group, type_.resource, "shop", "db")
    document = sanitize(obj, key, type_, wanted)
    assert "hunter" not in str(document)
    assert "aHVudGVy" not in str(document)
    return in_clear(obj, type_, wanted, document)


def database(**spec: Any) -> dict[str, Any]:
    return {"apiVersion": "example.com/v1", "kind": "Database", "metadata": dict(METADATA), "spec": spec}


def answer(**changes: Any) -> bytes:
    """What the program would say to `CLEAR`."""
    return json.dumps(
        {**SECRET, "data": {"a": ENCRYPTED, "b": ""}, "sops": {"age": [{}], "mac": ENCRYPTED}, **changes}
    ).encode()


def test_a_secret_is_encrypted_as_its_users_expect() -> None:
    """Values of both maps stand under `data`, and that is what the regex names."""
    found = cleared({**SECRET, "stringData": {"c": "hunter3"}, "status": {"a": "b"}}, SECRETS)

    assert found == Clear({**SECRET, "data": {**SECRET["data"], "c": "aHVudGVyMw=="}}, ("data", "stringData"))  # type: ignore[dict-item]
    assert "hunter" not in repr(found)
    assert sops.arguments(Sops(age=("age1x", "age1y")), CLEAR)[2:4] == [
        "--age=age1x,age1y",
        "--encrypted-regex=^(data|stringData)$",
    ]


def test_a_secret_without_values_has_nothing_to_encrypt() -> None:
    """A Secret without values is written as it is, and sops is not started."""
    assert cleared({"apiVersion": "v1", "kind": "Secret", "metadata": METADATA}, SECRETS) is None
    assert cleared(database(size=1), DATABASES) is None


def test_what_was_taken_away_stays_away() -> None:
    """A key that a rule of the user's strips has no value in the encrypted file either."""
    found = cleared(SECRET, SECRETS, rules=(SanitizeRule(("secrets",), strip=("data.b",)),))

    assert found is not None
    assert found.content["data"] == {"a": "aHVudGVyMg=="}


@pytest.mark.parametrize(
    ("rule", "spec", "keys"),
    [
        pytest.param(
            {"paths": ("spec.password",)}, {"password": "hunter2", "size": 3}, ("password",), id="leaf"
        ),
        pytest.param(
            {"paths": ("spec.auth",)}, {"auth": {"a": "hunter2", "b": 7}, "c": 1}, ("auth",), id="map"
        ),
        pytest.param({"paths": ("spec.auth",)}, {"auth": {"a": "hunter2"}}, ("spec",), id="all of a map"),
        pytest.param({}, {"a": "hunter2", "b": [True, {"c": None}]}, ("spec",), id="whole"),
        pytest.param(
            {"paths": ("spec.users[*].token",)},
            {"users": [{"name": "a", "token": "hunter2"}, {"name": "b", "token": 7}]},
            ("token",),
            id="in a list",
        ),
        pytest.param(
            {"paths": ("spec.users[*].name",)},
            {"users": [{"name": "hunter2"}], "size": 3},
            ("users",),
            id="name",
        ),
        pytest.param(
            {"paths": ("spec.users[*].name",)},
            {"users": [{"name": "hunter2", "role": "x"}], "size": 3},
            ("users",),
            id="a namesake of the identity",
        ),
        pytest.param(
            {"paths": ("spec.a.token",)},
            {"a": {"token": "hunter2", "x": 1}, "b": {"token": "to read"}},
            ("token",),
            id="a namesake",
        ),
    ],
)
def test_sensitive_values_are_named_by_as_little_as_possible(
    rule: dict[str, Any], spec: dict[str, Any], keys: tuple[str, ...]
) -> None:
    """A field that only they have is chosen where there is one, never one that hides who the object is."""
    obj = database(**spec)

    assert cleared(obj, DATABASES, sensitive=(SensitiveRule(("databases",), **rule),)) == Clear(obj, keys)


def test_odd_names_are_taken_literally() -> None:
    """An annotation's dots and slashes mean themselves in the regex."""
    obj = database(size=1)
    obj["metadata"]["annotations"] = {"example.com/pass+word": "hunter2", "free": "x"}
    rule = SensitiveRule(("databases",), paths=("metadata.annotations['example.com/pass+word']",))
    found = cleared(obj, DATABASES, sensitive=(rule,))

    assert found is not None
    assert r"--encrypted-regex=^(example\.com/pass\+word)$" in sops.arguments(Sops(), found)


def test_the_answer_becomes_a_document_in_our_style() -> None:
    """Sorted, in block style, and what it says is what the program said."""
    file = sops.checked(CLEAR, answer())

    assert file.startswith(b"apiVersion: v1\nkind: Secret\nmetadata:\n  name: db\n")
    assert yaml.safe_load(file) == json.loads(answer())


@pytest.mark.parametrize(
    "said",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"[]", id="no object"),
        pytest.param(json.dumps(SECRET).encode(), id="not encrypted"),
        pytest.param(answer(data=SECRET["data"]), id="values in clear"),
        pytest.param(answer(data={"a": ENCRYPTED[:-1]}), id="cut"),
        pytest.param(answer(data={"a": ENCRYPTED}), id="a key is missing"),
        pytest.param(answer(data={"a": f"aHVudGVyMg== {ENCRYPTED}", "b": ""}), id="a value beside"),
        pytest.param(answer(metadata={"name": "other", "namespace": "shop"}), id="another object"),
        pytest.param(answer(note="aHVudGVyMg=="), id="something more"),
        pytest.param(answer(sops={"age": [{}]}), id="no mac"),
        pytest.param(answer(sops={"mac": ENCRYPTED}), id="for nobody"),
    ],
)
def test_no_answer_is_taken_on_trust(said: bytes) -> None:
    """What is not the document with its values encrypted withholds the object, and is not quoted."""
    with pytest.raises(WithheldError) as caught:
        sops.checked(CLEAR, said)
    assert "aHVudGVy" not in str(caught.value)


def test_an_object_whose_name_would_be_encrypted_is_withheld() -> None:
    """Nobody could tell any more what it is."""
    clear = Clear(database(size=1), ("name",))
    metadata = {**METADATA, "name": ENCRYPTED}
    said = {**clear.content, "metadata": metadata, "sops": {"age": [{}], "mac": ENCRYPTED}}

    with pytest.raises(WithheldError):
        sops.checked(clear, json.dumps(said).encode())


def test_a_field_that_sops_needs_is_not_overwritten() -> None:
    """An object with a field `sops` of its own is withheld."""
    with pytest.raises(WithheldError, match="'sops'"):
        sops.checked(Clear({**SECRET, "sops": {}}, ("data",)), answer())


def test_the_mark_tells_recipients_apart_and_nothing_else() -> None:
    """Order and program do not make another file; a key, or its kind, does."""
    mark = sops.mark(Sops(age=("a", "b"), pgp=("c",)))

    assert mark == sops.mark(Sops(age=("b", "a"), pgp=("c",), program="/opt/sops"))
    assert len({mark, sops.mark(Sops(age=("a",), pgp=("c",))), sops.mark(Sops(age=("a", "b", "c")))}) == 3


def test_an_encrypted_document_replaces_the_one_in_a_persons_file() -> None:
    """Whole, since SOPS vouches for the order; not beside other documents, which it could not decrypt."""
    existing = b"# mine\n---\ndata: {a: b}\nkind: Secret\n# end\n"
    content = json.loads(answer())

    assert editor.edit(existing, 1, content) == b"---\n" + sops.checked(CLEAR, answer())
    with pytest.raises(WithheldError, match="share a file"):
        editor.edit(b"kind: A\n---\nkind: Secret\n", 1, content)
