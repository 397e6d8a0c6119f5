"""The built-in hooks, as every process has them."""

from __future__ import annotations

from reverser import builtin
from reverser.plugins import Host
from reverser.stages.identity import compile_identities
from reverser.stages.mailmap import Mailmap

HOOKS = Host().deciding(builtin.plugins(compile_identities((), Mailmap())))
