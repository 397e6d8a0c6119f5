"""The built-in hooks, as every process has them."""

from __future__ import annotations

from reverser.builtin_hooks import BuiltInHooks

HOOKS = BuiltInHooks()
