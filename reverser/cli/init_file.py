"""A commented reverser.toml: what was answered, and where the other keys are described.

Values are written by tomli-w, so that a Windows path or a quote in an answer stays a value.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import tomli_w

HEAD = """\
# Written by `reverser init`. docs/configuration.md and config.example.toml have every key.
# `reverser check --config FILE` checks this file and connects to everything in it.

"""


class Draft(msgspec.Struct, frozen=True):
    """The answers."""

    url: str
    branch: str
    data_dir: str
    kubeconfig: str
    context: str
    namespaces: tuple[str, ...]
    credentials: Mapping[str, Any]

    def render(self) -> str:
        """The file's text."""
        return HEAD + "\n".join(
            [
                "# The journal, the bare repositories and the keys. Keep it across restarts.",
                _line("data_dir", self.data_dir),
                "\n[[clusters]]",
                _line("name", "default"),
                "# Empty: in-cluster, else $KUBECONFIG, else ~/.kube/config.",
                _line("kubeconfig", self.kubeconfig),
                "# Empty: the kubeconfig's current context.",
                _line("context", self.context),
                "\n[[destinations]]",
                _line("name", "live"),
                _line("url", self.url),
                "# Made when it is missing.",
                _line("branch", self.branch),
                "# A folder inside the repository; empty: its root.",
                _line("path", ""),
                "# Secrets have no file at all; mask would keep their keys.",
                _line("secrets", "omit"),
                *self._login(),
                "\n[[rules]]",
                _line("name", "everything"),
                _line("destination", "live"),
                "# As kubectl spells them: deployments, *.apps, deploy, Deployment, *.",
                _line("resources", ["*"]),
                '# Globs. With ["*"], objects without a namespace are written too.',
                _line("namespaces", list(self.namespaces)),
                _line("exclude_namespaces", ["kube-*"]),
                "",
            ]
        )

    def _login(self) -> list[str]:
        if not self.credentials:
            return []
        comment = "# Files are read again at each use; { env = … } works as well."
        lines = [_line(key, value) for key, value in self.credentials.items()]
        return ["\n[destinations.credentials]", comment, *lines]


def _line(key: str, value: Any) -> str:
    return f"{key} = {_value(value)}"


def _value(value: Any) -> str:
    """On one line, where tomli-w would write a list as many and a table as a section."""
    if isinstance(value, list):
        return f"[{', '.join(map(_value, value))}]"
    if isinstance(value, dict):
        return f"{{ {', '.join(_line(*item) for item in value.items())} }}"
    return tomli_w.dumps({"x": value}).removeprefix("x = ").strip()
