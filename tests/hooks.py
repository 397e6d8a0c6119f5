"""The built-in hooks, as every process has them."""

from __future__ import annotations

from reverser import builtin
from reverser.identity.author import compile_identities
from reverser.identity.mailmap import Mailmap
from reverser.plugins import Host

HOOKS = Host().deciding(builtin.plugins(compile_identities((), Mailmap())))
