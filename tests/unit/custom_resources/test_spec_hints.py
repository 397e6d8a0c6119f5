"""Hints of the daemon, for people who have a spec and no configuration file."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from reverser.custom_resources.spec_hints import in_words_of_spec
from reverser.git.errors import TABLE

PACKAGE = Path(__file__).parents[3] / "reverser"
KEYS = re.compile(r"destination's|destinations|ssh_key|create_branch|adopt =|the configuration names")


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (
            "check the destination's credentials: the login must be allowed to read and push this repository",
            "check the Secret of spec.secretRef: the login must be allowed to read and push this repository",
        ),
        (
            "set adopt = true for the destination shop/repo; if another daemon writes them, give the cluster "
            "another name or the destination another path",
            "set spec.adopt: true; if another daemon writes them, give the cluster another name or the "
            "GitRepoConfig another spec.path",
        ),
        ("no ssh_key is given", "no ssh-privatekey is given"),
        ("remote: my_ssh_key_is_fine", "remote: my_ssh_key_is_fine"),
    ],
)
def test_keys_of_the_file_become_fields_of_the_spec(message: str, expected: str) -> None:
    """What a person can set is named as it is spelt in the object; all else stays."""
    assert in_words_of_spec(message) == expected


def test_no_message_about_a_destination_names_a_key_of_the_file() -> None:
    """Every sentence that git, ssh and the writer have for a person reads well in a status."""
    modules = [*(PACKAGE / "git").glob("*.py"), *(PACKAGE / "writer").glob("*.py")]
    sentences = {row.hint for row in TABLE}
    for module in modules:
        for node in ast.walk(ast.parse(module.read_text())):
            if isinstance(node, ast.keyword | ast.Assign) and is_hint(node):
                sentences.update(texts(node.value))

    assert len(sentences) > 20
    assert [each for each in map(in_words_of_spec, sentences) if KEYS.search(each)] == []


def is_hint(node: ast.keyword | ast.Assign) -> bool:
    name = node.arg if isinstance(node, ast.keyword) else ast.unparse(node.targets[0])
    return "hint" in (name or "").lower()


def texts(node: ast.AST) -> list[str]:
    """The constant texts in an expression; parts of a formatted one are put together."""
    if isinstance(node, ast.JoinedStr):
        return ["".join(each.value if isinstance(each, ast.Constant) else "x" for each in node.values)]  # type: ignore[misc]
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    return [text for child in ast.iter_child_nodes(node) for text in texts(child)]
