"""Objects of one size and many shapes, each as it was and as it is after a change.

The size is what an API server takes at most. Each shape makes another part of the way costly: one long
text, very many short ones, wide maps, long lists in another order, deep nesting, what looks like secrets.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from itertools import cycle, islice
from typing import Any

from reverser.model.resource import ResourceType

VERBS = ("get", "list", "watch")
CONFIG_MAPS = ResourceType("", "v1", "configmaps", "ConfigMap", True, VERBS)
SECRETS = ResourceType("", "v1", "secrets", "Secret", True, VERBS)
DEPLOYMENTS = ResourceType("apps", "v1", "deployments", "Deployment", True, VERBS, subresources=("status",))
WIDGETS = ResourceType("example.com", "v1", "widgets", "Widget", True, VERBS)

Pair = tuple[ResourceType, dict[str, Any], dict[str, Any]]
"""(type, the object before its change, the object after it)"""

PUMPS = {
    "assignments to one name": "secret=abc=",
    "query string": "a=1&token=",
    "jwt heads": "-eyJhbGciOiJub25lIn0",
    "openai heads": "-sk-T3BlbkFJ",
    "private key headings": "-----BEGIN PRIVATE KEY-----",
    "base64 headings of keys": "LS0tLS1CRUdJTi",
    "passwords in addresses": "://a:b",
    "blanks behind names": "token  \t ",
    "quotes behind names": 'token="',
    "words of one letter": "a b ",
    "assigned blanks": "pwd: ",
    "marks of all tokens": '"private_key_id" AKIA AIza AccountKey= ghp_ glpat- xoxb- hvs.eyJ SG. npm_ ',
    "one word": "a",
    "one line of colons": "a:b ",
    "digits": "1.",
    "wordy names": "client-key-data.",
    "percents": "%(",
    "escapes": '\\"\x01',
}
"""One text of a ConfigMap each, made of nothing but this."""


def shapes(size: int) -> Iterable[tuple[str, Pair]]:
    """(name, pair) of every shape, each about `size` bytes as JSON."""
    for name, pump in PUMPS.items():
        yield name, _of_text(pump * (size // len(json.dumps(pump)[1:-1])))
    for name, make in _SHAPES.items():
        yield name, make(size)


def _of_text(text: str) -> Pair:
    return (
        CONFIG_MAPS,
        _object(CONFIG_MAPS, data={"text": text}),
        _object(CONFIG_MAPS, data={"text": text + "x"}),
    )


def _lines(size: int) -> Pair:
    line = "2026-03-01T08:00:00Z INFO server=10.0.0.1 path=/a/b key: value-{}\n"
    return _of_text("".join(line.format(number) for number in range(size // 65)))


def _minified(size: int) -> Pair:
    part = 'function a{0}(b,c){{return b.token=c&&d?e:"f{0}",g=[1,2],key={{h:!0}}}};'
    return _of_text("".join(part.format(number) for number in range(size // 75)))


def _base64(size: int) -> Pair:
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return _of_text("".join(islice(cycle(alphabet[7:] + alphabet), size)))


def _wide_map(size: int) -> Pair:
    data = {f"key-{number:06}.conf": f"value number {number} of many" for number in range(size // 46)}
    return (
        CONFIG_MAPS,
        _object(CONFIG_MAPS, data=data),
        _object(CONFIG_MAPS, data={k: v + "!" for k, v in data.items()}),
    )


def _long_names(size: int) -> Pair:
    data = {f"{number:06}{'passw.key_' * 24}": "a=1 b=2 c" for number in range(size // 265)}
    return (
        CONFIG_MAPS,
        _object(CONFIG_MAPS, data=data),
        _object(CONFIG_MAPS, data={k: v + "3" for k, v in data.items()}),
    )


def _many_secrets(size: int) -> Pair:
    data = {f"k{number:06}_password": f"Zx9{number:06}qW7!vT" for number in range(size // 40)}
    return (
        CONFIG_MAPS,
        _object(CONFIG_MAPS, data=data),
        _object(CONFIG_MAPS, data={k: v + "U" for k, v in data.items()}),
    )


def _secret(size: int) -> Pair:
    data = {f"k{number:06}": f"c2VjcmV0LW51bWJlci17{number:08}MDAw" for number in range(size // 45)}
    return SECRETS, _object(SECRETS, data=data), _object(SECRETS, data={**data, "k000000": "YQ=="})


def _numbers(size: int) -> Pair:
    items = list(range(100_000, 100_000 + size // 7))
    return _widget(items, items[::-1])


def _floats(size: int) -> Pair:
    items = [number + 0.5 for number in range(size // 8)]
    return _widget(items, items[1:])


def _named_list(size: int) -> Pair:
    items = [{"name": f"item-{number:06}", "value": f"v{number}"} for number in range(size // 40)]
    return _widget(items, items[::-1])


def _unnamed_list(size: int) -> Pair:
    items = [{"a": number, "b": {"c": [number]}} for number in range(size // 32)]
    return _widget(items, items[::-1])


def _hidden_names(size: int) -> Pair:
    items = [{"name": f"token=Zx9{number:06}qW7vT2", "value": 1} for number in range(size // 45)]
    return _widget(items, [{**item, "value": 2} for item in items])


def _arguments(size: int) -> Pair:
    items = [f"--option-{number:06}=value{number}" for number in range(size // 33)]
    return _widget(items, items[::-1])


def _empty_lists(size: int) -> Pair:
    return _widget([[] for _ in range(size // 3)], [{} for _ in range(size // 3)])


def _nulls(size: int) -> Pair:
    items = [{"a/b!": None} for _ in range(size // 14)]
    return _widget(items, items[1:])


def _deep(size: int) -> Pair:
    def nested(leaf: str) -> Any:
        value: Any = leaf
        for _ in range(180):
            value = {"next": value}
        return value

    rest = {f"f{number}": {"a": {"b": {"c": "d"}}} for number in range(size // 37)}
    return _widget({**rest, "deep": nested("a")}, {**rest, "deep": nested("b")})


def _too_deep(size: int) -> Pair:
    value: Any = []
    for _ in range(900):
        value = [value]
    return _widget([value, *([] for _ in range(size // 3))], [value, 1])


def _annotations(size: int) -> Pair:
    texts = {
        f"example.com/note-{number:05}": "token=abc; " * 3 for number in range(min(size, 256 * 1024) // 65)
    }
    before, after = _object(WIDGETS, spec={"a": 1}), _object(WIDGETS, spec={"a": 1})
    before["metadata"]["annotations"] = texts
    after["metadata"]["annotations"] = {name: text + "x" for name, text in texts.items()}
    return WIDGETS, before, after


def _managed(size: int) -> Pair:
    fields = {"f:spec": {f"f:field-{number:06}": {} for number in range(size // 22)}}
    entry = {
        "manager": "kubectl",
        "operation": "Update",
        "apiVersion": "example.com/v1",
        "time": "2026-03-01T08:00:00Z",
    }
    before, after = (_object(WIDGETS, spec={"a": number}) for number in (1, 2))
    for each in (before, after):
        each["metadata"]["managedFields"] = [{**entry, "fieldsType": "FieldsV1", "fieldsV1": fields}]
    return WIDGETS, before, after


def _managers(size: int) -> Pair:
    entry = {"operation": "Update", "time": "2026-03-01T08:00:00Z", "subresource": "status"}
    before, after = (_object(WIDGETS, spec={"a": number}) for number in (1, 2))
    for each in (before, after):
        each["metadata"]["managedFields"] = [
            {"manager": f"m{number:05}", **entry} for number in range(size // 98)
        ]
    return WIDGETS, before, after


def _finalizers(size: int) -> Pair:
    names = [f"example.com/f{number:05}" for number in range(size // 150)]
    entry = {"operation": "Update", "apiVersion": "example.com/v1", "fieldsType": "FieldsV1"}
    before, after = (_object(WIDGETS, spec={"a": number}) for number in (1, 2))
    for each in (before, after):
        each["metadata"]["finalizers"] = names
        each["metadata"]["managedFields"] = [
            {
                "manager": f"m{name}",
                **entry,
                "fieldsV1": {"f:metadata": {"f:finalizers": {f'v:"{name}"': {}}}},
            }
            for name in names
        ]
    return WIDGETS, before, after


def _owners(size: int) -> Pair:
    before, after = (_object(WIDGETS, spec={"a": number}) for number in (1, 2))
    for each in (before, after):
        each["metadata"]["ownerReferences"] = [{"uid": f"{number:06}"} for number in range(size // 18)]
    return WIDGETS, before, after


def _environment(size: int) -> Pair:
    env = [{"name": f"OPTION_{number:06}_TOKEN", "value": f"value-{number}"} for number in range(size // 60)]
    return DEPLOYMENTS, _deployment(env), _deployment(env[::-1])


def _deployment(env: list[dict[str, str]]) -> dict[str, Any]:
    container = {"name": "main", "image": "nginx:1.27", "env": env}
    spec = {"replicas": 1, "selector": {}, "template": {"metadata": {}, "spec": {"containers": [container]}}}
    return _object(DEPLOYMENTS, spec=spec)


def _widget(before: Any, after: Any) -> Pair:
    return WIDGETS, _object(WIDGETS, spec={"items": before}), _object(WIDGETS, spec={"items": after})


def _object(resource: ResourceType, **content: Any) -> dict[str, Any]:
    metadata = {"name": "large", "namespace": "shop", "uid": "1", "resourceVersion": "7"}
    return {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata, **content}


_SHAPES: dict[str, Callable[[int], Pair]] = {
    "log lines": _lines,
    "minified script": _minified,
    "base64url in one line": _base64,
    "30,000 keys": _wide_map,
    "long names of keys": _long_names,
    "30,000 passwords": _many_secrets,
    "Secret of 30,000 keys": _secret,
    "numbers reversed": _numbers,
    "fractions moved": _floats,
    "named items reversed": _named_list,
    "unnamed items reversed": _unnamed_list,
    "items with secret names": _hidden_names,
    "arguments reversed": _arguments,
    "empty lists": _empty_lists,
    "nulls": _nulls,
    "200 levels": _deep,
    "900 levels": _too_deep,
    "annotations": _annotations,
    "managed fields": _managed,
    "15,000 managers": _managers,
    "finalizers": _finalizers,
    "owners": _owners,
    "environment reversed": _environment,
}
