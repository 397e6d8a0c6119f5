"""Promises of telling which file describes an object, and whether it is the one to edit."""

from __future__ import annotations

import pytest

from reverser.manifest.object_index import ObjectIndex
from reverser.manifest.scanner import Identity, read

WEB = Identity("", "ConfigMap", "shop", "web")
MANIFEST = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: web\n  namespace: shop\ndata:\n  a: b\n"
UNNAMED = MANIFEST.replace("  namespace: shop\n", "")
BASE = {"base/kustomization.yaml": "resources: [web.yaml]\n", "base/web.yaml": MANIFEST}


def index(files: dict[str, str]) -> ObjectIndex:
    found = ObjectIndex()
    for path, text in files.items():
        found.update(path, read(path, text.encode()))
    return found


def told(files: dict[str, str], identity: Identity = WEB) -> list[tuple[str, str]]:
    return [(place.path, place.reason) for place in index(files).find(identity)]


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"a.yaml": MANIFEST}, [("a.yaml", "")]),
        ({"a.yaml": MANIFEST, "b.yaml": MANIFEST}, [("a.yaml", ""), ("b.yaml", "")]),
        ({"a.yaml": MANIFEST.replace("shop", "test")}, []),
        ({"a.yaml": UNNAMED}, [("a.yaml", "Ambiguous")]),
        ({"a.yaml": UNNAMED, "b.yaml": MANIFEST}, [("b.yaml", "")]),
        ({"a.yaml": MANIFEST.replace("shop", "${ns}")}, [("a.yaml", "Templated")]),
        ({"a.yaml": MANIFEST.replace("name: web", "name: ${env}eb")}, [("a.yaml", "Templated")]),
        ({"a.yaml": MANIFEST.replace("name: web", "name: '{{ .Release.Name }}'")}, []),
        ({"a.yaml": MANIFEST.replace("name: web", "name: ${env}-db")}, []),
        ({"a.yaml": MANIFEST, "t.yaml": MANIFEST.replace("name: web", "name: ${env}eb")}, [("a.yaml", "")]),
        ({"a.yaml": MANIFEST, "t.yaml": MANIFEST.replace("shop", "${ns}")}, [("a.yaml", "")]),
        (
            {"a.yaml": UNNAMED, "t.yaml": MANIFEST.replace("shop", "{{ .ns }}")},
            [("a.yaml", "Ambiguous"), ("t.yaml", "Templated")],
        ),
        ({"t.yaml": UNNAMED.replace("name: web", "name: ${env}eb")}, []),
        ({"t.yaml": MANIFEST.replace("name: web", "name: ${env}eb").replace("shop", "${ns}")}, []),
        ({"Chart.yaml": "name: c\n", "templates/a.yaml": MANIFEST}, []),
        ({"c/Chart.yaml": "name: c\n", "c/templates/sub/a.yaml": MANIFEST}, []),
        ({"c/templates/a.yaml": MANIFEST}, [("c/templates/a.yaml", "")]),
    ],
)
def test_what_describes_an_object(files: dict[str, str], expected: list[tuple[str, str]]) -> None:
    """Each place is told; what may be the object as well as another is no place to edit."""
    assert told(files) == expected


@pytest.mark.parametrize(
    ("kustomization", "expected"),
    [
        ("resources: [web.yaml]\n", [("k/web.yaml", "")]),
        ("resources: [./web.yaml]\nnamespace: test\n", []),
        ("patches:\n- path: web.yaml\n", []),
        ("patches:\n- path: web.yaml\n  target: {kind: ConfigMap}\n", []),
        ("patchesStrategicMerge: [web.yaml]\n", []),
        ("patchesJson6902:\n- path: web.yaml\n  target: {kind: ConfigMap, name: x}\n", []),
        ("configMapGenerator:\n- name: x\n  files: [a=web.yaml]\n", []),
        ("helmCharts:\n- name: x\n  valuesFile: web.yaml\n", []),
        ("transformers: [web.yaml]\n", []),
        ("crds: [web.yaml]\n", []),
        ("resources: [web.yaml]\ncrds: [web.yaml]\n", [("k/web.yaml", "")]),
        (
            "resources: [web.yaml]\nconfigMapGenerator:\n- name: x\n  files: [web.yaml]\n",
            [("k/web.yaml", "")],
        ),
        ("replacements:\n- path: web.yaml\n", []),
        ("kind: Component\nresources: [web.yaml]\n", [("k/web.yaml", "Generated")]),
        ("resources: [web.yaml]\nnamePrefix: my-\n", []),
        (
            "resources: [web.yaml]\npatches:\n- patch: '[]'\n  target: {name: web}\n",
            [("k/web.yaml", "Generated")],
        ),
        ("resources: [web.yaml]\npatches:\n- patch: '[]'\n  target: {name: other}\n", [("k/web.yaml", "")]),
        ("resources: [web.yaml]\npatches:\n- path: p.yaml\n", [("k/web.yaml", "Generated")]),
    ],
)
def test_what_kustomize_makes_of_a_file(kustomization: str, expected: list[tuple[str, str]]) -> None:
    """A patch, an input, what is renamed or belongs to a component is not the object's own file."""
    patch = UNNAMED.replace("\ndata", "\n$patch: replace\ndata")
    files = {"k/kustomization.yaml": kustomization, "k/web.yaml": MANIFEST, "k/p.yaml": patch}

    assert [place for place in told(files) if place[0] != "k/p.yaml"] == expected


def test_an_overlay_gives_the_namespace() -> None:
    """A base without a namespace is that of the one overlay that includes it; of two it is neither's."""
    base = BASE | {"base/web.yaml": UNNAMED}
    one = base | {"prod/kustomization.yml": "namespace: shop\nbases: [../base]\n"}
    two = one | {"test/Kustomization": "namespace: test\nresources: [../base]\n"}

    assert told(one) == [("base/web.yaml", "")]
    assert told(two) == [("base/web.yaml", "Generated")]
    assert told(two, Identity("", "ConfigMap", "test", "web")) == [("base/web.yaml", "Generated")]
    assert told(two, Identity("", "ConfigMap", "other", "web")) == []


def test_names_that_kustomize_gives_are_known() -> None:
    """An object under a prefix, and one that a generator makes, get no second file."""
    files = BASE | {
        "prod/kustomization.yaml": "namePrefix: my-\nnamespace: shop\nresources: [../base]\n"
        "configMapGenerator:\n- name: env\n- name: fixed\n  options: {disableNameSuffixHash: true}\n"
    }

    def reason(name: str) -> list[tuple[str, str]]:
        return told(files, Identity("", "ConfigMap", "shop", name))

    assert reason("web") == []
    assert reason("my-web") == [("base/web.yaml", "Generated")]
    assert reason("my-env-5h2kd9t7g8") == [("prod/kustomization.yaml", "Generated")]
    assert reason("my-env") == reason("env") == []
    assert reason("my-fixed") == [("prod/kustomization.yaml", "Generated")]


@pytest.mark.parametrize("name", ["grafana-dashboards", "grafana-production", "grafana-0123456789"])
def test_a_word_is_no_hash_of_kustomize(name: str) -> None:
    """A ConfigMap whose name begins like that of a generator is an object of its own."""
    files = {
        "kustomization.yaml": "configMapGenerator:\n- name: grafana\n",
        "a.yaml": MANIFEST.replace("web", name),
    }

    assert told(files, Identity("", "ConfigMap", "shop", name)) == [("a.yaml", "")]
    assert told(files, Identity("", "ConfigMap", "shop", "grafana-6ct58987ht")) == [
        ("kustomization.yaml", "Generated")
    ]


def test_names_that_kustomize_gives_follow_their_files() -> None:
    """A file that comes, changes or goes under a prefix is found by its new name alone."""
    found = index({"kustomization.yaml": "namePrefix: my-\nresources: [a.yaml]\n"})

    def where(name: str) -> list[str]:
        return [place.path for place in found.find(Identity("", "ConfigMap", "shop", name))]

    assert where("my-web") == []
    found.update("a.yaml", read("a.yaml", MANIFEST.encode()))
    assert where("my-web") == ["a.yaml"]
    found.update("a.yaml", read("a.yaml", MANIFEST.replace("web", "db").encode()))
    assert (where("my-web"), where("my-db")) == ([], ["a.yaml"])
    found.update("a.yaml", None)
    assert where("my-db") == []


def test_the_index_follows_its_files() -> None:
    """What a file said before does not count any more; a kustomization that goes frees its patches."""
    found = index({"k/kustomization.yaml": "patches:\n- path: web.yaml\n", "k/web.yaml": MANIFEST})
    assert found.find(WEB) == []

    found.update("k/kustomization.yaml", None)
    assert [place.path for place in found.find(WEB)] == ["k/web.yaml"]
    found.update("k/web.yaml", read("k/web.yaml", MANIFEST.replace("web", "db").encode()))
    assert found.find(WEB) == []
    found.update("k/web.yaml", None)
    assert list(found.objects()) == []


def test_kustomizations_that_include_each_other_end() -> None:
    """Rings and ladders of kustomizations cost no more than they have variants."""
    files = {
        f"k{at}/kustomization.yaml": f"resources: [../k{(at + 1) % 40}, ../k{(at + 7) % 40}, web.yaml]\n"
        for at in range(40)
    }
    files["k0/web.yaml"] = MANIFEST

    assert {reason for _, reason in told(files)} == {"Generated"}
